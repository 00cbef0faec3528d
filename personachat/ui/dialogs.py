"""Dialogs. A run of the page draws them again, so what opens one must be remembered until it is closed.

During a run of the whole page, Streamlit removes an open dialog until the run has drawn it, and loses what is
typed meanwhile. So a dialog that reacts to typing runs alone (`alone=True`), as the fragment that it is, for
everything that only it shows. If a callback was called, the whole page runs. The contents of other dialogs
belong to the run of the page.

A page under a dialog doesn't follow a reply, which would delay the dialog's runs, or other tabs, whose
changes would redraw it. It looks at a reply now and then, and follows again once the dialog is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Literal, ParamSpec, TypeAlias

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.ui import open_tabs, parts

P = ParamSpec("P")
Width: TypeAlias = Literal["small", "medium", "large"]


def dialog(
    title: str, *, icon: str, on_dismiss: Callable[[], None], width: Width = "small", alone: bool = False
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Like `st.dialog`: what the function draws is drawn in a dialog."""

    def decorate(draw: Callable[P, None]) -> Callable[P, None]:
        @wraps(draw)
        def draw_in_page(*args: P.args, **kwargs: P.kwargs) -> None:
            with frame(title, icon=icon, on_dismiss=on_dismiss, width=width):
                draw(*args, **kwargs)

        @st.dialog(title, width=width, icon=icon, on_dismiss=on_dismiss)
        @parts.runs_alone
        @wraps(draw)
        def draw_alone(*args: P.args, **kwargs: P.kwargs) -> None:
            open_tabs.leave()
            draw(*args, **kwargs)

        return draw_alone if alone else draw_in_page

    return decorate


def frame(title: str, *, icon: str, on_dismiss: Callable[[], None], width: Width = "small") -> DeltaGenerator:
    """An open dialog to draw into."""
    open_tabs.leave()
    places: list[DeltaGenerator] = []

    @st.dialog(title, width=width, icon=icon, on_dismiss=on_dismiss)
    def open_it() -> None:
        places.append(st.container())

    open_it()
    return places[0]
