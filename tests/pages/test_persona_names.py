"""Renaming a persona on its page, links to the old id, and labels: on the page, and in a chat."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from personachat.owners import LOCAL_OWNER
from personachat.services import get_services
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "tutor.json").write_text(text(temperature=0.1))
    return made


@pytest.fixture
def open_page(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    be_local(monkeypatch)

    def open_it(persona_id: str, **query: str) -> AppTest:
        at = open_home()
        at.switch_page("pages/personas.py")
        at.query_params["id"] = persona_id
        for name, value in query.items():
            at.query_params[name] = value
        at.session_state["persona_tab"] = "JSON"
        at.run()
        assert not at.exception
        return at

    return open_it


def text(persona_id: str = "tutor", **keys: Any) -> str:
    return persona_text(persona_id, name="Tutor", model="fake-1", **keys)


def rename(at: AppTest, new_id: str) -> None:
    menu = at.menu_button(key="persona_menu")
    menu.set_value(next(option for option in menu.options if option.endswith("Rename…"))).run()
    assert at.button(key="confirm_rename").disabled
    at.text_input(key="new_file_id").set_value(new_id).run()
    at.button(key="confirm_rename").click().run()
    assert not at.exception


def test_a_persona_is_renamed_with_its_draft(open_page: OpenPage, folder: Path) -> None:
    at = open_page("tutor")
    at.session_state[at.session_state["persona_desk"].mount.key] = text(temperature=0.9)
    at.run()

    rename(at, "coach")

    assert json.loads((folder / "coach.json").read_text())["temperature"] == 0.1
    assert not (folder / "tutor.json").exists()
    assert list(at.session_state["persona_drafts"]) == ["coach"]
    draft = json.loads(at.session_state["persona_drafts"]["coach"].text)
    assert (draft["id"], draft["temperature"]) == ("coach", 0.9)
    at.button(key="save").click().run()
    assert json.loads((folder / "coach.json").read_text())["temperature"] == 0.9
    assert at.query_params["id"] == "coach"


def test_what_is_typed_while_somebody_else_renames_it_is_saved_under_the_new_id(
    open_page: OpenPage, folder: Path
) -> None:
    at = open_page("tutor")
    key = at.session_state["persona_desk"].mount.key
    get_services().personas.rename("tutor", "coach")
    at.session_state[key] = text(temperature=0.9)
    at.run()
    at.button(key="save").click().run()

    assert not at.exception
    assert [path.name for path in folder.glob("*.json")] == ["coach.json"]
    assert json.loads((folder / "coach.json").read_text())["temperature"] == 0.9
    assert not at.session_state["persona_drafts"]


def test_an_id_that_is_no_good_is_said_and_nothing_happens(open_page: OpenPage, folder: Path) -> None:
    at = open_page("tutor")
    rename(at, "schema")
    assert "reserved" in at.error[0].value
    assert (folder / "tutor.json").exists()


def test_a_link_to_the_old_id_opens_the_renamed_persona(open_page: OpenPage) -> None:
    open_page("tutor")
    get_services().personas.rename("tutor", "coach")

    at = open_page("tutor", revision="1")

    assert any("Tutor" in each.value for each in at.subheader)
    assert not at.warning
    assert at.session_state["persona_tab"] == "History"
    assert any("Revision 1" in each.value for each in at.markdown)


def label(number: int, name: str = "production") -> None:
    get_services().of(LOCAL_OWNER, author="Ada").collection.label("tutor", name, number)


def test_a_label_is_put_moved_and_removed_in_the_history(open_page: OpenPage, folder: Path) -> None:
    at = open_page("tutor")
    get_services().personas.save(text(temperature=0.2))
    at.session_state["persona_tab"] = "History"
    at.run()
    at.button(key="label-Add the label production").click().run()
    assert [each.number for each in get_services().labels.of("tutor")] == [2]

    at.button(key="revision-1").click().run()
    at.button(key="label-Move production here from revision 2").click().run()
    assert [each.number for each in get_services().labels.of("tutor")] == [1]

    at.button(key="label-Remove production").click().run()
    assert get_services().labels.of("tutor") == ()

    for typed, left in (("beta", ""), ("no label!", "no label!")):  # what is refused can be corrected
        at.text_input(key="new_label").set_value(typed)
        next(each for each in at.button if each.label == "Add").click().run()
        assert at.text_input(key="new_label").value == left
    assert [each.label for each in get_services().labels.of("tutor")] == ["beta"]
    assert not at.exception


def test_any_two_revisions_are_compared_the_older_one_first(open_page: OpenPage) -> None:
    at = open_page("tutor")
    for temperature in (0.2, 0.3):
        get_services().personas.save(text(temperature=temperature))
    at.session_state["persona_tab"] = "History"
    at.run()

    at.segmented_control(key="revision_against").set_value("other").run()
    assert any("From revision 1 to revision 3" in each.value for each in at.caption)
    shown = " ".join(str(each.proto.body) for each in at.get("html"))
    assert shown.index("0.1") < shown.index("0.3")


def test_a_chat_asks_for_a_label_and_keeps_to_it(open_home: OpenPage, fake: FakeProvider) -> None:
    open_home()
    get_services().personas.all()
    get_services().personas.save(text(temperature=0.2))
    label(1)

    at = open_home(persona="tutor@production")
    assert at.selectbox(key="persona_choice").value == "tutor@production"
    assert [option for option in at.selectbox(key="persona_choice").options if "production" in option]
    at.chat_input[0].set_value("Hello").run()
    assert not at.exception

    assert fake.chats[-1].body["temperature"] == 0.1


def test_a_chat_with_the_old_id_goes_on_with_the_new_one(open_home: OpenPage) -> None:
    open_home()
    get_services().personas.rename("tutor", "coach")

    at = open_home(persona="tutor")

    assert at.selectbox(key="persona_choice").value == "coach"
    assert not at.warning
