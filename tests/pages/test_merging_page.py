"""Saving over what somebody else saved meanwhile: both changes are kept, and only a real clash is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from personachat.services import get_services
from tests.pages.conftest import OpenPage

STARTED: dict[str, Any] = {
    "id": "tutor",
    "name": "Tutor",
    "description": "Asks",
    "systemPrompt": "Ask questions.",
    "temperature": 0.7,
}


def text_of(**keys: Any) -> str:
    return json.dumps(STARTED | keys, indent=2) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "tutor.json").write_text(text_of())
    return made


@pytest.fixture(params=["files", "database"])
def opened(request: pytest.FixtureRequest, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The page with the tutor open, over each kind of store."""
    monkeypatch.setenv("PERSONACHAT_PERSONA_STORE", request.param)
    at = open_home()
    at.switch_page("pages/personas.py")
    at.query_params["id"] = "tutor"
    at.session_state["persona_tab"] = "JSON"
    at.run()
    assert not at.exception
    return at


def write(at: AppTest, text: str) -> None:
    at.session_state[at.session_state["persona_desk"].mount.key] = text
    at.run()


def save(at: AppTest) -> None:
    at.button(key="save").click().run()
    assert not at.exception


def save_elsewhere(**keys: Any) -> None:
    get_services().personas.save(text_of(**keys))


def stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(get_services().personas.get("tutor").text)
    return found


def test_different_fields_are_saved_together_and_said(opened: AppTest) -> None:
    write(opened, text_of(temperature=0.2))
    save_elsewhere(description="Asks *and* waits")
    save(opened)

    assert stored() == STARTED | {"temperature": 0.2, "description": "Asks *and* waits"}
    said = " ".join(each.value for each in opened.info)
    assert "temperature 0.7" in said
    assert "From elsewhere: description" in said
    assert "tutor" not in opened.session_state["persona_drafts"]
    newest = get_services().revisions.of("tutor")[0]
    assert newest.note == "Merged with a newer version"


def test_what_both_changed_is_asked_field_by_field(opened: AppTest) -> None:
    write(opened, text_of(name="Mine", systemPrompt="Mine.", temperature=0.2))
    save_elsewhere(name="Theirs", systemPrompt="Theirs.", description="D")
    save(opened)
    name, prompt = (at for at in opened.segmented_control if str(at.key).startswith("merge_choice_"))
    assert opened.button(key="save_merged").disabled
    name.set_value("Keep mine").run()
    assert opened.button(key="save_merged").disabled
    prompt = next(at for at in opened.segmented_control if at.key == prompt.key)
    prompt.set_value("Keep theirs").run()
    opened.button(key="save_merged").click().run()

    expected = STARTED | {"name": "Mine", "systemPrompt": "Theirs.", "temperature": 0.2, "description": "D"}
    assert stored() == expected


def test_a_third_version_that_comes_while_one_is_asked_is_merged_as_well(opened: AppTest) -> None:
    write(opened, text_of(name="Mine"))
    save_elsewhere(name="Theirs")
    save(opened)
    next(at for at in opened.segmented_control if str(at.key).startswith("merge_")).set_value(
        "Keep mine"
    ).run()
    save_elsewhere(temperature=1.5)
    opened.button(key="save_merged").click().run()

    assert stored() == STARTED | {"name": "Mine", "temperature": 1.5}
