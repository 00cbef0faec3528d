"""Dialogs whose contents belong to the run of the whole page, and not to the fragment that a dialog is.

A click on a fragment's button waits until a running reply has ended, and a server that has lost the session
knows no fragment and drops the click. So what opens such a dialog has to stand until it is dismissed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Literal, ParamSpec, TypeAlias

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

P = ParamSpec("P")
Width: TypeAlias = Literal["small", "medium", "large"]


def dialog(
    title: str, *, icon: str, on_dismiss: Callable[[], None], width: Width = "small"
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """As `st.dialog`: what the function draws is drawn in a dialog."""

    def decorate(draw: Callable[P, None]) -> Callable[P, None]:
        @wraps(draw)
        def draw_in_it(*args: P.args, **kwargs: P.kwargs) -> None:
            with frame(title, icon=icon, on_dismiss=on_dismiss, width=width):
                draw(*args, **kwargs)

        return draw_in_it

    return decorate


def frame(title: str, *, icon: str, on_dismiss: Callable[[], None], width: Width = "small") -> DeltaGenerator:
    """An open dialog, to be drawn into."""
    places: list[DeltaGenerator] = []

    @st.dialog(title, width=width, icon=icon, on_dismiss=on_dismiss)
    def open_it() -> None:
        places.append(st.container())

    open_it()
    return places[0]
