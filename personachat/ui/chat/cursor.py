"""The bar that pulses after the last word of a reply while it streams.

The browser draws it with a style. It isn't part of the text, so it can't be read as Markdown, copied, or left
behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_NAME = "personachat-cursor"
_MARK = f'<i class="{_NAME}"></i>'

_ELEMENT = "[data-testid=stElementContainer]"
_TEXT = (
    f":has(> {_ELEMENT} .{_NAME}) > [data-testid=stLayoutWrapper] > [data-testid=stVerticalBlock]"
    f" > {_ELEMENT}:last-child [data-testid=stMarkdownContainer]"
)
_INTO = " > :is(ul, ol, li, blockquote):last-child"
_BARE_ITEM = "li:not(:has(> :is(p, ul, ol, pre, blockquote, table, div, h1, h2, h3, h4, h5, h6)))"
_LAST_CELL = ":is(tbody, thead:last-child) > tr:last-child > :last-child"
_FORMULA = ":is(.katex-display, :has(.katex-display))"
_DEPTHS = range(9)
_ENDS = ", ".join(
    (
        *(f"&{_INTO * depth} > :is(p, {_BARE_ITEM}):last-child::after" for depth in _DEPTHS),
        *(f"&{_INTO * depth} > :last-child [data-heading-text]::after" for depth in _DEPTHS),
        *(f"&{_INTO * depth} > :last-child :is(pre code, {_LAST_CELL})::after" for depth in _DEPTHS),
        *(f"&{_INTO * depth} > {_FORMULA}:last-child .base:last-child::after" for depth in _DEPTHS),
    )
)
"""Where a text may end: in a paragraph, also deep in lists and quotes, a heading, code, a cell, a formula."""

_STYLE = f"""<style>
{_ELEMENT}:has(> .stHtml .{_NAME}) {{ display: none }}
{_TEXT} {{ {_ENDS} {{
  content: "|"; content: "|" / ""; margin-left: 0.15em; font-weight: 400;
  animation: {_NAME} 1.2s ease-in-out infinite
}} }}
@keyframes {_NAME} {{ 50% {{ opacity: 0.15 }} }}
@media (prefers-reduced-motion: reduce) {{ @keyframes {_NAME} {{ 50% {{ opacity: 1 }} }} }}
</style>"""


@contextmanager
def blinking(beside: DeltaGenerator) -> Iterator[None]:
    """Show it at the end of the last element in the column of `beside` until the block ends."""
    st.html(_STYLE)  # takes no room anywhere, and does nothing without a mark
    place = beside.empty()
    place.html(_MARK)
    try:
        yield
    finally:
        place.empty()
