"""The chat page without a browser: windows of turns, where chats are kept, what can be done with turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.testing.v1 import AppTest

from personachat.conversations.model import Conversation
from personachat.errors import ConversationNotFound, DatabaseUnavailable
from personachat.messages import ChatMessage
from personachat.services import get_services
from personachat.services.workspace import Workspace
from personachat.ui import owner
from personachat.ui.chat import actions, storage_notice
from personachat.ui.repeats import Repeats
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, failure, tokens
from tests.pages.conftest import OpenPage
from tests.pages.conversing import own_menu, wait_for_end
from tests.personas.store.counting import statements


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "default-persona.json").write_text(persona_text("default-persona", name="Guide"))
    return made


@pytest.fixture
def open_chat(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Opens the page in a new session with these query parameters."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key-of-the-test-that-nobody-may-see")
    monkeypatch.setattr(owner, "_is_near", lambda: True)  # AppTest says nothing of where its browser is
    return open_home


def here() -> Workspace:
    return local(get_services())


def long_chat(turns: int) -> Conversation:
    """A conversation of so many turns, "turn 0" and so on, and one exchange more."""
    chat = here().chat
    conversation = chat.start()
    history = [ChatMessage("user" if i % 2 == 0 else "assistant", f"turn {i}") for i in range(turns)]
    live_reply = chat.send(conversation.id, "last", persona_id="default-persona", history=history)
    wait_for_end(live_reply)
    return chat.conversation(conversation.id)


def said(page: AppTest) -> list[str]:
    """The first words of each bubble."""
    found = []
    for bubble in page.chat_message:
        words = [str(element.value) for element in [*bubble.text, *bubble.markdown]]
        found.append(next((text for text in words if not text.startswith(":primary-badge")), ""))
    return found


def click(page: AppTest, label: str) -> AppTest:
    next(button for button in page.button if button.label.startswith(label)).click().run()
    assert not page.exception
    return page


def is_there(conversation_id: str) -> bool:
    """Whether there is anything to be seen of a conversation."""
    try:
        return bool(here().chat.conversation(conversation_id).path)
    except ConversationNotFound:
        return False


def captions(page: AppTest) -> str:
    return "\n".join(str(caption.value) for caption in page.caption)


def test_a_link_moves_the_window_to_a_turn_far_above(open_chat: OpenPage) -> None:
    open_chat()
    conversation = long_chat(400)
    page = open_chat(chat=conversation.id, turn=conversation.path[120].id)
    shown = said(page)
    assert "turn 120" in shown
    assert len(shown) <= 50
    assert "last" not in shown
    assert any("Found here" in str(element.value) for element in page.markdown)
    assert "turn" not in page.query_params


def test_from_a_moved_window_there_is_a_way_down(open_chat: OpenPage) -> None:
    open_chat()
    conversation = long_chat(400)
    page = open_chat(chat=conversation.id, turn=conversation.path[120].id)
    first = said(page)[0]
    click(page, "Show later messages")
    assert said(page)[0] != first
    assert "turn 140" in said(page)  # no turn is passed over
    assert "turn 155" in said(page)
    click(page, "Jump to latest")
    assert "last" in said(page)


def test_a_link_to_a_turn_that_is_not_there_says_so(open_chat: OpenPage) -> None:
    open_chat()
    conversation = long_chat(4)
    page = open_chat(chat=conversation.id, turn="0" * 32)
    assert any("doesn't exist" in str(warning.value) for warning in page.warning)
    assert "last" in said(page)


def test_a_turn_of_another_chat_is_not_shown(open_chat: OpenPage) -> None:
    open_chat()
    one, other = long_chat(4), long_chat(6)
    page = open_chat(chat=one.id, turn=other.path[-1].id)
    assert not any("Found here" in str(element.value) for element in page.markdown)
    assert "turn 3" in said(page)
    assert "turn 5" not in said(page)


def test_the_context_is_measured_once_a_reply_and_shown(
    open_chat: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.enqueue(tokens(["An answer."], usage=(900, 124)))
    page = open_chat()
    assert "context" not in captions(page)
    page.chat_input[0].set_value("Hello").run()
    assert "context" in captions(page)
    assert "8.2k" in captions(page)  # what gpt-4 takes
    monkeypatch.setattr("personachat.chat.inspection.Inspection.memory", lambda *_, **__: 1 / 0)
    page.run()
    assert not page.exception
    assert "context" in captions(page)


def test_a_message_has_the_whole_chat_read_once(open_chat: OpenPage, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["An answer."], usage=(900, 124)))
    open_chat()
    page = open_chat(chat=long_chat(120).id)
    fake.enqueue(tokens(["Another."], usage=(900, 124)))
    with statements() as asked:
        page.chat_input[0].set_value("Hello").run()
    assert "Another." in said(page)
    upwards = [statement for statement in asked if "WITH RECURSIVE" in statement]
    assert len([statement for statement in upwards if "steps <" not in statement]) == 1
    # besides the last turn, where the words are taken, and those that are drawn, twice if the reply ends late
    assert len(upwards) <= 4


def test_an_older_exchange_takes_few_elements(open_chat: OpenPage, fake: FakeProvider) -> None:
    page = open_chat()
    sizes = []
    for number in range(5):
        fake.enqueue(tokens([f"Answer {number}."]))
        page.chat_input[0].set_value(f"Question {number}").run()
        page.run()  # what has just ended has its places for one more run
        sizes.append(sum(1 for _ in nodes(page.main)))
    assert sizes[-1] - sizes[-2] <= 9


def nodes(block: Any) -> Iterator[Any]:
    """Everything in a part of a page: containers and elements."""
    for child in block.children.values():
        yield child
        if hasattr(child, "children"):
            yield from nodes(child)


def test_what_a_reply_cost_stands_below_it(open_chat: OpenPage, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["An answer."], usage=(100, 10)))
    page = open_chat()
    page.chat_input[0].set_value("Hello").run()
    assert any("$0.0036" in button.label.replace("\\", "") for button in page.chat_message[-1].button)


def test_a_temporary_chat_says_so_and_is_gone_when_it_is_left(
    open_chat: OpenPage, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["Whispered."]))
    page = open_chat()
    menu: Any = next(found for found in page.get("menu_button") if found.key == "chat_menu")
    menu.click("Temporary chat").run()
    assert storage_notice.TEMPORARY in captions(page)
    page.chat_input[0].set_value("A secret").run()
    assert storage_notice.TEMPORARY in captions(page)
    conversation = here().chat.conversation(page.query_params["chat"])
    assert conversation.temporary
    assert conversation.path
    menu = next(found for found in page.get("menu_button") if found.key == "chat_menu")
    menu.click("New chat").run()
    assert storage_notice.TEMPORARY not in captions(page)
    assert not is_there(conversation.id)


def test_words_that_cannot_be_saved_go_back_into_the_box_and_can_go_into_a_temporary_chat(
    open_chat: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("The disk is full.", hint="Make room on it.")

    monkeypatch.setattr("personachat.conversations.sql.SqlConversations.create", full)
    page = open_chat()
    page.chat_input[0].set_value("My precious words").run()
    assert "The disk is full." in page.warning[0].value
    fake.enqueue(tokens(["Said all the same."]))
    click(page, "Send it in a temporary chat")
    assert "My precious words" in said(page)
    assert "Said all the same." in said(page)


def test_a_chat_that_cannot_be_read_says_why(open_chat: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    open_chat()
    conversation = long_chat(2)

    def unreadable(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("The database cannot be reached.")

    monkeypatch.setattr("personachat.conversations.sql.SqlConversations.get", unreadable)
    page = open_chat(chat=conversation.id)
    assert any("The database cannot be reached" in str(error.value) for error in page.error)
    assert page.chat_input[0].placeholder == "Message Guide"


def test_a_host_that_forgets_is_named_until_that_is_dismissed(
    open_chat: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_notice, "disk_is_kept", lambda: False)
    page = open_chat()
    said = captions(page)
    assert "Saved personas and chats disappear when this app restarts" in said
    for word in ("DATABASE_URL", "PERSONACHAT_PERSONA_STORE", "under Secrets", "Export all in History"):
        assert word in said
    next(button for button in page.button if button.key == "dismiss_short_lived").click().run()
    assert "DATABASE_URL" not in captions(page)


def test_a_host_that_keeps_its_disk_says_nothing(open_chat: OpenPage) -> None:
    assert "DATABASE_URL" not in captions(open_chat())


def test_older_turns_have_one_menu_and_the_last_exchange_icons(
    open_chat: OpenPage, fake: FakeProvider
) -> None:
    open_chat()
    conversation = long_chat(10)
    page = open_chat(chat=conversation.id)
    menus = [menu.key for bubble in page.chat_message for menu in bubble.get("menu_button")]
    assert menus == [f"menu_{turn.id}" for turn in conversation.path[-2:]]
    assert [own_menu(bubble)[0] for bubble in page.chat_message] == [
        *(turn.id for turn in conversation.path[:-2]),
        "",
        "",
    ]
    copies = [button for button in page.button if button.key and button.key.startswith("content_copy_")]
    assert [button.key for button in copies] == [f"content_copy_{turn.id}" for turn in conversation.path[-2:]]


def test_the_menu_of_an_older_turn_has_what_can_be_done_with_it(
    open_chat: OpenPage, fake: FakeProvider
) -> None:
    page = open_chat()
    fake.enqueue(tokens(["An answer."]), failure(401, "Wrong key"))
    for words in ("One", "Two", "Three"):
        page.chat_input[0].set_value(words).run()
    asked, answered, _, failed, *_ = (own_menu(bubble)[1] for bubble in page.chat_message)
    assert asked == ["Edit", "Copy", "Compare with…", "Fork from here", "Delete"]
    everything = [label.rpartition(": ")[2] for label in actions.MENU]
    assert answered == everything
    assert failed == [name for name in everything if name not in {"Copy", "Rate"}]


def test_a_browser_cannot_have_done_what_is_in_no_menu(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(actions, "MENU", {":material/delete: Delete": done.append})
    for label in ("Delete", "", "None", ":material/delete: Delete "):
        actions.choose_in_turn(label, "a-turn")
    assert not done
    actions.choose_in_turn(":material/delete: Delete", "a-turn")
    assert done == ["a-turn"]


def test_an_edit_that_comes_too_early_keeps_the_words(open_chat: OpenPage, fake: FakeProvider) -> None:
    open_chat()
    conversation = long_chat(2)
    page = open_chat(chat=conversation.id)
    question = conversation.path[-2].id
    next(button for button in page.button if button.key == f"edit_{question}").click().run()
    page.text_area[0].set_value("   ")
    click(page, "Save and send")
    assert any("empty" in str(warning.value) for warning in page.warning)
    assert page.text_area[0].value == "   "
    assert len(here().branches.tree(conversation.id)) == conversation.length


def test_older_turns_are_sent_as_if_each_run_made_them(
    open_chat: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    enqueue, repeat = ScriptRunContext.enqueue, Repeats.draw

    def note(self: ScriptRunContext, message: ForwardMsg) -> None:
        enqueue(self, message)
        if message.metadata.delta_path[:1] == [0]:
            sent.append(message.SerializeToString(deterministic=True))

    def make(_: Repeats, __: str, make_it: Callable[[], object], *, of: object) -> None:
        make_it()

    monkeypatch.setattr(ScriptRunContext, "enqueue", note)
    open_chat()
    conversation = long_chat(60)
    chat, asked = here().chat, conversation.path[-2].id
    pages = open_chat(chat=conversation.id), open_chat(chat=conversation.id)

    def both(step: Callable[[AppTest], object]) -> None:
        runs = []
        for page, draw in zip(pages, (repeat, make), strict=True):
            monkeypatch.setattr(Repeats, "draw", draw)
            sent.clear()
            step(page)
            runs.append([*sent])
        assert runs[0] == runs[1]
        assert len(runs[0]) > 20

    both(AppTest.run)
    both(AppTest.run)
    both(lambda page: click(page, "Show earlier messages"))
    wait_for_end(chat.send(conversation.id, "More", persona_id="default-persona"))
    both(AppTest.run)
    both(AppTest.run)
    edited = here().branches.edit(asked, "other words")
    assert edited
    wait_for_end(edited)
    both(AppTest.run)
    both(AppTest.run)
