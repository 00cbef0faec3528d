"""What a running test suite costs: the people who chat meanwhile, and each of its own replies.

Run `uv run python -m benchmarks.suites`; it prints Markdown. First, a suite of 1,000 replies of one token
runs, beside as many calls that the openai SDK makes itself, as many at a time; what counts is processor time,
which other programs change little. Then 20 pages chat, by turns alone and while a suite of 200 calls runs on
the same server. How much later their words come says something only where processors are free, so pages that
keep the machine busier than 60 % while they are alone are not measured; `--per-second` makes them slower.
Everything is on loopback; only compare numbers of one run. `--only` takes one of the two.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from openai import AsyncOpenAI

from benchmarks.http_client import PERSONA
from benchmarks.measures import ReplyIncomplete
from benchmarks.pages_client import PageSession
from benchmarks.processes import processor_seconds
from benchmarks.report import table
from benchmarks.scenarios import Scenario, run
from benchmarks.speech import Order
from benchmarks.subjects import KEY, Subject, personachat, provider

PAGES, SECONDS = 20, 20.0
"""So many people chat, each with one reply that takes so long."""
ONE = Scenario("first", "A first reply", "page", 1, 20, 0)
WARM_UPS = 10
CALLS, CASES = 200, 20
CELLS, CELL_CASES = 1_000, 20
AT_ONCE = 4
"""PERSONACHAT_MAX_CONCURRENT_TEST_CALLS as it is without a setting."""

MOST_LAG_SHARE, MOST_ADDED_MS = 0.10, 2.0
MOST_BUSY = 0.60
"""Of the machine's processors, while only the pages chat."""

Measured: TypeAlias = tuple[Sequence[tuple[str, str]], int]
"""Rows of the table, and the exit code they stand for."""


@dataclass(frozen=True, slots=True)
class Chats:
    """One run of the pages: the p95 of their lags, and how busy the machine was, of 1."""

    lag_ms: float
    busy: float


@dataclass(frozen=True, slots=True)
class Took:
    """Of one reply, in ms: processor time of the program that asked, and the time that passed."""

    cpu_ms: float
    wall_ms: float


