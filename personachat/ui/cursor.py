"""The bar that pulses behind the last word of a reply while it is being written.

The browser draws it with a style of its own, and no sign of it is in the text: none can be read as Markdown,
copied, or left standing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_LAST = "[data-testid=stVerticalBlock] > :last-child [data-testid=stMarkdownContainer]"
_DOWN = " > :is(ul, ol, li, blockquote):last-child"
_WORDS = ":is(p, li:not(:has(> :is(p, ul, ol, pre, blockquote, table, div))), h1, h2, h3, h4, h5, h6):last-child::after"
_ENDS = (
    *(f"> div{_DOWN * depth} > {_WORDS}" for depth in range(7)),
    *(f"> div{_DOWN * depth} > div:last-child :is(h1, h2, h3, h4, h5, h6)::after" for depth in range(3)),
    "> div > div:last-child pre code::after",
    "table:last-child tr:last-child > :last-child::after",
)
"""Where text may end: in a paragraph, also deep in lists and quotes, a heading, code, the last cell of a table."""

_MARK = "personachat-cursor"
_STYLE = f"""<i class="{_MARK}"></i><style>
[data-testid=stElementContainer]:has(.{_MARK}) {{ display: none }}
:has(> [data-testid=stElementContainer] .{_MARK}) > {_LAST} {{
  {", ".join(f"& {end}" for end in _ENDS)} {{
    content: "|"; content: "|" / ""; margin-left: 0.2em; font-weight: 400;
    animation: {_MARK} 1.2s ease-in-out infinite }}
}}
@keyframes {_MARK} {{ 50% {{ opacity: 0.15 }} }}
@media (prefers-reduced-motion: reduce) {{ .{_MARK} {{ --still: 1 }} }}
</style>"""


@contextmanager
def shown(beside: DeltaGenerator) -> Iterator[None]:
    """Show it behind what the vertical block in `beside` holds last, until the block ends."""
    place = beside.empty()
    place.html(_STYLE)
    try:
        yield
    finally:
        place.empty()


__all__ = ["shown", "st"]
