"""What the chat page says of a turn is true of it: a failure is no reply, a count is exact."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from personachat import stamps
from personachat.ui.chat import transcript
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Reply, failure, raw, sse, status, tokens
from tests.fake_provider import chunk as part
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local, own_menu

GREETING = "Ask me anything."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "default-persona.json").write_text(
        persona_text("default-persona", name="Guide", greeting=GREETING)
    )
    return made


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    be_local(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key-of-the-test-that-nobody-may-see")
    monkeypatch.setenv("PERSONACHAT_MAX_RETRIES", "0")


def say(page: AppTest, words: str) -> None:
    page.chat_input[0].set_value(words).run()
    assert not page.exception


def keys_of_last(page: AppTest) -> set[str]:
    """The first words of the keys of the buttons in the last bubble, which the turn's id follows."""
    return {(button.key or "").rsplit("_", 1)[0] for button in page.chat_message[-1].button}


def menu_of_last(page: AppTest) -> list[str]:
    menu = page.chat_message[-1].get("menu_button")[0]
    return [option.rpartition(": ")[2] for option in menu.proto.options]


def captions_of_last(page: AppTest) -> str:
    return " ".join(str(caption.value) for caption in page.chat_message[-1].caption)


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        (failure(500, "boom"), "The provider couldn't answer"),
        (status(502, body="<html>Bad gateway</html>"), "The provider couldn't answer"),
        (status(503), "The provider is overloaded"),
        (status(429, {"Retry-After": "42"}), "Too many requests"),
        (failure(401, "Wrong key"), "The API key was rejected"),
    ],
)
def test_a_failure_is_no_reply(open_home: OpenPage, fake: FakeProvider, answer: Reply, title: str) -> None:
    page = open_home()
    fake.enqueue(*[answer] * 4)
    say(page, "Words")
    assert [error.proto.title for error in page.error] == [title]
    assert not page.chat_message[-1].get("feedback")
    assert not keys_of_last(page) & {"content_copy", "refresh"}
    assert [button.label for button in page.button if button.label in {"Retry", "Regenerate"}] == ["Retry"]
    assert not {"Copy", "Rate", "Regenerate"} & set(menu_of_last(page))
    assert "token" not in captions_of_last(page)


def test_when_to_try_again_is_said_until_then(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_home()
    fake.enqueue(status(429, {"Retry-After": "60"}))
    say(page, "Words")
    assert "limiting requests. Try again in 60 seconds." in page.error[0].value
    monkeypatch.setattr(transcript, "now", lambda: stamps.now() + timedelta(seconds=59))
    assert "Try again in 60 seconds." in page.run().error[0].value
    monkeypatch.setattr(transcript, "now", lambda: stamps.now() + timedelta(seconds=62))
    assert "limiting requests. Try again." in page.run().error[0].value


def test_what_arrived_of_a_failed_reply_can_still_be_copied(open_home: OpenPage, fake: FakeProvider) -> None:
    page = open_home()
    fake.enqueue(raw(sse(part({"content": "Half of it"})), sse({"error": {"message": "gone"}})))
    say(page, "Words")
    assert "The text received so far is kept." in page.error[0].value
    assert not page.chat_message[-1].get("feedback")
    assert "Copy" in menu_of_last(page)
    assert "Rate" not in menu_of_last(page)


def test_a_reply_that_was_cut_off_has_one_way_to_another(open_home: OpenPage, fake: FakeProvider) -> None:
    page = open_home()
    fake.enqueue(tokens(["Half of it"], finish="length"))
    say(page, "Words")
    assert {"continue", "retry"} <= {button.key for button in page.button}
    assert "refresh" not in keys_of_last(page)
    assert page.chat_message[-1].get("feedback")


def test_a_greeting_has_its_menu_beside_it(open_home: OpenPage) -> None:
    page = open_home()
    say(page, "Words")
    greeting = page.chat_message[0]
    assert GREETING in greeting.markdown[0].value
    assert own_menu(greeting)[1] == ["Edit", "Copy", "Rate", "Fork from here", "Delete"]
    assert not greeting.caption, "a row of its own"


@pytest.mark.parametrize(("bubble", "said"), [(-1, "Message deleted."), (-2, "2 messages deleted.")])
def test_what_is_deleted_is_counted(open_home: OpenPage, bubble: int, said: str) -> None:
    page = open_home()
    say(page, "Words")
    menu: Any = page.chat_message[bubble].get("menu_button")[0]
    menu.set_value(":material/delete: Delete").run()
    assert not page.exception
    assert any(said in str(caption.value) for caption in page.caption)
    next(button for button in page.button if button.label == "Undo").click().run()
    assert len(page.chat_message) == 3
