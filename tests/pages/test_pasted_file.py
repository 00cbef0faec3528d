"""A text of another program in the editor is named, and imported in its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import persona_text
from tests.pages.conftest import OpenPage

MESSAGES = {
    "model": "fake-2",
    "messages": [{"role": "system", "content": "You are a harbour clerk."}],
    "temperature": 0.3,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "tutor.json").write_text(persona_text("tutor"))
    return made


@pytest.fixture
def at(open_home: OpenPage) -> AppTest:
    page = open_home()
    page.switch_page("pages/personas.py")
    page.query_params["id"] = "tutor"
    page.run()
    return page


def write(at: AppTest, text: str) -> None:
    """What the editor reports after typing."""
    at.session_state["persona_tab"] = "JSON"
    at.run()
    at.session_state[at.session_state["persona_desk"].mount.key] = text
    at.run()
    assert not at.exception


def told(at: AppTest) -> str:
    return " ".join(str(each.value) for each in at.markdown)


def test_it_is_named_and_imported_as_a_draft_of_the_open_persona(at: AppTest, folder: Path) -> None:
    write(at, json.dumps(MESSAGES, indent=1))
    assert "This looks like a list of chat messages." in told(at)
    assert 'The key "id" is missing' not in told(at)
    at.button(key="import_pasted").click().run()
    assert not at.exception
    draft = json.loads(at.session_state["persona_drafts"]["tutor"].text)
    assert (draft["id"], draft["systemPrompt"], draft["model"]) == (
        "tutor",
        "You are a harbour clerk.",
        "fake-2",
    )
    assert json.loads((folder / "tutor.json").read_text())["systemPrompt"] == "You are a test."


def test_a_persona_with_a_fault_is_told_its_faults(at: AppTest) -> None:
    write(at, '{"id": "tutor", "name": 7,\n "systemPrompt": ""}')
    assert not [button for button in at.button if button.key == "import_pasted"]
    assert at.session_state["persona_desk"].mount is not None
