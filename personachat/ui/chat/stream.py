"""Draws a running reply into the current container until it ends or is paused, or the script run does.

The run only follows: it owns nothing that a click, a rerun or a closed tab could lose. It never blocks
for longer than a slice without touching Streamlit, which is when a click takes effect. Frames come at the
pace of the process, and finished pieces of the text are left alone, so the cost of a reply grows with its
length and not with its square.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeAlias

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.conversations.model import Reply
from personachat.messages import ReasoningDelta, Rethought, Started, TextDelta
from personachat.replies.live import LiveReply
from personachat.replies.progress import Words
from personachat.ui.chat import cursor
from personachat.ui.chat.markdown import MarkdownCutter, pieces_of
from personachat.ui.chat.markdown_writer import written
from personachat.ui.chat.pace import PACE, Pace
from personachat.ui.owner import LoginWatch
from personachat.ui.script_runs import touch

Place: TypeAlias = Any
"""Where elements go: a container, or Streamlit itself for the current one."""

SLICE_SECONDS = 0.1
"""The longest wait between two looks at whether the person clicked something."""

SILENT_SECONDS = 2
"""A wait shorter than this needs no clock."""

GLANCE_SECONDS = 0.5
"""How often a reply is looked at that is not followed."""

STALE_SECONDS = 0.25
GROWTH = 0.01
"""A long open piece (a big table, say) is sent again once it grew by GROWTH, or after STALE_SECONDS."""


class Follower:
    """One pass over a live reply's events: waiting, then reasoning, then text."""

    def __init__(self, live_reply: LiveReply) -> None:
        self._live_reply = live_reply
        self._seen = 0
        self._words = Words()
        self._text, self._reasoning = self._words.text, self._words.reasoning
        self._draws_text = False
        self._login = LoginWatch()
        self.taken_back = False
        """Whether text that is drawn already has turned out to be reasoning."""

    def look(self, timeout_seconds: float) -> None:
        """Take in what has come, waiting for it if there is nothing."""
        self._login.look()
        events = self._live_reply.wait(self._seen, timeout_seconds=timeout_seconds)
        self._seen += len(events)
        for event in events:
            if isinstance(event, TextDelta):
                self._text.append(event.content)
            elif isinstance(event, ReasoningDelta):
                self._reasoning.append(event.content)
            elif isinstance(event, Started):
                self._words.begin()
            elif isinstance(event, Rethought):
                self._rethink()

    @property
    def over(self) -> bool:
        """Whether there is nothing more to see, or nothing for as long as it is paused."""
        return self._live_reply.state != "running" and not self._live_reply.wait(
            self._seen, timeout_seconds=0
        )

    @property
    def has_text(self) -> bool:
        return bool(self._text)

    @property
    def has_reasoning(self) -> bool:
        return bool(self._reasoning)

    def wait(self, show: Callable[[str], object]) -> None:
        """Show the time that passes until there is something to show."""
        last_label = ""
        while not (self.over or self.has_text or self.has_reasoning):
            elapsed = int(self._live_reply.elapsed_seconds)
            label = ":shimmer[Thinking]" + (f" :gray[{elapsed} s]" if elapsed >= SILENT_SECONDS else "")
            if label != last_label:
                show(label)
                last_label = label
            else:
                touch()
            self.look(SLICE_SECONDS)

    def draw_reasoning(self) -> None:
        """Reasoning as it grows, until the text begins."""
        self._draw(self._reasoning, until=lambda: self.over or self.has_text)

    def draw_text(self) -> None:
        self._draws_text = True
        self._draw(self._text, until=lambda: self.over or self.taken_back)

    def take_text(self) -> str:
        """The text that has come since this was asked last; who takes it draws it."""
        self._draws_text = self._draws_text or bool(self._text)
        text = "".join(self._text)
        self._text.clear()
        return text

    def _rethink(self) -> None:
        """The text since the model began was reasoning."""
        if self._draws_text:
            self.taken_back = True
        else:
            self._words.rethink()

    def _draw(self, source: list[str], *, until: Callable[[], bool]) -> None:
        with PACE.one_more_reply():
            self._draw_at(PACE, source, until=until)

    def _draw_at(self, pace: Pace, source: list[str], *, until: Callable[[], bool]) -> None:
        drawing, pending, last = Drawing(), "", 0.0
        while True:
            ended = until()
            pending += "".join(source)
            source.clear()
            now = time.monotonic()
            worth_it = len(pending) >= GROWTH * drawing.open_characters or now - last > STALE_SECONDS
            if ended or (pending and worth_it):
                drawing.add(pending, ended=ended)
                pace.note_drawing()
                pending, last = "", now
            else:
                touch()
            if ended:
                return
            time.sleep(pace.until_the_next(last=now))
            self.look(0)
            self.look(pace.patience_seconds if source else SLICE_SECONDS)


