"""What a page without its session comes back with, given to a new session as a browser does, without one."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from personachat.owners import LOCAL_OWNER
from personachat.services import get_services
from tests.fake_provider import FakeProvider, failure
from tests.pages.conftest import HOME, OpenPage
from tests.pages.conversing import converse, library
from tests.pages.lost_sessions import (
    click,
    come_back,
    conversation,
    converse_here,
    lose_session,
    open_personas,
    said,
    undo,
)

pytestmark = pytest.mark.usefixtures("local")

ROOT = HOME.parent
FILES = [*(ROOT / "personachat" / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py"), HOME]


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
