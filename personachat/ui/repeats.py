"""Parts of a page that look as they did before: the earlier messages are sent again, not made again.

Making an element takes several times as long as sending it, and most of a long chat is the same in every run.
Going back to a chat that was open a moment ago draws the same parts, too. The browser gets the same messages
either way. Only elements that just show something are repeated: a field, a button or a picture must be
registered by the run that draws it. All of this depends on undocumented parts of Streamlit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.cursor import RunningCursor
from streamlit.proto.Block_pb2 import Block
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext, ThreadState

from personachat.ui.script_messages import send_again

MOST_BYTES = 20_000
"""Bytes. A larger part is made again each time, so that open pages don't fill the memory."""

MOST_KEPT_BYTES = 200_000
"""Bytes of all parts of one session that are kept for a later run; about as much as ten chats show."""

SHOWS = frozenset({"alert", "empty", "markdown", "text"})
"""Elements that only show something, by their names in Streamlit's protocol."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What was drawn, from which values, and where."""

    of: tuple[Any, ...]
    place: list[int]
    messages: Sequence[ForwardMsg]
    size: int
    """Bytes of the messages."""


class Repeats:
    """The parts of one session's page. The ones that were drawn last are kept."""

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}
        """By their names, the one that was drawn last at the end."""

    def begin(self) -> None:
        """A new run draws from here on. Parts that haven't been drawn for the longest time make room."""
        parts = list(self._parts.items())
        size = sum(part.size for _, part in parts)
        for name, part in parts:
            if size <= MOST_KEPT_BYTES:
                return
            self._parts.pop(name, None)
            size -= part.size

    def draw(self, name: str, make: Callable[[], object], *, of: tuple[Any, ...]) -> None:
        """Draw one element or container that `make` makes from the values `of` alone, always the same way."""
        context, cursor = get_script_run_ctx(), st._main._active_dg._cursor  # noqa: SLF001  # Streamlit has no public way
        if context is None or not isinstance(cursor, RunningCursor) or ThreadState.get().fragment_id:
            make()
            return
        place = cursor.delta_path
        part = self._parts.pop(name, None)
        if part and part.of == of:
            cursor.open_block()
            part = _at(place, part)
            send_again(context, part.messages)
            self._parts[name] = part
            return
        messages = _messages_of(make, context)
        part = _Part(of, place, messages, sum(message.ByteSize() for message in messages))
        if cursor.index == place[-1] + 1 and _is_repeatable(part):
            self._parts[name] = part


def _messages_of(make: Callable[[], object], context: ScriptRunContext) -> list[ForwardMsg]:
    """Make it; returns the messages that were sent for it."""
    messages: list[ForwardMsg] = []

    def enqueue(message: ForwardMsg) -> None:
        messages.append(message)
        ScriptRunContext.enqueue(context, message)

    vars(context)["enqueue"] = enqueue
    try:
        make()
    finally:
        del vars(context)["enqueue"]
    return messages


def _at(place: list[int], part: _Part) -> _Part:
    """The same part in its new place. The sent messages may still be in use, so they are copied."""
    if part.place == place:
        return part
    depth, messages = len(part.place), []
    for message in part.messages:
        moved = ForwardMsg()
        moved.CopyFrom(message)
        moved.metadata.delta_path[:] = [*place, *message.metadata.delta_path[depth:]]
        messages.append(moved)
    return _Part(part.of, place, messages, part.size)


def _is_repeatable(part: _Part) -> bool:
    depth = len(part.place)
    return part.size <= MOST_BYTES and all(
        message.metadata.delta_path[:depth] == part.place and _only_shows(message)
        for message in part.messages
    )


def _only_shows(message: ForwardMsg) -> bool:
    delta = message.delta
    if delta.WhichOneof("type") == "add_block":
        block = delta.add_block
        if block.HasField("chat_message"):
            return block.chat_message.avatar_type != Block.ChatMessage.IMAGE
        return block.HasField("flex_container")
    return delta.WhichOneof("type") == "new_element" and delta.new_element.WhichOneof("type") in SHOWS
