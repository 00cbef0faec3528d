"""How fast a reply comes through PersonaChat, beside a stock Streamlit app and the openai SDK alone.

Run `uv run python -m benchmarks`; it takes some minutes and prints Markdown. Everything is on loopback, and
the tokens come from a fake provider that notes when each left it. For each scenario every subject gets a new
server, and the repetitions take turns over the subjects, so that what else the machine does hits all alike.
Only compare numbers of one run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.report import FirstReplies, Results, written
from benchmarks.scenarios import SCENARIOS, Scenario, run, with_history
from benchmarks.subjects import SUBJECTS, Session, Start, Subject, provider

NAMES = tuple(dict.fromkeys(name for subjects in SUBJECTS.values() for name in subjects))
SHORT_REPLY = Scenario("first", "A first reply", "page", 1, 20, 0)
REPLIES_TO_WARM_UP = 10
QUIET_LOAD = 0.3
"""Processes that want the processor, over the last minute, in a machine that is left alone."""


class Benchmark:
    """Measures scenario by scenario; who fails is left out and told of, and makes the command fail."""

    def __init__(self, provider_url: str, *, only: Sequence[str], repetitions: int) -> None:
        self._provider_url = provider_url
        self._only = only
        self._repetitions = repetitions
        self.results = Results()
        self.failed = False

    async def measure(self, scenario: Scenario) -> None:
        async with AsyncExitStack() as running:
            ready = {
                title: found
                for name, (title, start) in SUBJECTS[scenario.surface].items()
                # The SDK's client that blocks is not for many at once.
                if name in self._only and (name != "sdk" or scenario.sessions == 1)
                if (found := await self._ready(scenario, title, start, running))
            }
            for repetition in range(self._repetitions):
                titles = deque(ready)
                titles.rotate(-repetition)
                for title in titles:
                    subject, sessions = ready[title]
                    try:
                        measured = await run(scenario, subject, self._provider_url, sessions=sessions)
                    except Exception as error:  # noqa: BLE001  # told to whoever measures
                        self._tell(scenario, title, error)
                    else:
                        self.results.add(scenario, title, measured)
            for _, sessions in ready.values():
                for session in sessions:
                    await session.close()

    async def _ready(
        self, scenario: Scenario, title: str, start: Start, running: AsyncExitStack
    ) -> tuple[Subject, Sequence[Session]] | None:
        """Start one for a scenario, and let it warm up; None where it cannot do what is asked."""
        print(f"{scenario.name}: {title}", file=sys.stderr, flush=True)
        try:
            subject = await running.enter_async_context(start(self._provider_url))
            await self._warm_up(title, subject)
            return subject, await with_history(scenario, subject)
        except Exception as error:  # noqa: BLE001  # one's failure is not the others'
            self._tell(scenario, title, error)
            return None

    async def _warm_up(self, title: str, subject: Subject) -> None:
        """The first replies; how long they take is told apart."""
        waits = [
            (await run(SHORT_REPLY, subject, self._provider_url)).first_token_ms
            for _ in range(REPLIES_TO_WARM_UP)
        ]
        if subject.server:
            took = FirstReplies(subject.server.start_seconds, waits[0], waits[-1])
            self.results.starts.setdefault(title, []).append(took)

    def _tell(self, scenario: Scenario, title: str, error: Exception) -> None:
        self.failed = True
        print(f"{scenario.name}: {title} failed: {type(error).__name__}: {error}", file=sys.stderr)


def main() -> int:
    options = _options()
    chosen = [
        scenario
        for scenario in SCENARIOS
        if (scenario.name in options.scenarios if options.scenarios else scenario.by_default)
    ]
    _tell_of_others()
    with provider() as server:
        benchmark = Benchmark(server.url, only=options.only, repetitions=options.repetitions)
        try:
            asyncio.run(_measure_all(benchmark, chosen))
        except KeyboardInterrupt:
            return 130
    print("\n".join(written(benchmark.results)))
    if options.json:
        options.json.write_text(json.dumps(benchmark.results.as_json(), indent=1), "utf-8")
    return 1 if benchmark.failed else 0


def _tell_of_others() -> None:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > QUIET_LOAD:
        print(f"Others use this machine (load {load:.1f}), which makes every number worse.", file=sys.stderr)


async def _measure_all(benchmark: Benchmark, scenarios: Sequence[Scenario]) -> None:
    for scenario in scenarios:
        await benchmark.measure(scenario)


def _options() -> argparse.Namespace:
    names = tuple(scenario.name for scenario in SCENARIOS)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", type=_list_of(NAMES), default=NAMES, metavar="SUBJECTS", help=_told(NAMES))
    parser.add_argument("--scenarios", type=_list_of(names), metavar="SCENARIOS", help=_told(names))
    parser.add_argument("--repetitions", type=int, default=3, metavar="N", help="of each; 3 if not said")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run there")
    return parser.parse_args()


def _told(names: Sequence[str]) -> str:
    return f"some of {', '.join(names)}; separated by commas"


def _list_of(names: Sequence[str]) -> Callable[[str], list[str]]:
    def chosen(value: str) -> list[str]:
        found = value.split(",")
        unknown = [name for name in found if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(f"there is no {unknown[0]}; there are {', '.join(names)}")
        return found

    return chosen


if __name__ == "__main__":
    sys.exit(main())
