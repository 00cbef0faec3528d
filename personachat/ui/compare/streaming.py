"""Draws the running replies of a comparison into their columns, all in one loop.

As with one reply, the run only follows, and finished pieces of a text are left alone. A frame draws only the
columns with new text, so that four cost as much as four chats.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.lab.comparisons.seen import SeenComparison
from personachat.lab.comparisons.service import Comparisons
from personachat.replies.live import LiveReply
from personachat.ui.chat.pace import PACE
from personachat.ui.chat.stream import GROWTH, SLICE_SECONDS, STALE_SECONDS, Drawing, Follower
from personachat.ui.script_runs import touch

LOOK_SECONDS = 0.3
"""Seconds between two checks whether the next message of a list was sent."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a running reply goes: a line above its text, and the text; None is followed and not drawn.

    `ended` draws what is below once it has ended, while others still run.
    """

    live_reply: LiveReply
    head: DeltaGenerator
    words: DeltaGenerator | None
    ended: Callable[[], object]


class _Column:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._follower = Follower(place.live_reply)
        self._drawing = Drawing()
        self._pending, self._last = "", 0.0
        self._begun = self.over = False
        if place.words:
            place.head.markdown(":shimmer[Writing]")

    @property
    def taken_back(self) -> bool:
        return self._follower.taken_back

    def draw(self, now: float, *, wait_seconds: float = 0) -> bool:
        """Take in new text and draw it if a frame is due; returns whether it was drawn."""
        if self.over:
            return False
        self._follower.look(wait_seconds)
        self.over = self._follower.over
        self._pending += self._follower.take_text()
        worth_it = len(self._pending) >= GROWTH * self._drawing.open_characters
        due = self._pending and (worth_it or now - self._last > STALE_SECONDS)
        if not (due or self.over) or self._place.words is None:
            return False
        if not self._begun:
            self._begun = True
            self._place.head.empty()
        if self._pending or self._last:
            with self._place.words:
                self._drawing.add(self._pending, ended=self.over)
        self._pending, self._last = "", now
        if self.over:
            self._place.ended()
        return True


def draw_running(places: Sequence[Place]) -> None:
    """Follow these replies until all have ended or are paused; a click ends the run as usual."""
    with ExitStack() as following:
        for place in places:
            following.enter_context(place.live_reply.followed())
            following.enter_context(PACE.one_more_reply())
        columns = [_Column(place) for place in places]
        while columns:
            now = time.monotonic()
            columns_with_news = [column for column in columns if column.draw(now)]
            for _ in columns_with_news:
                PACE.note_drawing()
            if any(column.taken_back for column in columns):
                st.rerun()
            columns = [column for column in columns if not column.over]
            if columns_with_news:
                touch()
                time.sleep(PACE.until_the_next(last=now))
            elif columns:
                touch()
                columns[0].draw(now, wait_seconds=SLICE_SECONDS / 2)


def wait_for_all(live_replies: Sequence[LiveReply]) -> None:
    """Follow these replies without showing their text until all have ended or are paused."""
    with ExitStack() as following:
        for live_reply in live_replies:
            following.enter_context(live_reply.followed())
        waiting = [Follower(live_reply) for live_reply in live_replies]
        while waiting:
            touch()
            waiting[0].look(SLICE_SECONDS / 2)
            for each in waiting[1:]:
                each.look(0)
            if any(each.taken_back for each in waiting):
                st.rerun()
            waiting = [each for each in waiting if not each.over]


def wait_for_list(comparisons: Comparisons, comparison: SeenComparison) -> None:
    """Wait until the server has sent the next message of the list, or stops sending."""
    while True:
        now = comparisons.seen(comparison.id)
        paused = bool(now.last and now.last.live and all(each.state == "paused" for each in now.last.answers))
        if now.list_state != comparison.list_state or len(now.rounds) != len(comparison.rounds):
            return
        if now.last and now.last.live and not paused:
            return
        touch()
        time.sleep(LOOK_SECONDS)
