"""Draws the last turn of a conversation while its reply is live, whether streaming or paused.

What was drawn of the same turn stays in place, so that a continued or resumed reply only grows. Anything of
another turn there is removed at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.conversations.model import Turn
from personachat.replies.live import LiveReply
from personachat.ui import script_runs
from personachat.ui.chat import versions
from personachat.ui.chat.stream import draw_at_times, draw_running
from personachat.ui.chat.transcript import bubble, draw_outcome, draw_reply
from personachat.ui.chat.turns import View, WaysOn, draw_head, draw_row, free_places, places_taken_by

BUBBLE_ELEMENTS = 6
"""How many elements an ended turn may have below the three places of a live one."""

TURN_ELEMENTS = 2
"""Elements per turn: a bubble, and sometimes a line above it."""


def clear(elements: int) -> None:
    """Empty what follows: it would stay there, greyed out, until the reply and the run end."""
    for _ in range(elements):
        st.empty()


class Following:
    """The places of a live turn, drawn at once, and what fills them while the reply streams."""

    def __init__(self, view: View, turn: Turn, *, above: Turn | None, live: LiveReply) -> None:
        draw_head(view, turn, above=above)
        self._view, self._turn, self._live = view, turn, live
        drawn_before = places_taken_by(turn.id)
        with bubble(turn):
            self._head = st.empty()
            self._words = st.container() if drawn_before else _Later(st.empty())
            self._below, self._versions = st.empty(), st.empty()
            if not drawn_before:
                clear(BUBBLE_ELEMENTS)

    def clear_below(self) -> None:
        """Remove the turns of a longer branch that was visible until now."""
        clear(max(0, self._view.length_before - len(self._view.conversation.path)) * TURN_ELEMENTS)

    def draw(self, *, paused: bool, ways_on: WaysOn) -> Turn:
        """Draw the reply to its end or a pause, under a dialog only now and then. Returns the turn."""
        if paused:
            reply = self._live.snapshot()
            draw_reply(reply, head=self._head, words=self._words)
            with self._below.container():
                draw_outcome(reply)
            self._draw_versions()
        elif script_runs.has_dialog():
            self._draw_versions()
            reply = draw_at_times(self._live, head=self._head, words=self._words)
            return replace(self._turn, reply=reply)
        else:
            self._draw_versions()
            reply = draw_running(self._live, head=self._head, words=self._words, on_taken_back=_draw_anew)
        turn = replace(self._turn, reply=reply)
        if not reply.live:
            self._versions.empty()
            with self._below.container():
                draw_outcome(reply)
                ways_on(turn)
                draw_row(self._view, turn, last=True)
        return turn

    def _draw_versions(self) -> None:
        if self._turn.id in self._view.conversation.siblings:
            with self._versions.container(horizontal=True, vertical_alignment="center", gap="small"):
                versions.draw(self._view.conversation, self._turn, live=True)


def _draw_anew() -> None:
    """Redraw the page, with nothing of this turn left in its place."""
    free_places()
    st.rerun()


class _Later:
    """An empty place that becomes a container only when something goes into it.

    Otherwise the browser would never show it empty.
    """

    def __init__(self, place: DeltaGenerator) -> None:
        self._place = place

    def container(self, **layout: Any) -> DeltaGenerator:
        return self._place.container().container(**layout)
