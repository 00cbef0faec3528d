"""What is measured, and one run of it."""

from __future__ import annotations

import asyncio
import gc
import json
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measures import Emission, Measures, Reading, Seen, measures_of
from benchmarks.speech import Order
from benchmarks.subjects import Session, Subject, Surface

STAGGER_SECONDS = 0.037
"""Between the starts of two sessions: people do not type in step."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """So many sessions, each with one reply of `tokens` at `per_second`; 0 is as fast as possible."""

    name: str
    title: str
    surface: Surface
    sessions: int
    tokens: int
    per_second: float
    history: int = 0
    """How many messages the session holds before the one that is measured."""
    by_default: bool = True


SCENARIOS = (
    Scenario("steady", "One session, 1,000 tokens at 100 a second", "page", 1, 1000, 100),
    Scenario("burst", "One session, 2,000 tokens as fast as possible", "page", 1, 2000, 0),
    Scenario("crowd", "20 sessions, 300 tokens each at 50 a second", "page", 20, 300, 50),
    Scenario("long", "One session, 8,000 tokens as fast as possible", "page", 1, 8000, 0),
    Scenario("history", "The next 20 tokens behind 200 messages", "page", 1, 20, 0, history=200),
    Scenario("http-steady", "One stream, 500 tokens at 100 a second", "http", 1, 500, 100),
    Scenario("http-burst", "One stream, 2,000 tokens as fast as possible", "http", 1, 2000, 0),
    Scenario("http-crowd", "50 streams, 200 tokens each at 50 a second", "http", 50, 200, 50),
    Scenario("http-500", "500 streams, 100 tokens each at 5 a second", "http", 500, 100, 5, by_default=False),
)


async def run(
    scenario: Scenario, subject: Subject, provider_url: str, *, sessions: Sequence[Session] = ()
) -> Measures:
    """Ask in every session once, in new ones unless some are given."""
    asked = sessions or [await subject.open_session() for _ in range(scenario.sessions)]
    gc.collect()
    gc.disable()
    try:
        async with subject.peak_memory() as peak:
            cpu_before = subject.cpu_seconds()
            readings = await asyncio.gather(
                *(_ask_later(session, scenario, place) for place, session in enumerate(asked))
            )
            cpu_after = subject.cpu_seconds()
    finally:
        gc.enable()
    seen = [reading() for reading in readings]
    for session in asked if not sessions else ():
        await session.close()
    return measures_of(
        [(one, emission_of(provider_url, one)) for one in seen],
        cpu_seconds=None if cpu_after is None or cpu_before is None else cpu_after - cpu_before,
        memory_mb=peak(),
    )


async def with_history(scenario: Scenario, subject: Subject) -> tuple[Session, ...]:
    """The sessions that a scenario goes on with; none where it begins with new ones."""
    if not scenario.history:
        return ()
    session = await subject.open_session()
    for _ in range(scenario.history // 2):
        (await session.ask(Order.new(scenario.tokens)))()
    return (session,)


def emission_of(provider_url: str, seen: Seen) -> Emission:
    with urllib.request.urlopen(f"{provider_url}/emitted/{seen.order.number}") as answer:
        return Emission(**json.load(answer))


async def _ask_later(session: Session, scenario: Scenario, place: int) -> Reading:
    await asyncio.sleep(place * STAGGER_SECONDS)
    return await session.ask(Order.new(scenario.tokens, scenario.per_second))
