"""Differences between two versions of a persona, for reading: key by key, long texts word by word.

Removed text is struck out and added text is underlined, so that nothing depends on colour alone.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from typing import Any

import streamlit as st

from personachat.personas.diff import Difference, DiffPiece, label_of
from personachat.ui.wording import as_text

LEGEND = "Struck through: before. Underlined: after."
"""What the two marks mean, wherever differences are drawn."""

CONTEXT_CHARACTERS = 160
"""Characters of unchanged text that are shown on either side of a change."""

MOST_CHARACTERS = 4_000
"""Characters of one value or one changed stretch; the texts themselves have the rest."""

MOST_DIFFERENCES = 100

_FRAME = '<div style="white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5">{}</div>'
_MARK = "padding: 0 0.1em; border-radius: 0.2em; box-decoration-break: clone"
_REMOVED = f'<del style="background-color: rgba(255, 75, 75, 0.18); {_MARK}">{{}}</del>'
_ADDED = f'<ins style="background-color: rgba(33, 195, 84, 0.22); {_MARK}">{{}}</ins>'
_CUT = '<span aria-label="unchanged text left out">&nbsp;⋯&nbsp;</span>'

_HALF_WORD = re.compile(r"^\S{1,30}(?=\s)")
_HALF_WORD_AT_END = re.compile(r"(?<=\s)\S{1,30}$")

_KINDS = {"added": "added", "removed": "removed", "changed": ""}


def draw(differences: Sequence[Difference], *, none: str = "Only the layout differs.") -> None:
    """Draw every difference; `none` is shown if there are none."""
    if not differences:
        st.caption(none)
    for difference in differences[:MOST_DIFFERENCES]:
        kind = _KINDS[difference.kind]
        with st.container(gap="xxsmall"):
            st.markdown(f"**{as_text(difference.label)}**" + (f" :gray[{kind}]" if kind else ""))
            st.html(framed(difference))
    if len(differences) > MOST_DIFFERENCES:
        st.caption(f"… and {len(differences) - MOST_DIFFERENCES:,} more.")


def framed(difference: Difference) -> str:
    """One difference as HTML that keeps its line breaks."""
    return _FRAME.format(markup(difference))


def markup(difference: Difference) -> str:
    """One difference as HTML; all text that people wrote is escaped."""
    if difference.words:
        return _words(difference.words)
    before, after = _plain(difference.before), _plain(difference.after)
    if before == after:  # such as "1" and 1
        before, after = (
            json.dumps(each, ensure_ascii=False) for each in (difference.before, difference.after)
        )
    parts = []
    if difference.kind != "added":
        parts.append(_by_line(_REMOVED, before))
    if difference.kind != "removed":
        parts.append(_by_line(_ADDED, after))
    return " → ".join(parts)


def draw_words(words: Sequence[DiffPiece]) -> None:
    """Draw a text with its removed and added words."""
    st.html(_FRAME.format(_words(words)))


def _words(words: Sequence[DiffPiece]) -> str:
    last = len(words) - 1
    return "".join(
        (_REMOVED if piece.kind == "removed" else _ADDED).format(_changed(piece.text))
        if piece.kind != "same"
        else _stretch(piece.text, starts=number == 0, ends=number == last)
        for number, piece in enumerate(words)
    )


def _changed(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return html.escape(text)
    half = MOST_CHARACTERS // 2
    return f"{html.escape(text[:half])} … {html.escape(text[-half:])}"


def _stretch(text: str, *, starts: bool, ends: bool) -> str:
    """Unchanged text beside a change, shortened to what is near it."""
    before = "" if starts else text[:CONTEXT_CHARACTERS]
    after = "" if ends else text[-CONTEXT_CHARACTERS:]
    if len(text) <= len(before) + len(after) + CONTEXT_CHARACTERS // 4:
        return html.escape(text)
    return html.escape(_HALF_WORD_AT_END.sub("", before)) + _CUT + html.escape(_HALF_WORD.sub("", after))


def _by_line(mark: str, text: str) -> str:
    """Every line marked separately, without its indent."""
    if not text.strip():
        return mark.format(f"“{text}”")
    lines = (text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…").split("\n")
    return "\n".join(
        line[: len(line) - len(words)] + mark.format(html.escape(words)) if words else ""
        for line in lines
        for words in [line.lstrip()]
    )


def _plain(value: Any) -> str:
    """A JSON value for reading: one entry per line, nested ones indented."""
    if isinstance(value, dict) and value:
        return "\n".join(f"{label_of((key,))}:{_inside(each)}" for key, each in value.items())
    if isinstance(value, list) and value:
        return "\n".join("• " + _plain(each).replace("\n", "\n   ") for each in value)
    return value if isinstance(value, str) else json.dumps(value)


def _inside(value: Any) -> str:
    text = _plain(value)
    nested = isinstance(value, dict | list) and bool(value)
    return "\n   " + text.replace("\n", "\n   ") if nested else " " + text.replace("\n", "\n   ")
