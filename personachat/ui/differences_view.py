"""Differences between two versions of a persona, for reading: key by key, long texts word by word.

What went is struck out and what came is underlined, so that nothing depends on colour alone.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from personachat.differences import Difference, Piece
from personachat.ui.wording import escaped

CONTEXT_CHARACTERS = 160
"""How much of an unchanged stretch is shown on either side of a change."""

MOST_CHARACTERS = 4_000
"""Of one value; the texts themselves have the rest."""

_FRAME = '<div style="white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5">{}</div>'
_GONE = '<del style="background-color: rgba(255, 75, 75, 0.18)">{}</del>'
_NEW = '<ins style="background-color: rgba(33, 195, 84, 0.22)">{}</ins>'
_CUT = '<span aria-label="unchanged text left out">&nbsp;⋯&nbsp;</span>'

_KINDS = {"added": "added", "removed": "removed", "changed": ""}


def draw(differences: Sequence[Difference], *, none: str = "Nothing differs but the layout.") -> None:
    """Draw every difference; `none` says that there is none."""
    if not differences:
        st.caption(none)
    for difference in differences:
        kind = _KINDS[difference.kind]
        st.markdown(f"**{escaped(difference.label)}**" + (f" :gray[{kind}]" if kind else ""))
        st.html(_FRAME.format(markup(difference)))


def markup(difference: Difference) -> str:
    """One difference as HTML; everything that people wrote is escaped."""
    if difference.words:
        return _words(difference.words)
    parts = []
    if difference.kind != "added":
        parts.append(_GONE.format(_shown(difference.before)))
    if difference.kind != "removed":
        parts.append(_NEW.format(_shown(difference.after)))
    return " → ".join(parts)


def _words(words: Sequence[Piece]) -> str:
    last = len(words) - 1
    return "".join(
        {"removed": _GONE.format, "added": _NEW.format}[piece.kind](html.escape(piece.text))
        if piece.kind != "same"
        else _stretch(piece.text, starts=number == 0, ends=number == last)
        for number, piece in enumerate(words)
    )


def _stretch(text: str, *, starts: bool, ends: bool) -> str:
    """Unchanged text beside a change, without what is far from any."""
    before = "" if starts else text[:CONTEXT_CHARACTERS]
    after = "" if ends else text[-CONTEXT_CHARACTERS:]
    if len(text) <= len(before) + len(after) + CONTEXT_CHARACTERS // 4:
        return html.escape(text)
    return html.escape(before) + _CUT + html.escape(after)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    cut = text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
    return html.escape(cut) or "“”"
