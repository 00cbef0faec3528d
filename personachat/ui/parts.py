"""Parts of a page that run alone for what only they show: typing in a field redraws that part only.

If a callback was called, the whole page runs, since a callback may change anything on it. The same goes for
an unexpected error of a service: the page reports it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.ui import script_runs

P = ParamSpec("P")


def part(draw: Callable[P, None]) -> Callable[P, None]:
    """Like `st.fragment`: what the function draws is such a part."""
    return st.fragment(runs_alone(draw))


def runs_alone(draw: Callable[P, None]) -> Callable[P, None]:
    """Wraps the function of a fragment."""

    @wraps(draw)
    def draw_alone(*args: P.args, **kwargs: P.kwargs) -> None:
        if script_runs.begin_part():
            st.rerun()
        try:
            draw(*args, **kwargs)
        except PersonaChatError:
            if script_runs.runs_alone():
                st.rerun()
            raise

    return draw_alone
