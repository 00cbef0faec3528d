"""The chat page without a browser: what it shows of what the services know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.chat.service import ChatService
from personachat.conversations.model import Conversation
from personachat.messages import ChatMessage
from personachat.replies.live import LiveReply
from personachat.services import Services, get_services
from personachat.ui import owner
from personachat.ui.chat.stream import Follower
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, Gate, Reply, chunk, events, status, tokens
from tests.pages.conftest import OpenPage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    starters = ["What is a p-value?", "Costs $5 *or* more"]
    first = persona_text("default-persona", name="Guide", greeting="Welcome, {{user}}.", starters=starters)
    (made / "default-persona.json").write_text(first)
    (made / "second.json").write_text(persona_text("second", name="Second", description="The other one."))
    return made


@pytest.fixture
def open_chat(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Opens the page in a new session with these query parameters."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key-of-the-test-that-nobody-may-see")
    monkeypatch.setattr(owner, "_is_near", lambda: True)  # AppTest says nothing of where its browser is
    return open_home


def say(page: AppTest, words: str) -> AppTest:
    page.chat_input[0].set_value(words).run()
    assert not page.exception
    return page


def words(page: AppTest, index: int = -1) -> str:
    """All the text of one bubble."""
    bubble = page.chat_message[index]
    shown = [str(element.value) for element in [*bubble.markdown, *bubble.text, *bubble.caption]]
    return "\n".join([*shown, *(button.label for button in bubble.button)])


def services() -> Services:
    return get_services()


def test_an_empty_chat_shows_who_this_is_and_how_to_begin(open_chat: OpenPage) -> None:
    page = open_chat()
    assert "Welcome, User." in words(page)
    assert page.button_group[0].options == [
        "What is a p\\-value?".replace("\\-", "-"),
        "Costs \\$5 \\*or\\* more",
    ]
    assert page.chat_input[0].placeholder == "Message Guide"
    assert any("gpt-4" in caption.value for caption in page.caption)


def test_a_message_is_answered_with_a_caption_of_numbers(open_chat: OpenPage, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["An ", "answer."]))
    page = say(open_chat(), "A question")
    assert "A question" in words(page, -2)
    assert "An answer." in words(page)
    assert "gpt\\-4" in words(page) or "gpt-4" in words(page)
    assert "tokens" in words(page)
    assert not page.error


def test_a_reply_that_ends_while_the_page_is_drawn_is_shown_whole(
    open_chat: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["First ", gate, "and last."]))
    page = open_chat()
    look = ChatService.conversation

    def ends_behind_its_back(
        chat: ChatService, conversation_id: str, *, last: int | None = None
    ) -> Conversation:
        seen = look(chat, conversation_id, last=last)
        if seen.leaf and seen.leaf.reply and seen.leaf.reply.live:
            gate.open()
            wait_for_end(chat.live_reply(seen.leaf.id))
        return seen

    monkeypatch.setattr(ChatService, "conversation", ends_behind_its_back)
    say(page, "Go")
    assert "First and last." in words(page)


def wait_for_end(live_reply: LiveReply) -> None:
    while live_reply.live:
        live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=10)


def test_a_deep_link_names_the_persona(open_chat: OpenPage) -> None:
    page = open_chat(persona="second")
    assert page.selectbox[0].value == "second"
    assert page.chat_input[0].placeholder == "Message Second"


def test_a_link_to_a_persona_that_is_not_there_says_so(open_chat: OpenPage) -> None:
    page = open_chat(persona="nobody")
    assert "nobody" in page.warning[0].value
    assert page.selectbox[0].value == "default-persona"


def test_a_broken_persona_in_the_link_says_so(open_chat: OpenPage, folder: Path) -> None:
    (folder / "cracked.json").write_text("{")
    assert "its file has an error" in open_chat(persona="cracked").warning[0].value


def test_a_hostile_link_is_only_text(open_chat: OpenPage) -> None:
    page = open_chat(persona="[x](javascript:alert(1))<script>" * 50, chat="../../etc/passwd")
    assert "[x](javascript" not in page.warning[0].value
    assert page.chat_input[0].placeholder == "Message Guide"


def test_a_chat_that_is_gone_is_said_once(open_chat: OpenPage) -> None:
    page = open_chat(chat="0" * 32)
    assert "doesn't exist" in page.info[0].value
    page.run()
    assert not page.info


def test_the_conversation_of_the_address_is_shown_in_a_new_session(
    open_chat: OpenPage, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["Remembered."]))
    page = say(open_chat(), "Keep this")
    address = page.query_params["chat"]
    again = open_chat(chat=address)
    assert "Keep this" in words(again, -2)
    assert "Remembered." in words(again)


@pytest.mark.parametrize(
    ("reply", "title"),
    [
        (status(401, {}, b"{}"), "The API key was rejected"),
        (status(429, {"Retry-After": "120"}, b"{}"), "Too many requests"),
        (events(), "Empty reply"),
    ],
    ids=["refused key", "rate limit", "nothing"],
)
def test_a_failure_has_a_title_a_sentence_and_a_retry(
    open_chat: OpenPage, fake: FakeProvider, reply: Reply, title: str
) -> None:
    fake.enqueue(reply)
    page = say(open_chat(), "Words to keep")
    (error,) = page.error
    assert error.value
    assert "sk-key-of-the-test" not in json.dumps([element.value for element in page.error])
    fake.enqueue(tokens(["Now it works."]))
    next(button for button in page.button if button.key == "retry").click().run()
    assert "Now it works." in words(page)
    assert "Words to keep" in words(page, -2)
    assert not page.error


def test_a_reply_that_was_cut_off_says_so(open_chat: OpenPage, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Half of"], finish="length"))
    page = say(open_chat(), "Go")
    assert "Cut off at the token limit" in words(page)


def test_only_the_last_turns_are_drawn_and_the_others_come_on_demand(open_chat: OpenPage) -> None:
    page = open_chat()
    chat = local(services()).chat
    conversation = chat.start()
    history = [ChatMessage("user" if i % 2 == 0 else "assistant", f"turn {i}") for i in range(120)]
    live_reply = chat.send(conversation.id, "last", persona_id="default-persona", history=history)
    wait_for_end(live_reply)
    page = open_chat(chat=conversation.id)
    assert 11 <= len(page.chat_message) <= 20
    before = len(page.chat_message)
    next(button for button in page.button if button.label.startswith("Show earlier messages")).click().run()
    assert len(page.chat_message) > before


def test_another_persona_in_the_middle_is_marked(open_chat: OpenPage, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["One."]))
    page = say(open_chat(), "Hello")
    page.selectbox[0].set_value("second").run()
    assert any("Now talking to Second" in caption.value for caption in page.caption)
    assert "One." in words(page)


def test_a_message_nobody_can_send_says_why(open_chat: OpenPage, folder: Path) -> None:
    page = open_chat(persona="second")
    (folder / "second.json").write_text("{")
    say(page, "My words")
    assert any("Not sent" in str(warning.proto) for warning in page.warning)


def test_without_any_persona_the_page_says_what_to_do(open_chat: OpenPage, folder: Path) -> None:
    for file in folder.glob("*.json"):
        file.unlink()
    page = open_chat()
    assert "Create the first one" in page.info[0].value
    assert page.chat_input[0].disabled


def test_a_setting_that_cannot_be_used_is_one_sentence(
    open_chat: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSONACHAT_IDLE_TIMEOUT_SECONDS", "soon")
    page = open_chat()
    assert "PERSONACHAT_IDLE_TIMEOUT_SECONDS" in page.error[0].value


def test_a_folder_that_cannot_be_read_is_one_sentence(open_chat: OpenPage, folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.write_text("this is no folder")
    page = open_chat()
    assert page.error[0].value
    assert "Traceback" not in page.error[0].value


def test_a_chat_that_the_api_began_is_kept_once_it_is_open_here(open_chat: OpenPage) -> None:
    conversation = local(services()).chat.start(durable=False)
    open_chat(chat=conversation.id)
    assert local(services()).chat.conversation(conversation.id).durable


def test_a_queued_message_whose_persona_is_gone_does_not_hide_the_chat(
    open_chat: OpenPage, fake: FakeProvider, folder: Path
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["The first ", gate, "answer."]))
    chat = local(services()).chat
    conversation = chat.start()
    running = chat.send(conversation.id, "one", persona_id="default-persona")
    chat.queue(conversation.id, "two", persona_id="second")
    (folder / "second.json").unlink()
    gate.open()
    wait_for_end(running)
    page = open_chat(chat=conversation.id)
    assert any("Not sent" in str(warning.proto) for warning in page.warning)
    assert any("The first answer." in words(page, index) for index in range(len(page.chat_message)))
    next(button for button in page.button if button.label == "Remove").click().run()
    assert not any(button.label == "Remove" for button in page.button)
    assert not page.warning


def test_words_for_a_server_that_is_to_end_are_back_in_the_box(
    open_chat: OpenPage, fake: FakeProvider
) -> None:
    page = say(open_chat(), "Hello")
    asked = len(fake.chats)
    services().runner.drain()
    say(page, "Words to keep")
    assert len(fake.chats) == asked
    assert page.chat_input[0].proto.value == "Words to keep"
    assert any("shutting down" in warning.value for warning in page.warning)


def test_words_that_wait_behind_an_interrupted_reply_wait_for_the_person(
    open_chat: OpenPage, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["Half of", Gate()]), tokens(["Sent now."]))
    chat = local(services()).chat
    running = chat.begin("one", persona_id="default-persona")
    while not running.snapshot().text:
        running.wait(1, timeout_seconds=10)
    chat.queue(running.conversation_id, "two", persona_id="default-persona")
    running.interrupt()
    page = open_chat(chat=running.conversation_id)
    assert len(fake.chats) == 1
    assert any("Not sent yet" in caption.value for caption in page.caption)
    labels = [button.label for button in page.button]
    assert {"Continue", "Retry", "Send now"} <= set(labels)
    next(button for button in page.button if button.label == "Send now").click().run()
    assert "Sent now." in words(page)


def test_reasoning_that_comes_after_the_text_is_there_at_once(
    open_chat: OpenPage, fake: FakeProvider
) -> None:
    late = chunk({"reasoning_content": "On reflection."})
    fake.enqueue(events(chunk("The answer."), late, chunk({}, finish="stop")))
    page = say(open_chat(), "Think")
    assert "On reflection." in words(page)
    assert page.status[0].label.startswith("Thought")


def test_thoughts_in_the_text_are_shown_as_thoughts(open_chat: OpenPage, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["<think>", "secret plan", "</think>\n\n", "The answer."]))
    page = say(open_chat(), "Go")
    assert page.status[0].label.startswith("Thought for")
    assert "secret plan" in [piece.value for piece in page.status[0].markdown]
    assert "think>" not in words(page)
    fake.enqueue(tokens(["More."]))
    say(page, "Go on")
    assert fake.chats[-1].body["messages"][-2] == {"role": "assistant", "content": "The answer."}


def test_text_that_turns_out_to_be_thoughts_is_drawn_as_thoughts(
    open_chat: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    draw = Follower.draw_text

    def and_open(follower: Follower) -> None:
        gate.open()  # the text is being drawn from here on
        draw(follower)

    monkeypatch.setattr(Follower, "draw_text", and_open)
    fake.enqueue(tokens(["secret ", gate, "plan", "\n</think>\n\n", "The answer."]))
    page = say(open_chat(), "Go")
    for shown in (page, open_chat(chat=page.query_params["chat"])):
        thoughts = [piece.value for piece in shown.status[0].markdown]
        assert thoughts == ["secret plan"]
        assert words(shown).count("secret") == 1
        assert "The answer." in words(shown)
