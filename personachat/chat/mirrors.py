"""Replies that another process generates, followed here through what it writes to the database.

A mirror has the same numbered events, up to half a second later. Pausing, resuming and stopping it asks the
other process to do so. The mirror shows it once it has happened.
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
"""While nobody follows, the time between two looks is this many times as long."""


def mirrored(
    records: ReplyRecords, live_reply: LiveReply, *, interval_seconds: float
) -> Callable[[str], AsyncGenerator[ReplyEvent]]:
    """Make a new live reply mirror the one with its id; returns its events for `ReplyRunner`."""
    live_reply.remote = partial(records.want, live_reply.id)
    return lambda _: _events(records, live_reply, interval_seconds=interval_seconds)


async def _events(
    records: ReplyRecords, live_reply: LiveReply, *, interval_seconds: float
) -> AsyncGenerator[ReplyEvent]:
    seen = 0
    while live_reply.live:
        try:
            record = await asyncio.to_thread(records.look, live_reply.id)
        except PersonaChatError:  # the generating process keeps the text until the database is back
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
            if live_reply.state == "paused":  # it has changed meanwhile
                live_reply.agree(replace(live_reply.snapshot(), state="running"))
            for event in events[seen:]:
                yield event
            seen = len(events)
        live_reply.agree(reply, end)
        for _ in range(UNWATCHED_INTERVALS):
            await asyncio.sleep(interval_seconds)
            if live_reply.followers:
                break
