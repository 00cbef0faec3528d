"""A reply's Markdown in pieces: the same whichever way it came."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personachat.ui.chat.markdown import PIECE_CHARACTERS, MarkdownCutter, cut, pieces_of

PARAGRAPH = "word " * 120 + "\n\n"


def streamed(text: str, *, step: int) -> list[str]:
    """The pieces of a text that comes `step` characters at a time; nothing drawn may be taken back."""
    pieces = MarkdownCutter()
    finished: list[str] = []
    for at in range(0, len(text), step):
        drawn = pieces.open
        new = pieces.add(text[at : at + step])
        assert (new[0] if new else pieces.open).startswith(drawn)
        finished += new
    pieces.end()
    return [*finished, pieces.open] if pieces.open else finished


FRAGMENTS = (
    *("word ", "\n", "\n\n", "  ", "*", "long " * 60, "- item\n", "1. one\n", "# Head\n", "> quote\n"),
    *("```python\n", "```\n", "~~~\n", "`", "``", "    code\n", "---\n", "===\n", "<div>\n", "[a]: b\n"),
    *(
        "$",
        "$$",
        "$5",
        "$1,000.50 ",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\\\\",
        "\\",
        "!",
        "![a](b)",
        "\r",
        "\r\n",
        "\n$$\n",
        "\n\\[\n",
        "| a | b |\n",
        "|---|---|\n",
    ),
)
MARKDOWN = st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join)


@settings(max_examples=1_000, deadline=None)
@given(MARKDOWN, st.integers(1, 40))
def test_the_streamed_picture_equals_the_picture_drawn_at_once(text: str, step: int) -> None:
    with patch("personachat.ui.chat.markdown.PIECE_CHARACTERS", 20):
        assert streamed(text, step=step) == cut(text)


def test_a_piece_ends_where_a_later_block_begins() -> None:
    text = PARAGRAPH + "## Head\n\n" + PARAGRAPH + "end"
    assert [piece[:7] for piece in pieces_of(text)] == ["word wo", "## Head", "end"]


@pytest.mark.parametrize(
    "block",
    [
        "```python\n" + "x = 1\n\n" * 200 + "```\n",
        "- item\n\n" * 200,
        "1. one\n\n   more of one\n\n" * 60,
        "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 200,
        "> quote\n>\n" * 200,
    ],
    ids=["code", "loose list", "nested", "table", "quote"],
)
def test_a_block_is_never_cut(block: str) -> None:
    assert block in cut(PARAGRAPH + block + "\nend\n\n" + PARAGRAPH)[1]


def test_a_long_reply_has_pieces_of_bounded_size() -> None:
    pieces = pieces_of(PARAGRAPH * 50)
    assert len(pieces) > 20
    assert max(map(len, pieces)) < PIECE_CHARACTERS + 2 * len(PARAGRAPH)
