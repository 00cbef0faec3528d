"""The line above the message box: pause, resume and stop while a reply is live, and the context gauge.

Its height never changes, so that the box and the transcript stay in place.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.conversations.model import Conversation
from personachat.personas.persona import Persona
from personachat.replies.live import LiveReply
from personachat.ui.chat import actions, gauge

LINE_PIXELS = 42

WATCH_SECONDS = 1.0
"""Seconds between two checks, on a page with a paused reply, whether someone else resumed it."""


class Line:
    """The line, drawn once per run; `paused` says whether the live reply is."""

    def __init__(self, live: LiveReply | None, conversation: Conversation, *, paused: bool) -> None:
        with (
            st.container(height=LINE_PIXELS, border=False, key="reply_controls"),
            st.container(horizontal=True, vertical_alignment="center", wrap=False),
        ):
            # Two places: in a single one, old content could stay beside the new, greyed out.
            paused_buttons = st.empty()
            self._buttons = st.empty()
            self._gauge = st.empty()
        if live:
            place = paused_buttons if paused else self._buttons
            with place.container(horizontal=True, width="content", wrap=False):
                if paused:
                    _button("Resume", "play_circle", actions.resume, live, shortcut="Alt+P")
                else:
                    _button("Pause", "pause_circle", actions.pause, live, shortcut="Alt+P")
                _button("Stop", "stop_circle", actions.stop, live, shortcut="Esc")
        else:
            _draw_forecast(self._buttons)
        gauge.draw_last(self._gauge, conversation)

    def end(self) -> None:
        """The reply has ended: remove the buttons."""
        _draw_forecast(self._buttons)

    def measure(self, conversation: Conversation, persona: Persona) -> None:
        """Measure how full the context is, but not while someone waits for text."""
        gauge.draw(self._gauge, conversation, persona)


def _draw_forecast(place: DeltaGenerator) -> None:
    """The button for the cost of the next message.

    It replaces the place as an element: in a container, the browser would keep what this run drew there
    before.
    """
    with place:
        draw_forecast()


def draw_forecast() -> None:
    st.button(
        "Forecast",
        icon=":material/calculate:",
        type="tertiary",
        help="Estimate the tokens and cost of your next message",
        on_click=actions.ask,
        args=("forecast",),
        key="forecast",
    )


def _button(label: str, icon: str, do: Callable[[str], None], live: LiveReply, *, shortcut: str) -> None:
    key = f"{label.lower()}_{live.id}"
    st.button(label, icon=f":material/{icon}:", on_click=do, args=(live.id,), shortcut=shortcut, key=key)


@st.fragment(run_every=WATCH_SECONDS)
def watch(paused: LiveReply) -> None:
    """Redraw the page when a paused reply is no longer paused; someone else may have resumed it."""
    if paused.state != "paused":
        st.rerun()
