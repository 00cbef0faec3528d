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
from personachat.replies.live import Generation

UNWATCHED_INTERVALS = 3
"""So many times as long is waited between two looks while nobody follows."""


def mirrored(
    records: ReplyRecords, generation: Generation, *, interval_seconds: float
) -> Callable[[str], AsyncGenerator[ReplyEvent]]:
    """Make a new generation the mirror of the reply that has its id; returns its events for `Generations`."""
    generation.remote = partial(records.want, generation.id)
    return lambda _: _events(records, generation, interval_seconds=interval_seconds)


async def _events(
    records: ReplyRecords, generation: Generation, *, interval_seconds: float
) -> AsyncGenerator[ReplyEvent]:
    seen = 0
    while generation.live:
        try:
            found = await asyncio.to_thread(records.look, generation.id)
        except PersonaChatError:  # whoever generates it keeps its words until the database is back
            await asyncio.sleep(interval_seconds)
            continue
        if found is None:
            generation.interrupt()
            return
        reply, journal = found
        known = decoded(journal, reply)
        end = None
        if known and isinstance(known[-1], (Finished, Failed)):
            end = known[-1]
            known.pop()
        if len(known) > seen:
            if generation.state == "paused":  # it has gone on meanwhile
                generation.agree(replace(generation.snapshot(), state="running"))
            for event in known[seen:]:
                yield event
            seen = len(known)
        generation.agree(reply, end)
        for _ in range(UNWATCHED_INTERVALS):
            await asyncio.sleep(interval_seconds)
            if generation.followers:
                break
