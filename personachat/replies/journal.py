"""A reply's journal: kinds and lengths of its events, from which they are rebuilt with the stored text.

It is a JSON array with one item per event. A positive number is the characters of a text delta, a negative
one those of a reasoning delta. Everything else is small and written out. A journal that doesn't fit its reply
(imported, or from another version) loses only the borders between deltas.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from personachat.conversations.model import Reply
from personachat.messages import (
    Failed,
    Finished,
    Noticed,
    ReasoningDelta,
    ReplyEvent,
    Rethought,
    Started,
    TextDelta,
    Usage,
    UsageReported,
)

_KINDS: dict[str, Callable[..., ReplyEvent]] = {
    "started": Started,
    "noticed": Noticed,
    "rethought": Rethought,
    "finished": Finished,
    "failed": Failed,
}
_RETHOUGHT = '["rethought"]'


class Journal:
    """The journal of a growing list of events: each is encoded once."""

    def __init__(self) -> None:
        self._count = 0
        self._items = ""

    def of(self, events: Sequence[ReplyEvent]) -> str:
        """The journal of `events`, which begin with those of the last call."""
        new = ",".join(map(_item, events[self._count :]))
        if new:
            self._items = f"{self._items},{new}" if self._items else new
            if _RETHOUGHT in new:
                self._items = _rethought(self._items)
            self._count = len(events)
        return f"[{self._items}]"


def _rethought(items: str) -> str:
    """The items, with text that turned out to be reasoning counted as reasoning."""
    entries = json.loads(f"[{items}]")
    is_thought = False
    for at in range(len(entries) - 1, -1, -1):
        item = entries[at]
        if item == ["rethought"]:
            is_thought = True
        elif isinstance(item, int):
            entries[at] = -abs(item) if is_thought else item
        elif item[0] == "started":
            is_thought = False
    return ",".join(map(json.dumps, entries))


def decoded(journal: str, reply: Reply) -> list[ReplyEvent]:
    """The events of a stored reply, in order; those so far if it is live or was interrupted."""
    try:
        events = list(_events(json.loads(journal), reply))
    except (ValueError, TypeError):
        events = list(_in_one_piece(reply))
    if events and isinstance(events[-1], (Finished, Failed)):
        events.pop()
    end = _end_of(reply)
    return [*events, end] if end else events


def _end_of(reply: Reply) -> Finished | Failed | None:
    """The event a reply ended with; None if it is live or was interrupted."""
    if reply.live or reply.state == "interrupted":
        return None
    return reply.error or Finished(reply.finish_reason or "stop")


def _item(event: ReplyEvent) -> str:
    item: list[Any]
    match event:
        case TextDelta(content):
            return str(len(content))
        case ReasoningDelta(content):
            return str(-len(content))
        case Started(provider, model, parameters, form):
            item = ["started", provider, model, *([parameters, form] if parameters is not None else [])]
        case Rethought():
            return _RETHOUGHT
        case Noticed(message, memory_from, summary):
            item = ["noticed", message, memory_from, summary]
        case UsageReported(usage, cost_usd):
            item = ["usage", usage.prompt_tokens, usage.completion_tokens, cost_usd]
            if usage.cached_tokens is not None or usage.reasoning_tokens is not None:
                item += [usage.cached_tokens, usage.reasoning_tokens]
        case Finished(reason):
            item = ["finished", reason]
        case Failed(code, message, hint, retry_after_seconds):
            item = ["failed", code, message, hint, retry_after_seconds]
    return json.dumps(item)


def _events(items: Iterable[Any], reply: Reply) -> Iterator[ReplyEvent]:
    """The events. Raises ValueError or TypeError if this isn't the reply's journal."""
    text = reasoning = 0
    for item in items:
        match item:
            case int() if item >= 0:
                yield TextDelta(reply.text[text : text + item])
                text += item
            case int():
                yield ReasoningDelta(reply.reasoning[reasoning : reasoning - item])
                reasoning -= item
            case ["usage", prompt_tokens, completion_tokens, cost_usd, *details]:
                yield UsageReported(Usage(prompt_tokens, completion_tokens, *details), cost_usd)
            case [str(kind), *values] if kind in _KINDS:
                yield _KINDS[kind](*values)
            case _:
                raise ValueError
    if (text, reasoning) != (len(reply.text), len(reply.reasoning)):
        raise ValueError


def _in_one_piece(reply: Reply) -> Iterator[ReplyEvent]:
    """Events that make up the reply if its journal is missing."""
    if reply.live and not (reply.text or reply.reasoning):
        return
    yield Started(reply.provider, reply.model)
    for at, notice in enumerate(reply.notices):
        last = at == len(reply.notices) - 1
        yield Noticed(notice, reply.memory_from if last else None, reply.summary if last else "")
    if reply.reasoning:
        yield ReasoningDelta(reply.reasoning)
    if reply.text:
        yield TextDelta(reply.text)
    if reply.usage:
        yield UsageReported(reply.usage, reply.cost_usd)
