"""What the personas page comes back with when its session is lost: unsaved text, and what was clicked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from personachat.owners import LOCAL_OWNER
from personachat.personas.persona import parse_persona
from personachat.services import get_services
from personachat.ui import owner as owners
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.pages.conftest import OpenPage
from tests.pages.lost_sessions import (
    click,
    come_back,
    lose_session,
    open_personas,
    said,
    stored,
    type_prompt,
    undo,
    write,
)

pytestmark = pytest.mark.usefixtures("local")


def test_what_was_typed_into_the_form_is_saved(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    type_prompt(at, "After.")
    click(at, "save")
    new = lose_session(at)

    assert stored("second") == "After."
    assert "Saved **Second**" in said(new)


@pytest.mark.parametrize(("event", "was_done"), [("unsent", False), ("row", True)])
def test_what_the_page_asks_for_by_itself_is_nothing_that_was_not_done(
    open_home: OpenPage, event: str, *, was_done: bool
) -> None:
    at = open_personas(open_home, "second")
    type_prompt(at, "After.")
    states = at._tree.get_widget_states()
    sent = json.dumps([{"event": event, "value": True}])
    widget_id = "$$STREAMLIT_INTERNAL_KEY_$$ID-6225d0e3135b-page_behaviour__events"
    states.widgets.append(WidgetState(id=widget_id, json_trigger_value=sent))
    new = come_back(at, states)

    assert "After." in new.session_state["persona_drafts"]["second"].text
    assert ("your last action was not carried out" in said(new)) is was_done


def test_what_was_typed_into_the_editor_is_saved(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    write(at, persona_text("second", name="Second", systemPrompt="Typed."))
    click(at, "save")
    lose_session(at)

    assert stored("second") == "Typed."


def test_unsaved_text_is_unsaved_whatever_is_done_first(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    write(at, persona_text("second", name="Second", systemPrompt="Typed."))
    click(at, "persona-default-persona")
    new = lose_session(at)

    assert "Typed." in new.session_state["persona_drafts"]["second"].text
    assert stored("second") != "Typed."


def test_a_version_that_somebody_else_saved_meanwhile_is_not_overwritten(
    open_home: OpenPage, folder: Path
) -> None:
    at = open_personas(open_home, "second")
    write(at, persona_text("second", name="Second", systemPrompt="Mine."))
    click(at, "save")
    (folder / "second.json").write_text(persona_text("second", name="Second", systemPrompt="Theirs."))
    new = lose_session(at)

    assert stored("second") == "Theirs."
    assert new.session_state["persona_desk"].question.kind == "merge"


def test_a_text_that_was_saved_before_it_was_changed_again_asks_nothing(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    write(at, persona_text("second", name="Second", systemPrompt="Saved before."))
    at.button(key="save").click().run()
    write(at, persona_text("second", name="Second", systemPrompt="Changed again."))
    click(at, "save")
    lose_session(at)

    assert stored("second") == "Changed again."


def test_an_untouched_page_shows_what_somebody_else_saved(open_home: OpenPage, folder: Path) -> None:
    at = open_personas(open_home, "second")
    write(at, at.session_state["persona_desk"].mount.text)
    (folder / "second.json").write_text(persona_text("second", name="Second", systemPrompt="Theirs."))
    click(at, "persona-second")
    new = lose_session(at)

    assert not new.session_state["persona_drafts"]
    assert "Saved" in said(new)


def test_a_persona_that_was_never_saved_is_saved(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    at.menu_button(key="persona_menu").set_value(":material/content_copy: Duplicate").run()
    write(at, at.session_state["persona_desk"].mount.text)
    click(at, "save")
    lose_session(at)

    assert stored("second-copy") == stored("second")


def test_a_persona_is_deleted(open_home: OpenPage, folder: Path) -> None:
    at = open_personas(open_home, "second")
    at.menu_button(key="persona_menu").set_value(":material/delete: Delete").run()
    click(at, "confirm_delete")
    lose_session(at)

    assert not (folder / "second.json").exists()


def test_a_deleted_persona_comes_back(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    at.menu_button(key="persona_menu").set_value(":material/delete: Delete").run()
    at.button(key="confirm_delete").click().run()
    assert "second" not in [each.id for each in get_services().personas.all()]
    new = undo(at)

    assert "second" in [each.id for each in get_services().personas.all()]
    assert "was not carried out" not in said(new)


def test_a_persona_is_created(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    at.button(key="create").click().run()
    at.session_state["create_tab"] = "Blank or a copy"
    at.run()
    at.text_input(key="new_persona_name").set_value("Brand new")
    click(at, "confirm_create")
    new = lose_session(at)

    assert [parse_persona(each.text).name for each in new.session_state["persona_drafts"].values()] == [
        "Brand new"
    ]


def test_several_personas_that_were_selected_are_deleted(open_home: OpenPage, folder: Path) -> None:
    at = open_personas(open_home, "default-persona")
    at.button(key="choose_personas").click().run()
    at.checkbox(key="chosen-persona-second").check().run()
    click(at, "delete_chosen")
    asked = lose_session(at)
    assert "**1 persona** is deleted" in said(asked)
    click(asked, "confirm_delete_many")
    lose_session(asked)

    assert not (folder / "second.json").exists()


def test_a_draft_behind_another_tab_is_what_is_tried_out(open_home: OpenPage, fake: FakeProvider) -> None:
    at = open_personas(open_home, "second")
    type_prompt(at, "Tried out.")
    at.session_state["persona_tab"] = "Try out"
    at.run()
    at.chat_input(key="try_out_message").set_value("Hello")
    lose_session(at)

    assert "Tried out." in str(fake.wait_for_chats()[-1].body["messages"])


def prompt_of_draft(persona_id: str) -> str:
    draft = get_services().drafts.get(LOCAL_OWNER, [persona_id])[persona_id].draft
    assert draft
    return str(json.loads(draft.text)["systemPrompt"])


@pytest.mark.parametrize("tab", ["Prompt", "JSON"])
def test_a_page_that_another_one_overtook_shows_the_newer_draft(open_home: OpenPage, tab: str) -> None:
    older = open_personas(open_home, "second")
    if tab == "JSON":
        write(older, older.session_state["persona_desk"].mount.text)
    older.session_state["persona_tab"] = tab
    older.run()
    type_prompt(open_personas(open_home, "second"), "Newer.")
    click(older, "show_list")
    new = lose_session(older)

    assert prompt_of_draft("second") == "Newer."
    assert "Newer." in new.session_state["persona_drafts"]["second"].text
    assert not get_services().drafts.all_of(LOCAL_OWNER).discarded


def test_what_both_pages_changed_is_kept_when_the_older_one_comes_back(open_home: OpenPage) -> None:
    older = open_personas(open_home, "second")
    older.session_state["persona_tab"] = "Prompt"
    older.run()
    type_prompt(open_personas(open_home, "second"), "Newer.")
    next(each for each in older.text_input if each.label == "Description").set_value("Mine.")
    lose_session(older)

    draft = get_services().drafts.get(LOCAL_OWNER, ["second"])["second"].draft
    assert draft
    assert json.loads(draft.text)["systemPrompt"] == "Newer."
    assert json.loads(draft.text)["description"] == "Mine."


def test_an_older_page_with_a_draft_of_its_own_shows_the_newer_one(open_home: OpenPage) -> None:
    older = open_personas(open_home, "second")
    type_prompt(older, "First.")
    type_prompt(open_personas(open_home, "second"), "Newer.")
    click(older, "show_list")
    lose_session(older)

    assert prompt_of_draft("second") == "Newer."
    assert not get_services().drafts.all_of(LOCAL_OWNER).discarded


def test_a_draft_that_an_older_page_writes_over_can_be_taken_back(open_home: OpenPage) -> None:
    older = open_personas(open_home, "second")
    type_prompt(older, "First.")
    type_prompt(open_personas(open_home, "second"), "Newer.")
    next(area for area in older.text_area if area.label == "System prompt").set_value("Mine.")
    lose_session(older)

    (discarded,) = get_services().drafts.all_of(LOCAL_OWNER).discarded
    taken = get_services().drafts.take_back(LOCAL_OWNER, discarded.aside)
    assert taken
    assert taken.draft
    assert prompt_of_draft("second") == "Mine."
    assert "Newer." in taken.draft.text


def test_drafts_of_every_persona_come_back_whatever_page_is_open(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    write(at, persona_text("second", name="Second", systemPrompt="Typed."))
    at.button(key="persona-default-persona").click().run()
    at.switch_page("pages/history.py").run()
    click(at, "new_chat")
    new = lose_session(at)

    assert "Typed." in new.session_state["persona_drafts"]["second"].text


def test_a_draft_that_was_saved_or_discarded_does_not_come_back(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    write(at, persona_text("second", name="Second", systemPrompt="Typed."))
    at.button(key="save").click().run()
    click(at, "persona-default-persona")
    new = lose_session(at)

    assert not new.session_state["persona_drafts"]


def test_drafts_of_somebody_else_do_not_come_back(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_personas(open_home, "second")
    write(at, persona_text("second", name="Second", systemPrompt="Typed."))
    at.switch_page("pages/history.py").run()
    monkeypatch.setattr(owners, "_is_near", lambda: False)
    click(at, "new_chat")
    new = lose_session(at)

    assert not new.session_state["persona_drafts"]
