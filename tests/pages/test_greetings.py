"""An empty chat without a browser: the persona's greetings to leaf through; the chosen one begins it."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.ui import owner
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.pages.conftest import OpenPage

OTHERS = ["Good evening, {{user}}.", "Good night."]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    usual = persona_text("default-persona", greeting="Good morning.", alternateGreetings=OTHERS)
    (made / "default-persona.json").write_text(usual)
    (made / "late.json").write_text(persona_text("late", alternateGreetings=OTHERS))
    (made / "plain.json").write_text(persona_text("plain", greeting="Hello."))
    return made


@pytest.fixture
def open_chat(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key-of-the-test-that-nobody-may-see")
    monkeypatch.setattr(owner, "_is_near", lambda: True)  # AppTest says nothing of where its browser is
    return open_home


def greeted(page: AppTest) -> str:
    return "\n".join(
        str(each.value) for each in [*page.chat_message[0].markdown, *page.chat_message[0].caption]
    )


def step(page: AppTest, name: str) -> AppTest:
    page.button(key=f"{name}_greeting").click().run()
    assert not page.exception
    return page


def say(page: AppTest, words: str) -> AppTest:
    page.chat_input[0].set_value(words).run()
    assert not page.exception
    return page


def sent(fake: FakeProvider) -> list[str]:
    return [message["content"] for message in fake.chats[-1].body["messages"] if message["role"] != "system"]


def test_the_greetings_go_round(open_chat: OpenPage) -> None:
    page = open_chat()
    assert "Good morning." in greeted(page)
    assert "1/3" in greeted(page)
    assert "Good evening, User." in greeted(step(page, "next"))
    assert "Good night." in greeted(step(page, "next"))
    assert "Good morning." in greeted(step(page, "next"))
    assert "Good night." in greeted(step(page, "previous"))
    assert "3/3" in greeted(page)


def test_the_chosen_greeting_is_what_the_model_is_told(open_chat: OpenPage, fake: FakeProvider) -> None:
    page = say(step(open_chat(), "next"), "Hi")
    assert "Good evening, User." in greeted(page)
    assert sent(fake) == ["Good evening, User.", "Hi"]


def test_a_chat_that_goes_on_is_not_greeted_again(open_chat: OpenPage, fake: FakeProvider) -> None:
    page = say(step(open_chat(), "next"), "Hi")
    say(page, "And now?")
    assert sent(fake) == ["Good evening, User.", "Hi", "You said: Hi", "And now?"]


def test_a_persona_with_other_greetings_alone_begins_with_the_one_it_shows(
    open_chat: OpenPage, fake: FakeProvider
) -> None:
    page = open_chat(persona="late")
    assert "Good evening, User." in greeted(page)
    say(page, "Hi")
    assert sent(fake) == ["Good evening, User.", "Hi"]


def test_one_greeting_needs_no_arrows(open_chat: OpenPage) -> None:
    page = open_chat(persona="plain")
    assert "Hello." in greeted(page)
    assert not [button for button in page.button if str(button.key).endswith("_greeting")]
