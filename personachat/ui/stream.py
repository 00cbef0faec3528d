"""Draws a running reply into the current container until it ends or is paused, or the script run does.

The run only follows: it owns nothing that a click, a rerun or a closed tab could lose. It never blocks
for longer than a slice without touching Streamlit, which is when a click takes effect. Frames come at
most every FRAME_SECONDS, and finished pieces of the text are left alone, so the cost of a reply grows
with its length and not with its square.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, Self, TypeAlias

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from personachat.conversations.model import Reply
from personachat.generation import Generation
from personachat.messages import ReasoningDelta, TextDelta
from personachat.ui.markdown import Converter, Pieces, pieces_of

Place: TypeAlias = Any
"""Where elements go: a container, or Streamlit itself for the current one."""

FRAME_SECONDS = 0.053
"""Between two frames: below what an eye tells from continuous text, far above the cost of one.

All sessions draw at the same ticks of the clock, so that a processor with many of them wakes, and the server
sends, once for all: a sixth less work with 20 of them.
"""

SLICE_SECONDS = 0.1
"""The longest wait between two looks at whether the person clicked something."""

SILENT_SECONDS = 2
"""A wait shorter than this needs no clock."""

STALE_SECONDS = 0.25
GROWTH = 0.01
"""A long open piece (a big table, say) is sent again once it grew by GROWTH, or after STALE_SECONDS."""


class Cursor(str):
    """What stands behind streamed text: pulsing, but plain where Markdown would show its markup.

    `st.write_stream` appends its cursor to every frame; inside code and formulas, the markup of a
    pulsing one would stand there as text, so the cursor looks at the stream when it is appended.
    """

    __slots__ = ("_converter",)
    _converter: Converter

    def __new__(cls, converter: Converter) -> Self:
        cursor = super().__new__(cls, " :shimmer[|]")
        cursor._converter = converter
        return cursor

    def __radd__(self, text: str) -> str:
        if not self._converter.literal:
            return text + str(self)
        return text + "|" if self._converter.in_code else text


class Stream(tuple[str | Callable[[], None], ...]):  # noqa: SLOT001  # a tuple cannot have slots of its own
    """Frames in the shape in which `st.write_stream` takes them as they are.

    Whatever else is given to it might be a data frame; to find out it imports pandas and pyarrow, which take
    a second and 70 MB.
    """

    _frames: Iterator[str | Callable[[], None]]

    def __new__(cls, frames: Iterator[str | Callable[[], None]]) -> Self:
        stream = super().__new__(cls)
        stream._frames = frames
        return stream

    def __iter__(self) -> Iterator[str | Callable[[], None]]:
        return self._frames


class Follower:
    """One pass over a generation's events: waiting, then reasoning, then text."""

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._seen = 0
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self.converter = Converter()

    def look(self, timeout_seconds: float) -> None:
        """Take in what has come, waiting for it if there is nothing."""
        events = self._generation.wait(self._seen, timeout_seconds=timeout_seconds)
        self._seen += len(events)
        for event in events:
            if isinstance(event, TextDelta):
                self._text.append(event.content)
            elif isinstance(event, ReasoningDelta):
                self._reasoning.append(event.content)

    @property
    def over(self) -> bool:
        """Whether there is nothing more to see, or nothing for as long as it is paused."""
        return self._generation.state != "running" and not self._generation.wait(
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
        shown = ""
        while not (self.over or self.has_text or self.has_reasoning):
            elapsed = int(self._generation.elapsed_seconds)
            label = ":shimmer[Thinking]" + (f" :gray[{elapsed} s]" if elapsed >= SILENT_SECONDS else "")
            if label != shown:
                show(label)
                shown = label
            else:
                touch()
            self.look(SLICE_SECONDS)

    def reasoning_frames(self) -> Generator[str | Callable[[], None]]:
        """Reasoning as it grows, until the text begins."""
        yield from self._frames(self._reasoning, Converter(), until=lambda: self.over or self.has_text)

    def text_frames(self) -> Generator[str | Callable[[], None]]:
        yield from self._frames(self._text, self.converter, until=lambda: self.over)

    def _frames(
        self, source: list[str], converter: Converter, *, until: Callable[[], bool]
    ) -> Generator[str | Callable[[], None]]:
        pieces, pending, last = Pieces(), "", 0.0
        while True:
            ended = until()
            pending += converter.feed("".join(source)) + (converter.end() if ended else "")
            source.clear()
            now = time.monotonic()
            worth_it = len(pending) >= GROWTH * len(pieces.open) or now - last > STALE_SECONDS
            if ended or (pending and worth_it):
                yield from cut(pieces, pending, ended=ended)
                pending, last = "", now
            else:
                touch()
            if ended:
                return
            time.sleep(FRAME_SECONDS - time.monotonic() % FRAME_SECONDS)
            self.look(SLICE_SECONDS)


def cut(pieces: Pieces, text: str, *, ended: bool) -> Generator[str | Callable[[], None]]:
    """`text` as chunks for st.write_stream, with a no-op where one piece ends and the next begins."""
    drawn = len(pieces.open)
    for piece in pieces.add(text):
        if len(piece) > drawn:
            yield piece[drawn:]
        yield end_piece
        drawn = 0
    if ended:
        pieces.end()
    new = pieces.open[drawn:]
    if new and not drawn and not ended:
        yield new[:1]  # st.write_stream shows no cursor behind the first chunk of an element
        new = new[1:]
    if new:
        yield new


def end_piece() -> None:
    """What st.write_stream calls between pieces; its being callable is what closes the element."""


def touch() -> None:
    """Let a click that came meanwhile take effect: Streamlit looks for one at every state access."""
    st.session_state.get("touch")


def draw_running(generation: Generation, *, head: DeltaGenerator, words: Place) -> Reply:
    """Follow a reply to its end or a pause, drawing into two places; returns how it is then.

    Leaves in them what `transcript.draw_reply` draws of the reply, so that nothing jumps.
    """
    with generation.followed():
        follower = Follower(generation)
        follower.wait(head.markdown)
        if follower.has_reasoning:
            with head.status(":shimmer[Thinking]", type="compact") as status:
                with closing(follower.reasoning_frames()) as frames:
                    st.write_stream(Stream(frames))
                status.update(label=thought_label(generation.snapshot()), state="complete")
        else:
            head.empty()
        if follower.has_text:
            with wide(words), closing(follower.text_frames()) as frames:
                st.write_stream(Stream(frames), cursor=Cursor(follower.converter))
        reply = generation.snapshot()
        if follower.has_reasoning and reply.reasoning:  # some came after the text had begun
            with head.status(thought_label(reply), type="compact", state="complete"):
                for piece in pieces_of(reply.reasoning):
                    st.markdown(piece)
    return reply


def wide(place: Place) -> DeltaGenerator:
    """A container in `place` that scrolls sideways by itself where a table is wider than the window."""
    scrolling: DeltaGenerator = place.container(horizontal=True, wrap=False)
    return scrolling.container()


def thought_label(reply: Reply) -> str:
    """How long the model reasoned, e.g. "Thought for 4 s"."""
    seconds = reply.reasoning_seconds or reply.duration_seconds
    return f"Thought for {seconds:.0f} s" if seconds and seconds >= 1 else "Thought for a moment"
