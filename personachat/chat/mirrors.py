"""Replies that another process generates, followed here by what it writes of them.

A mirror has the same numbered events, up to half a second later. Pausing, resuming and stopping it asks the
other process to; the mirror shows it once that was done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from functools import partial

from personachat.conversations.base import ReplyRecords
from personachat.errors import PersonaChatError
from personachat.messages import Failed, Finished, ReplyEvent
from personachat.replies.journal import decoded
from personachat.replies.live import LiveReply

UNWATCHED_INTERVALS = 3
"""So many times as long is waited between two looks while nobody follows."""


def mirrored(
    records: ReplyRecords, live_reply: LiveReply, *, interval_seconds: float
) -> Callable[[str], AsyncGenerator[ReplyEvent]]:
    """Make a new live reply the mirror of the reply that has its id; returns its events for `ReplyRunner`."""
    live_reply.remote = partial(records.want, live_reply.id)
    return lambda _: _events(records, live_reply, interval_seconds=interval_seconds)


async def _events(
    records: ReplyRecords, live_reply: LiveReply, *, interval_seconds: float
) -> AsyncGenerator[ReplyEvent]:
    seen = 0
    while live_reply.live:
        try:
            record = await asyncio.to_thread(records.look, live_reply.id)
        except PersonaChatError:  # whoever generates it keeps its words until the database is back
            await asyncio.sleep(interval_seconds)
            continue
        if record is None:
            live_reply.interrupt()
            return
        reply, journal = record
        events = decoded(journal, reply)
        end = None
        if events and isinstance(events[-1], (Finished, Failed)):
            end = events[-1]
            events.pop()
        if len(events) > seen:
            if live_reply.state == "paused":  # it has gone on meanwhile
                live_reply.agree(replace(live_reply.snapshot(), state="running"))
            for event in events[seen:]:
                yield event
            seen = len(events)
        live_reply.agree(reply, end)
        for _ in range(UNWATCHED_INTERVALS):
            await asyncio.sleep(interval_seconds)
            if live_reply.followers:
                break
