"""What a page without its session comes back with, given to a new session as a browser does, without one."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from personachat.conversations.model import Conversation
from personachat.owners import LOCAL_OWNER
from personachat.personas.persona import parse_persona
from personachat.services import get_services
from personachat.ui import owner as owners
from personachat.ui.history.state import OpenDialog
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, failure
from tests.pages.conftest import HOME, OpenPage
from tests.pages.conversing import be_local, converse, library, make_personas

ROOT = HOME.parent
FILES = [*(ROOT / "personachat" / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py"), HOME]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_personas(tmp_path / "personas")


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    be_local(monkeypatch)


def lose_session(at: AppTest) -> AppTest:
    """Run what was done last on a page in a session that knows nothing of it."""
    states = at._tree.get_widget_states()
    states.widgets.extend(unsent(at))
    return come_back(at, states)


def come_back(at: AppTest, states: WidgetStates) -> AppTest:
    new = AppTest.from_file(str(HOME), default_timeout=60)
    new._page_hash = new._finished_page_script_hash = at._finished_page_script_hash
    for name, value in at.query_params.items():
        new.query_params[name] = value
    new._run(states)
    assert not new.exception
    return new


def unsent(at: AppTest) -> list[WidgetState]:
    """What a browser sends of the editor and of tabs, which AppTest does not."""
    found = []
    for key, widget_id in at._session_state._state._key_id_mapper._key_id_mapping.items():
        if key not in at.session_state:
            continue
        if key.startswith("ace-"):
            found.append(WidgetState(id=widget_id, json_value=json.dumps(at.session_state[key])))
        elif key in {"persona_tab", "create_tab"}:
            found.append(WidgetState(id=widget_id, string_value=at.session_state[key]))
    return found


def said(at: AppTest) -> str:
    shown = [*at.warning, *at.markdown, *at.caption, *at.code, *at.toast, *at.info]
    return " ".join(str(getattr(each, "value", "")) for each in shown)


def conversation(conversation_id: str) -> Conversation:
    return get_services().of(LOCAL_OWNER).chat.conversation(conversation_id)


def click(at: AppTest, key: str) -> None:
    at.button(key=key).click()


def open_personas(open_home: OpenPage, persona_id: str) -> AppTest:
    at = open_home()
    at.switch_page("pages/personas.py")
    at.query_params["id"] = persona_id
    at.session_state["persona_tab"] = "JSON"
    at.run()
    assert not at.exception
    return at


# --- the chat ---------------------------------------------------------------------------------------


def test_the_first_words_of_a_new_chat_are_sent_once(open_home: OpenPage) -> None:
    at = open_home()
    at.chat_input(key="message").set_value("Hello there")
    lose_session(at)

    [found] = library().list().conversations
    assert [turn.text for turn in conversation(found.id).path if turn.role == "user"] == ["Hello there"]


def test_words_go_to_the_conversation_of_the_address(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    at = open_home(chat=chat)
    at.chat_input(key="message").set_value("And on")
    lose_session(at)

    assert len(library().list().conversations) == 1
    assert conversation(chat).path[-2].text == "And on"


def converse_here(open_home: OpenPage, title: str = "Medlars") -> str:
    open_home()
    return converse(title)


def test_words_to_a_chat_that_is_gone_are_back_in_the_box_and_begin_no_other(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    at = open_home(chat=chat)
    at.chat_input(key="message").set_value("Into the void")
    get_services().of(LOCAL_OWNER).library.delete(chat)
    new = lose_session(at)

    assert "The chat you wrote this in was deleted." in said(new)
    assert new.chat_input(key="message").proto.value == "Into the void"
    assert not library().list().conversations


def test_a_chat_that_was_to_be_temporary_is_not_stored(open_home: OpenPage) -> None:
    at = open_home()
    at.menu_button(key="chat_menu").set_value("Temporary chat").run()
    at.chat_input(key="message").set_value("Keep this to yourself")
    lose_session(at)

    assert not library().list().conversations


def test_an_edited_turn_is_saved(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    turn = conversation(chat).path[-2]
    at = open_home(chat=chat)
    at.button(key=f"edit_{turn.id}").click().run()
    at.text_area(key=f"words_{turn.id}").set_value("Said otherwise")
    next(button for button in at.button if button.label == "Save and send").click()
    lose_session(at)

    assert conversation(chat).path[-2].text == "Said otherwise"


def test_an_edited_turn_that_is_no_longer_drawn_gives_its_words_back(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    turn = conversation(chat).path[-2]
    at = open_home(chat=chat)
    at.button(key=f"edit_{turn.id}").click().run()
    at.text_area(key=f"words_{turn.id}").set_value("Said otherwise")
    next(button for button in at.button if button.label == "Save and send").click()
    get_services().of(LOCAL_OWNER).branches.delete_turn(turn.id)
    new = lose_session(at)

    assert "Please do it again" in said(new)
    assert "Said otherwise" in said(new)


def test_a_reply_is_regenerated(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    reply = conversation(chat).path[-1]
    at = open_home(chat=chat)
    click(at, f"refresh_{reply.id}")
    lose_session(at)

    assert conversation(chat).path[-1].id != reply.id


def test_a_failed_reply_is_retried(open_home: OpenPage, fake: FakeProvider) -> None:
    fake.enqueue(failure(400, "No."))
    chat = converse_here(open_home)
    assert conversation(chat).path[-1].text == ""
    at = open_home(chat=chat)
    click(at, "retry")
    lose_session(at)

    assert conversation(chat).path[-1].text == "You said: Go on"


@pytest.mark.parametrize(
    ("item", "is_so"),
    [
        ("Pin", lambda chat: library().summary(chat).pinned),
        ("Archive", lambda chat: library().summary(chat).archived),
        ("Delete", lambda chat: not library().list().conversations),
    ],
)
def test_the_menu_of_a_conversation_does_what_was_chosen(
    open_home: OpenPage, item: str, is_so: Callable[[str], bool]
) -> None:
    chat = converse_here(open_home)
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{chat}").set_value(item)
    lose_session(at)

    assert is_so(chat)


def test_a_conversation_gets_the_title_that_was_typed(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{chat}").set_value("Rename").run()
    at.text_input(key="conversation_title").set_value("Quinces")
    next(button for button in at.button if button.label == "Rename").click()
    lose_session(at)

    assert library().summary(chat).title == "Quinces"


def test_a_link_is_made(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{chat}").set_value("Share").run()
    click(at, "create_link")
    lose_session(at)

    assert library().share_of(chat)


def undo(at: AppTest) -> AppTest:
    next(button for button in at.button if button.label == "Undo").click()
    return lose_session(at)


@pytest.mark.parametrize("item", ["Delete", "Archive"])
def test_a_conversation_that_was_put_away_comes_back(open_home: OpenPage, item: str) -> None:
    chat = converse_here(open_home)
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{chat}").set_value(item).run()
    new = undo(at)

    assert [each.id for each in library().list().conversations] == [chat]
    assert "was not carried out" not in said(new)
    assert "Undo" not in [button.label for button in new.button]


def test_several_conversations_come_back(open_home: OpenPage) -> None:
    chats = {converse_here(open_home, "First"), converse("Second")}
    at = open_home()
    at.switch_page("pages/history.py").run()
    for chat in chats:
        at.checkbox(key=f"picked_{chat}").check().run()
    at.button(key="delete_many").click().run()
    undo(at)

    assert {each.id for each in library().list().conversations} == chats


def test_a_conversation_of_somebody_else_does_not_come_back(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{chat}").set_value("Delete").run()
    next(button for button in at.button if button.label == "Undo").click()
    states = at._tree.get_widget_states()
    theirs = get_services().of("somebody else")
    begun = theirs.chat.begin("Theirs", persona_id="second")
    while begun.live:
        begun.wait(len(begun.wait(0, timeout_seconds=0)), timeout_seconds=10)
    theirs.library.delete(begun.conversation_id)
    for state in states.widgets:
        if "-mark-" in state.id:
            state.string_value = state.string_value.replace(chat, begun.conversation_id)
    come_back(at, states)

    assert not theirs.library.list().conversations


def test_a_deleted_turn_comes_back(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    before = [turn.id for turn in conversation(chat).path]
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{before[-2]}").set_value(":material/delete: Delete").run()
    assert len(conversation(chat).path) < len(before)
    undo(at)

    assert [turn.id for turn in conversation(chat).path] == before


def test_a_cleared_chat_comes_back(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    before = [turn.id for turn in conversation(chat).path]
    at = open_home(chat=chat)
    at.menu_button(key="chat_menu").set_value("Clear this chat").run()
    assert not conversation(chat).path
    undo(at)

    assert [turn.id for turn in conversation(chat).path] == before


def test_several_conversations_that_were_selected_are_deleted(open_home: OpenPage) -> None:
    kept, gone = converse_here(open_home, "Kept"), converse("Gone")
    at = open_home()
    at.switch_page("pages/history.py").run()
    at.checkbox(key=f"picked_{gone}").check().run()
    click(at, "delete_many")
    lose_session(at)

    assert [each.id for each in library().list().conversations] == [kept]


# --- the personas page ------------------------------------------------------------------------------


def stored(persona_id: str) -> str:
    return get_services().personas.get(persona_id).persona.system_prompt


def write(at: AppTest, text: str) -> None:
    """What the editor reports after typing."""
    at.session_state[at.session_state["persona_desk"].mount.key] = text
    at.run()


def type_prompt(at: AppTest, words: str) -> None:
    at.session_state["persona_tab"] = "Prompt"
    at.run()
    next(area for area in at.text_area if area.label == "System prompt").set_value(words).run()


def test_what_was_typed_into_the_form_is_saved(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    type_prompt(at, "After.")
    click(at, "save")
    new = lose_session(at)

    assert stored("second") == "After."
    assert "Saved **Second**" in said(new)


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


# --- what was open, where only the end of a run that was cut off is asked for ------------------------


def cut_off(at: AppTest) -> AppTest:
    """The page as a browser comes back with it that asks for its last run again, and for nothing else."""
    at.run()
    states = at._tree.get_widget_states()
    states.widgets.extend(unsent(at))
    return come_back(at, states)


def buttons(at: AppTest) -> set[str]:
    return {str(each.key) for each in at.button}


def stays_and_is_done(at: AppTest, key: str) -> AppTest:
    """The button is there after the first loss, and does what it says after another one."""
    new = cut_off(at)
    assert key in buttons(new)
    click(new, key)
    done = lose_session(new)
    assert "was not carried out" not in said(done)
    return done


def test_the_question_before_a_persona_is_deleted_stays_open(open_home: OpenPage, folder: Path) -> None:
    at = open_personas(open_home, "second")
    at.menu_button(key="persona_menu").set_value(":material/delete: Delete").run()
    stays_and_is_done(at, "confirm_delete")

    assert not (folder / "second.json").exists()


def test_the_question_before_several_are_deleted_names_all_of_them_also_those_out_of_sight(
    open_home: OpenPage, folder: Path
) -> None:
    at = open_personas(open_home, "default-persona")
    at.button(key="choose_personas").click().run()
    at.checkbox(key="chosen-persona-second").check().run()
    at.button(key="delete_chosen").click().run()
    at.text_input(key="persona_search").set_value("default").run()
    stays_and_is_done(at, "confirm_delete_many")

    assert [each.stem for each in folder.glob("*.json")] == ["default-persona"]


def test_which_version_to_keep_stays_asked(open_home: OpenPage, folder: Path) -> None:
    stays_and_is_done(in_conflict(open_home, folder), "conflict_mine")

    assert stored("second") == "Mine."


def test_a_version_that_nobody_was_shown_is_not_overwritten(open_home: OpenPage, folder: Path) -> None:
    at = in_conflict(open_home, folder)
    click(at, "conflict_mine")
    (folder / "second.json").write_text(persona_text("second", name="Second", systemPrompt="Newer still."))
    new = lose_session(at)

    assert stored("second") == "Newer still."
    assert "Please do it again" in said(new)
    assert "Mine." in new.session_state["persona_drafts"]["second"].text


def test_what_was_chosen_of_two_changes_stays_chosen(open_home: OpenPage, folder: Path) -> None:
    at = in_conflict(open_home, folder, theirs=persona_text("second", name="Second", systemPrompt="Theirs."))
    (choice,) = (each for each in at.segmented_control if str(each.key).startswith("merge_choice_"))
    choice.set_value("Keep mine").run()
    stays_and_is_done(at, "save_merged")

    assert stored("second") == "Mine."


def in_conflict(open_home: OpenPage, folder: Path, *, theirs: str = '{"name": "Theirs"') -> AppTest:
    """What is theirs cannot be merged where it is no JSON."""
    at = open_personas(open_home, "second")
    write(at, persona_text("second", name="Second", systemPrompt="Mine."))
    (folder / "second.json").write_text(theirs)
    at.button(key="save").click().run()
    return at


@pytest.mark.parametrize("page", ["chat", "history"])
def test_a_dialog_about_a_conversation_stays_open_wherever_it_was_opened(
    open_home: OpenPage, page: str
) -> None:
    chat = converse_here(open_home)
    here = converse("The one that is open")
    at = open_home(chat=here)
    if page == "history":
        at.query_params.clear()  # as a link to another page does
        at.session_state["remembered_chat"] = here
        at.switch_page("pages/history.py").run()
    at.session_state["history_page"].dialog = OpenDialog("share", chat, here)
    stays_and_is_done(at.run(), "create_link")

    assert library().share_of(chat)


def test_who_is_to_answer_instead_stays_asked(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    reply = conversation(chat).path[-1]
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{reply.id}").set_value(":material/swap_horiz: Regenerate with…").run()
    stays_and_is_done(at, f"regenerate_for_{reply.id}")

    assert conversation(chat).path[-1].id != reply.id


@pytest.mark.parametrize("item", ["Delete", "Archive"])
def test_the_way_back_to_a_conversation_stays_offered(open_home: OpenPage, item: str) -> None:
    chat = converse_here(open_home)
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{chat}").set_value(item).run()
    stays_and_is_done(at, "undo_put_away")

    assert [each.id for each in library().list().conversations] == [chat]


def test_the_way_back_to_a_turn_and_to_a_chat_stays_offered(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    before = [turn.id for turn in conversation(chat).path]
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{before[-2]}").set_value(":material/delete: Delete").run()
    stays_and_is_done(at, "undelete")
    assert [turn.id for turn in conversation(chat).path] == before

    at = open_home(chat=chat)
    at.menu_button(key="chat_menu").set_value("Clear this chat").run()
    stays_and_is_done(at, "undo_clear")
    assert [turn.id for turn in conversation(chat).path] == before


def test_a_deleted_template_comes_back(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    at.menu_button(key="persona_menu").set_value(":material/bookmark_add: Save as template").run()
    [own] = [each for each in get_services().gallery.all() if each.own]
    at.button(key="create").click().run()
    at.button(key=f"delete-{own.id}").click().run()
    assert not [each for each in get_services().gallery.all() if each.own]
    stays_and_is_done(at, "undo_template")

    assert [each.persona for each in get_services().gallery.all() if each.own] == [own.persona]


def test_a_template_is_saved(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    type_prompt(at, "After.")
    at.menu_button(key="persona_menu").set_value(":material/bookmark_add: Save as template")
    lose_session(at)

    assert [each.persona.system_prompt for each in get_services().gallery.all() if each.own] == ["After."]


@pytest.mark.parametrize("loses", [lose_session, cut_off])
def test_a_change_of_tags_is_undone(open_home: OpenPage, loses: Callable[[AppTest], AppTest]) -> None:
    before = get_services().personas.get("second").text
    at = open_personas(open_home, "default-persona")
    at.button(key="choose_personas").click().run()
    for persona_id in ("second", "default-persona"):
        at.checkbox(key=f"chosen-persona-{persona_id}").check().run()
    at.multiselect(key="tags_to_add").set_value(["new"])
    at.button(key="apply_tags").click().run()
    assert get_services().personas.get("second").persona.tags == ("new",)
    if loses is cut_off:
        at = cut_off(at)
        assert "Changed the tags of **2 personas**" in said(at)
        click(at, "undo_delete")
    else:
        click(at, "undo_bulk")
    lose_session(at)

    assert get_services().personas.get("second").text == before
    assert not get_services().personas.get("default-persona").persona.tags


def test_undoing_a_change_of_tags_spares_what_somebody_changed_since(
    open_home: OpenPage, folder: Path
) -> None:
    at = open_personas(open_home, "default-persona")
    at.button(key="choose_personas").click().run()
    at.checkbox(key="chosen-persona-second").check().run()
    at.multiselect(key="tags_to_add").set_value(["new"])
    at.button(key="apply_tags").click().run()
    (folder / "second.json").write_text(persona_text("second", name="Second", systemPrompt="Theirs."))
    click(at, "undo_bulk")
    new = lose_session(at)

    assert stored("second") == "Theirs."
    assert "Undid the change to no persona" in said(new)


def test_several_deleted_personas_come_back(open_home: OpenPage, folder: Path) -> None:
    at = open_personas(open_home, "default-persona")
    at.button(key="choose_personas").click().run()
    at.checkbox(key="chosen-persona-second").check().run()
    at.button(key="delete_chosen").click().run()
    at.button(key="confirm_delete_many").click().run()
    assert not (folder / "second.json").exists()
    click(at, "undo_bulk")
    lose_session(at)

    assert (folder / "second.json").exists()


@pytest.mark.parametrize(
    "words", ["", "not valid JSON", "[]", '{"kind": "delete"}', '{"kind": "rm", "persona_id": 1}']
)
def test_a_mark_that_is_none_opens_nothing(open_home: OpenPage, words: str) -> None:
    at = open_personas(open_home, "second")
    at.menu_button(key="persona_menu").set_value(":material/delete: Delete").run()
    states = at._tree.get_widget_states()
    for state in states.widgets:
        if "-mark-" in state.id:
            state.string_value = words
    new = come_back(at, states)

    assert "confirm_delete" not in buttons(new)
    assert words not in said(new) or not words


# --- what does not come back ------------------------------------------------------------------------


def test_files_that_went_with_the_session_are_named(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    at.button(key="import_personas").click().run()
    [field] = [each for each in at.get("file_uploader") if "import_files_" in each.proto.id]
    state = WidgetState(id=field.proto.id)
    state.file_uploader_state_value.uploaded_file_info.add(name="guest.json", file_id="gone", size=1)
    states = at._tree.get_widget_states()
    states.widgets.append(state)
    new = come_back(at, states)

    assert "“guest.json”" in said(new)
    assert new.session_state["persona_desk"].question.kind == "import"


def test_a_page_that_was_just_opened_says_nothing(open_home: OpenPage) -> None:
    assert "connection" not in said(open_home())


# --- what makes it so -------------------------------------------------------------------------------


def calls(name: str) -> list[str]:
    found = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            attribute = node.func if isinstance(node, ast.Call) else node
            if isinstance(attribute, ast.Attribute) and ast.unparse(attribute) == name:
                found.append(path.relative_to(ROOT).as_posix())
    return found


def test_a_page_ends_early_only_where_what_it_came_back_with_is_delivered() -> None:
    assert set(calls("st.stop")) == {
        "personachat/ui/returning.py",
        "personachat/ui/session.py",  # there are no services at all
    }


def test_only_dialogs_without_anything_to_click_are_fragments() -> None:
    """A server that has lost the session drops what is clicked in a fragment it does not know."""
    of_turns, of_menu = "personachat/ui/chat/dialogs.py", "personachat/ui/chat/menu.py"
    assert set(calls("st.dialog")) == {"personachat/ui/dialogs.py", of_menu, of_turns}
    inside = dict.fromkeys(("show_request", "show_next", "show_words", "show_costs"), of_turns)
    inside["show_shortcuts"] = of_menu
    assert {name: file for name, file, _ in _fragments("dialog")} == inside


def test_no_fragment_holds_a_button() -> None:
    for name, _, body in (*_fragments("fragment"), *_fragments("dialog")):
        assert not {"st.button", "st.menu_button", "st.form_submit_button"} & _called(body), name


def _fragments(kind: str) -> list[tuple[str, str, Any]]:
    return [
        (node.name, path.relative_to(ROOT).as_posix(), node)
        for path in FILES
        if path != ROOT / "personachat/ui/dialogs.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(each).startswith(f"st.{kind}") for each in node.decorator_list)
    ]


def _called(body: ast.AST) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(body) if isinstance(node, ast.Call)}
