"""Excerpts are the words that a reader of the reply sees."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personachat.history.library import ConversationLibrary
from personachat.history.plain_text import plain
from tests.history.talk import Talk


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("An **answer** of *some* words", "An answer of some words"),
        ("***both*** and ~~gone~~ and __strong__", "both and gone and strong"),
        ("# A heading\n\n- a point\n1. first\n> said", "A heading\n\na point\nfirst\nsaid"),
        (
            "see [the page](https://example.org/a_(b)) and <https://example.org>",
            "see the page and https://example.org",
        ),
        ("![A red square](x.png)", "A red square"),
        ("`code_with_marks` and ``a ` b``", "code_with_marks and a ` b"),
        ("```python\ndef __init__(self):  # *x*\n```", "def __init__(self):  # *x*"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a  b\n1  2"),
        ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"),
        (r"\*not emphasis\*", "*not emphasis*"),
        ("<b>words</b>", "<b>words</b>"),
    ],
)
def test_markdown_is_read_as_its_words(markdown: str, words: str) -> None:
    assert plain(markdown) == words


@given(st.text(alphabet="ab1*_`~[]()!#>|-\\\n ", max_size=200))
def test_no_letter_outside_of_addresses_is_lost(text: str) -> None:
    letters = [sign for sign in plain(text) if sign.isalnum()]
    every = [sign for sign in text if sign.isalnum()]
    if "](" not in text and "1." not in text and "1)" not in text and "```" not in text and "~~~" not in text:
        assert letters == every


def test_a_hit_shows_what_the_reply_shows(talk: Talk, library: ConversationLibrary) -> None:
    talk.new("A **question** as it was typed", "The [needle](https://example.org/hay) is in **bold** hay")
    (reply,) = library.search("needle").hits
    assert reply.excerpt == "The needle is in bold hay"
    assert [reply.excerpt[start:end] for start, end in reply.marks] == ["needle"]
    (said,) = library.search("typed").hits
    assert "**question**" in said.excerpt
    (address,) = library.search("example").hits
    assert address.marks, "found in an address, and not shown where"


@pytest.mark.parametrize(
    "unit",
    ["*a ", "**a *b", "~~a ", "_a ", "__a_b ", "`a ", "[", "![a](", "<http://", "- ", "|a", "*a\n", "\\"],
)
def test_a_text_full_of_marks_is_read_in_a_moment(unit: str) -> None:
    text = unit * (99_000 // len(unit))
    began = time.process_time()
    plain(text)
    assert (
        time.process_time() - began < 5
    )  # one of them took 68 seconds, and nobody else had a turn meanwhile


def test_marks_within_marks_go_from_the_inside_out() -> None:
    assert plain("**bold *and slanted* words** ~~gone~~") == "bold and slanted words gone"
    assert plain("_all of snake_case here_ and __loud__") == "all of snake_case here and loud"
