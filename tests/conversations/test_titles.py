"""Titles made of what was said first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.conversations.titles import MOST_CHARACTERS, retitled, title_of
from personachat.messages import ChatMessage
from tests.calls_made import calls_of


def user(*texts: str) -> list[ChatMessage]:
    return [ChatMessage("user", text) for text in texts]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("How do trams brake?", "How do trams brake?"),
        ("Hi! How do trams brake? I wonder.", "How do trams brake?"),
        ("hello\n\nHow do trams brake?", "How do trams brake?"),
        ("Guten Tag! Wie bremst eine Straßenbahn?", "Wie bremst eine Straßenbahn?"),
        ("# A **bold** plan\nand more", "A bold plan"),
        ("- [ ] buy `milk` and [bread](https://example.org/x)", "buy milk and bread"),
        ("Explain this:\n```python\nprint(1)\n```", "Explain this:"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("```\nprint(1)", "print(1)"),
        ("你好。电车怎么刹车？它快吗？", "电车怎么刹车？"),  # noqa: RUF001  # the character that is meant
        ("What does e.g. mean? Tell me.", "What does e.g. mean?"),
        ("First one. Second one.", "First one."),
        ("  spaces \t and\u2028lines ", "spaces and"),
        ("hi", "hi"),
        ("Hey there!", "Hey there!"),
        ("???", "???"),
        ("👍", "👍"),
        ("***", "***"),
    ],
)
def test_a_title_is_the_first_sentence_that_says_something(text: str, title: str) -> None:
    assert title_of(user(text)) == title


GREETINGS = (
    "hi|Hello!|hey there|OK|Thanks.|thank you|Hallo|Guten Morgen!|merci beaucoup|¡Hola!|gracias|ciao|"
    "olá, bom dia|Привет!|你好|こんにちは|안녕하세요|how are you?"
)


@pytest.mark.parametrize("greeting", GREETINGS.split("|"))
def test_greetings_and_thanks_make_no_title(greeting: str) -> None:
    assert title_of(user(greeting, "Trams brake how?")) == "Trams brake how?"


def test_a_long_sentence_is_cut_between_words() -> None:
    title = title_of(user("Please explain in detail how the brakes of an electric tram work in the rain"))
    assert title == "Please explain in detail how the brakes of an electric tram…"
    assert len(title) <= MOST_CHARACTERS


def test_a_word_without_end_is_cut_as_well() -> None:
    assert title_of(user("x" * 500)) == "x" * 59 + "…"


def test_a_reply_gives_the_title_only_where_the_user_said_nothing() -> None:
    greeting = ChatMessage("assistant", "Welcome aboard. Ask me anything.")
    assert title_of([greeting]) == "Welcome aboard."
    assert title_of([greeting, *user("hi")]) == "hi"
    assert title_of([ChatMessage("user", ""), ChatMessage("assistant", "")]) == ""


def test_a_title_stays_once_somebody_said_something() -> None:
    assert retitled("", [], user("hi")) == "hi"
    assert retitled("hi", user("hi"), user("How do trams brake?")) == "How do trams brake?"
    assert retitled("Trams", user("How do trams brake?"), user("And ships?")) == "Trams"


@given(st.text(max_size=300))
def test_whatever_was_said_has_a_title_of_one_short_line(text: str) -> None:
    title = title_of(user(text))
    assert len(title) <= MOST_CHARACTERS
    assert len(title.splitlines()) <= 1
    assert title == title.strip()
    if any(sign.isprintable() and not sign.isspace() for sign in text):
        assert title


@pytest.mark.parametrize("sign", ["[", "*a", "`", "<a", "```\n", "> ", "!", "a. ", "_", "| "])
def test_only_the_beginning_of_a_long_text_is_read(sign: str) -> None:
    long, longer = user(sign * 10_000), user(sign * 100_000)
    assert title_of(longer) == title_of(long)
    assert calls_of(lambda: title_of(longer)) == calls_of(lambda: title_of(long))