class Drawing:
    """A text that grows in the current container: one element for each piece; only the last changes."""

    def __init__(self) -> None:
        self._pieces = MarkdownCutter()
        self._begin()

    def _begin(self) -> None:
        self._element: DeltaGenerator | None = None
        self._markdown = ""
        self._closed = ""
        self._closed_characters = 0

    @property
    def open_characters(self) -> int:
        return len(self._pieces.open)

    def add(self, text: str, *, ended: bool) -> None:
        for piece in self._pieces.add(text):
            self._show(written(piece))
            self._begin()
        if ended:
            self._pieces.end()
            self._show(written(self._pieces.open))
        else:
            self._show(self._growing())

    def _growing(self) -> str:
        """The open piece; what of it has ended is written once, not with every frame."""
        text, closed = self._pieces.open, self._pieces.closed
        if closed != self._closed_characters:
            self._closed, self._closed_characters = written(text[:closed]), closed
        growing = written(text[closed:], growing=True)
        return "\n\n".join(filter(None, (self._closed, growing)))

    def _show(self, markdown: str) -> None:
        if markdown != self._markdown:
            self._element = (self._element or st).markdown(markdown)
            self._markdown = markdown


def draw_running(
    live_reply: LiveReply,
    *,
    head: DeltaGenerator,
    words: Place,
    on_taken_back: Callable[[], object] = st.rerun,
) -> Reply:
    """Follow a reply to its end or a pause, drawing into two places; returns how it is then.

    Leaves in them what `transcript.draw_reply` draws of the reply, so that nothing jumps. `on_taken_back` is
    called where drawn text has turned out to be reasoning; it has to draw everything again.
    """
    with live_reply.followed():
        follower = Follower(live_reply)
        follower.wait(head.markdown)
        if follower.has_reasoning:
            with head.status(":shimmer[Thinking]", type="compact") as status:
                follower.draw_reasoning()
                status.update(label=thought_label(live_reply.snapshot()), state="complete")
        else:
            head.empty()
        if follower.has_text:
            around = column(words)
            with around.container(), cursor.blinking(around):
                follower.draw_text()
        if follower.taken_back:
            on_taken_back()
        reply = live_reply.snapshot()
        if follower.has_reasoning and reply.reasoning:  # some came after the text had begun
            with head.status(thought_label(reply), type="compact", state="complete"):
                for piece in pieces_of(reply.reasoning):
                    st.markdown(piece)
    return reply


def draw_at_times(live_reply: LiveReply, *, head: DeltaGenerator, words: Place) -> Reply:
    """Show a reply under a dialog, with a look at it every GLANCE_SECONDS; returns how it is now.

    Nothing is drawn again when it ends: that would close the dialog, and closing it draws the page.
    """
    reply = live_reply.snapshot()
    if reply.reasoning:
        with head.status(thought_label(reply), type="compact", state="complete"):
            for piece in pieces_of(reply.reasoning):
                st.markdown(piece)
    with column(words).container():
        _glance(live_reply, LoginWatch())
    return reply


@st.fragment(run_every=GLANCE_SECONDS)
def _glance(live_reply: LiveReply, login: LoginWatch) -> None:
    login.look()
    reply = live_reply.snapshot()
    for piece in pieces_of(reply.text):
        st.markdown(piece)
    if reply.live and not reply.text:
        st.markdown(":shimmer[Thinking]")


def column(place: Place) -> DeltaGenerator:
    """What holds a reply's words, in a container of their own; while they come, the cursor is beside that."""
    around: DeltaGenerator = place.container(gap=None)
    return around


def thought_label(reply: Reply) -> str:
    """How long the model reasoned, e.g. "Thought for 4 s"."""
    seconds = reply.reasoning_seconds or reply.duration_seconds
    return f"Thought for {seconds:.0f} s" if seconds and seconds >= 1 else "Thought for a moment"