def main() -> int:
    """0 if both limits are kept, 1 if one isn't, 2 if one could not be measured."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--repetitions", type=int, default=5, help="of the chats, each way")
    options.add_argument("--per-second", type=float, default=10, help="tokens of each of the pages")
    options.add_argument("--only", choices=("cells", "pages"), help="one of the two")
    chosen = options.parse_args()
    rows: list[tuple[str, str]] = []
    codes: list[int] = []
    with provider() as fake:
        for name in ("cells", "pages"):
            if chosen.only in (None, name):
                measured = (
                    measure_cells(fake.url)
                    if name == "cells"
                    else measure_pages(fake.url, chosen.repetitions, chosen.per_second)
                )
                more, code = asyncio.run(measured)
                rows += more
                codes.append(code)
    print("\n".join(table(("What", "Took"), iter(rows))))
    return max(codes)


async def measure_cells(provider_url: str) -> Measured:
    suite_took, sdk_took = await cells(provider_url)
    added = suite_took.cpu_ms - sdk_took.cpu_ms
    rows = (
        (f"a reply of a suite of {CELLS:,}", f"{suite_took.cpu_ms:.2f} ms CPU, {suite_took.wall_ms:.2f} ms"),
        ("the same call by the openai SDK", f"{sdk_took.cpu_ms:.2f} ms CPU, {sdk_took.wall_ms:.2f} ms"),
        ("added", f"{added:.2f} ms CPU (the limit is {MOST_ADDED_MS:g} ms)"),
    )
    return rows, int(added > MOST_ADDED_MS)


async def measure_pages(provider_url: str, repetitions: int, per_second: float) -> Measured:
    alone, beside = await chats(provider_url, repetitions, per_second)
    title = f"p95 lag of {PAGES} pages, each at {per_second:g} tokens a second"
    if not alone or not beside:
        return ((title, "not measured: pages missed their replies"),), 2
    busy = statistics.median(each.busy for each in alone)
    rows = [
        (f"{title}, alone", _lags(alone)),
        (f"the same while a suite of {CALLS} calls runs", _lags(beside)),
    ]
    if busy > MOST_BUSY:
        rows.append(("more lag", f"not measured: alone, the pages keep the machine {busy:.0%} busy"))
        return rows, 2
    share = median_lag(beside) / median_lag(alone) - 1
    rows.append(("more lag", f"{share:+.0%} (the limit is {MOST_LAG_SHARE:+.0%})"))
    return rows, int(share > MOST_LAG_SHARE)


def _lags(measured: Sequence[Chats]) -> str:
    each = ", ".join(f"{one.lag_ms:.1f}" for one in measured)
    busy = statistics.median(one.busy for one in measured)
    return f"{median_lag(measured):.1f} ms ({each}), the machine {busy:.0%} busy"


async def chats(provider_url: str, repetitions: int, per_second: float) -> tuple[list[Chats], list[Chats]]:
    """The pages alone and beside a suite; a repetition in which pages miss their replies is left out."""
    alone: list[Chats] = []
    beside: list[Chats] = []
    with personachat(provider_url) as server:
        subject = Subject("page", lambda: PageSession.open(server.url), server)
        for _ in range(WARM_UPS):
            await run(ONE, subject, provider_url)
        await crowd(subject, provider_url, per_second)
        for _ in range(repetitions):
            alone += await crowd(subject, provider_url, per_second)
            await asyncio.to_thread(save, server.url, suite(CASES, CALLS // CASES, tokens=100, per_second=50))
            run_id = await asyncio.to_thread(begin, server.url)
            measured = await crowd(subject, provider_url, per_second)
            if await asyncio.to_thread(state, server.url, run_id) == "running":
                beside += measured
                await asyncio.to_thread(ask, server.url, "POST", f"/tests/runs/{run_id}/cancel")
            else:
                print("The suite ended before the chats did; this doesn't count.", file=sys.stderr)
    return alone, beside


async def crowd(subject: Subject, provider_url: str, per_second: float) -> list[Chats]:
    """One run of the pages, or nothing where one of them missed its reply, which is said."""
    tokens = round(SECONDS * per_second)
    scenario = Scenario("crowd", f"{PAGES} pages", "page", PAGES, tokens, per_second)
    sessions = [await subject.open_session() for _ in range(PAGES)]
    before = processor_seconds()
    try:
        measures = await run(scenario, subject, provider_url, sessions=sessions)
    except (ReplyIncomplete, TimeoutError) as error:
        print(f"A page missed its reply; this doesn't count: {error}", file=sys.stderr)
        return []
    finally:
        after = processor_seconds()
        for session in sessions:
            await session.close()
    return [Chats(measures.lag_p95_ms, (after.busy - before.busy) / (after.all - before.all))]


def median_lag(measured: Sequence[Chats]) -> float:
    return statistics.median(each.lag_ms for each in measured)


async def cells(provider_url: str) -> tuple[Took, Took]:
    """What a reply of a suite takes, and the same call without PersonaChat."""
    text = suite(CELL_CASES, CELLS // CELL_CASES, tokens=1, per_second=0)
    with personachat(provider_url) as server:
        await asyncio.to_thread(save, server.url, suite(1, 20, tokens=1, per_second=0))
        await asyncio.to_thread(finish, server.url)  # to warm up
        await asyncio.to_thread(save, server.url, text)
        began, cpu = time.monotonic(), server.cpu_seconds() or 0.0
        await asyncio.to_thread(finish, server.url)
        by_suite = _took((server.cpu_seconds() or 0.0) - cpu, time.monotonic() - began)
    began, cpu = time.monotonic(), time.process_time()
    await by_sdk(provider_url)
    return by_suite, _took(time.process_time() - cpu, time.monotonic() - began)


def _took(cpu_seconds: float, wall_seconds: float) -> Took:
    return Took(cpu_seconds * 1000 / CELLS, wall_seconds * 1000 / CELLS)


async def by_sdk(provider_url: str) -> None:
    """Make as many streamed calls, as many at a time."""
    left = iter(range(CELLS))
    async with AsyncOpenAI(base_url=f"{provider_url}/v1", api_key=KEY) as client:

        async def work() -> None:
            for _ in left:
                stream = await client.chat.completions.create(
                    model="gpt-4o-mini",
                    messages=[{"role": "user", "content": Order.new(1).prompt}],
                    stream=True,
                )
                async for _ in stream:
                    pass

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))


def suite(cases: int, repeat: int, *, tokens: int, per_second: float) -> str:
    """A suite as JSON, each case with a few checks."""
    made = [
        {
            "name": f"Case {number}",
            "say": Order.new(tokens, per_second).prompt,
            "check": [{"words": {"at_least": 0}}, {"not_contains": "as an AI"}, {"no_prompt_leak": True}],
        }
        for number in range(cases)
    ]
    return json.dumps({"persona": PERSONA, "repeat": repeat, "cases": made})


def save(url: str, text: str) -> None:
    ask(url, "PUT", f"/tests/suites/{PERSONA}", {"text": text})


def begin(url: str) -> str:
    return str(ask(url, "POST", "/tests/runs", {"personaId": PERSONA})["id"])


def state(url: str, run_id: str) -> str:
    runs = ask(url, "GET", "/tests/runs")["runs"]
    return next(str(each["state"]) for each in runs if each["id"] == run_id)


def finish(url: str) -> None:
    """Run the suite to its end; its state is asked for rarely, since asking takes time as well."""
    run_id = begin(url)
    while state(url, run_id) == "running":
        time.sleep(0.05)


def ask(url: str, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        f"{url}/api{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
