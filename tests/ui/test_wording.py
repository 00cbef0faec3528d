"""Words as the pages show them."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from personachat.errors import PersonaChatError
from personachat.replies.context import ContextUse
from personachat.ui import frame
from personachat.ui.chat.gauge import text_of
from personachat.ui.wording import error_text, escaped, money


@pytest.mark.parametrize(
    ("dollars", "shown"),
    [
        (0.0, "$0"),
        (0.00001, "<$0.0001"),
        (0.0003, "$0.0003"),
        (0.0023, "$0.0023"),
        (0.0124, "$0.012"),
        (0.1, "$0.10"),
        (1.2, "$1.20"),
    ],
)
def test_a_price_is_as_short_as_it_says_something(dollars: float, shown: str) -> None:
    assert money(dollars) == shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("\u202eevil", "\u202eevil\u202c"),
        ("a \u2067b \u202bc", "a \u2067b \u202bc\u202c\u2069"),
        ("\u2067b \u202bc\u2069 d", "\u2067b \u202bc\u2069 d"),
        ("\u202ab\u202c c", "\u202ab\u202c c"),
        ("\u202cb\u2069", "\u202cb\u2069"),
        ("\u200fسلم\u200e", "\u200fسلم\u200e"),
    ],
)
def test_words_that_change_direction_do_not_turn_what_follows_them(words: str, shown: str) -> None:
    assert escaped(words) == shown


def test_a_tab_is_named_without_marks_of_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    monkeypatch.setattr("streamlit.set_page_config", lambda *, page_title: named.append(page_title))
    frame.name_tab("\u202eWhy \u2067\u200fسلم\u2069\n\u200e is\u061c it?\u202c")
    assert named == ["Why سلم is it? · PersonaChat"]


def memory(used: int, window: int | None, *, measured: bool = True) -> ContextUse:
    return ContextUse(used_tokens=used, window_tokens=window, memory_from=None, measured=measured)


def test_the_gauge_says_how_much_of_the_window_is_used() -> None:
    assert text_of(memory(3_000, 8_000)) == "3.0k / 8.0k ●●○○○ 38%"


def test_an_estimate_is_marked_as_one() -> None:
    assert text_of(memory(500, 8_000, measured=False)).startswith("~500 / 8.0k")


def test_a_window_that_is_not_known_is_left_out() -> None:
    assert text_of(memory(500, None)) == "500"


def test_a_gauge_that_is_nearly_empty_says_so() -> None:
    assert text_of(memory(490, 1_048_576)) == "490 / 1.0M ○○○○○ <1%"
    assert text_of(memory(80, 8_000)).endswith("○○○○○ 1%")


def test_more_than_fits_is_a_full_gauge() -> None:
    assert text_of(memory(9_000, 8_000)).endswith("●●●●● 100%")


def test_an_address_in_an_error_can_be_copied_and_is_no_link() -> None:
    error = PersonaChatError(
        "No model is available *here*.", hint="Set it to http://localhost:11434/v1, or HTTPS://x.example/."
    )
    shown = error_text(error)
    assert shown == (
        "No model is available \\*here\\*. Set it to `http://localhost:11434/v1`, or `HTTPS://x.example/`."
    )


@pytest.mark.parametrize(
    "words", ["http://`[x](http://y.example)", "http://", "1. https://a.example/$x$ `b`"]
)
def test_nothing_in_an_error_is_more_than_its_words(words: str) -> None:
    shown = error_text(PersonaChatError(words))
    drawn = MarkdownIt("commonmark", {"html": True}).render(shown)
    assert "<a " not in drawn
    assert "<ol>" not in drawn
