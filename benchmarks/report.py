"""The results as Markdown, and as JSON with every single run."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measures import Measures, medians
from benchmarks.scenarios import Scenario

COLUMNS: Mapping[str, tuple[str, int]] = {
    "first_token_ms": ("submit to first token, ms", 0),
    "added_ms": ("time to first token added, ms", 1),
    "lag_p50_ms": ("lag p50, ms", 1),
    "lag_p95_ms": ("lag p95, ms", 1),
    "tokens_per_second": ("tokens/s", 0),
    "bytes_per_byte": ("bytes per byte of text", 1),
    "cpu_seconds": ("CPU s per 1,000 tokens", 3),
    "memory_mb": ("memory, MB", 0),
}
"""Field of Measures -> heading and decimals."""

LEGEND = """\
Medians over the runs; lags are percentiles over all tokens of all sessions, from a token's leaving the
provider to its being in the client. With tokens as fast as possible the provider is done long before the
others, and the lag is how far they are behind. CPU and memory are the server's; the SDK's CPU is its own."""


@dataclass(frozen=True, slots=True)
class FirstReplies:
    """One start of a server: when it first answered, and its first and tenth reply's first token."""

    answered_seconds: float
    first_reply_ms: float
    tenth_reply_ms: float


@dataclass(slots=True)
class Results:
    """What was measured so far: by scenario, then by what the table calls the subject."""

    runs: dict[Scenario, dict[str, list[Measures]]] = field(default_factory=dict)
    starts: dict[str, list[FirstReplies]] = field(default_factory=dict)

    def add(self, scenario: Scenario, title: str, run: Measures) -> None:
        self.runs.setdefault(scenario, {}).setdefault(title, []).append(run)

    def as_json(self) -> dict[str, Any]:
        return {
            "environment": environment(),
            "scenarios": {
                scenario.name: {
                    title: {"median": asdict(medians(runs)), "runs": [asdict(run) for run in runs]}
                    for title, runs in subjects.items()
                }
                for scenario, subjects in self.runs.items()
            },
            "starts": {title: [asdict(start) for start in starts] for title, starts in self.starts.items()},
        }


def environment() -> dict[str, Any]:
    """Where and when: numbers of different machines say nothing beside each other."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    } | {name: version(name) for name in ("personachat", "streamlit", "openai")}


def written(results: Results) -> Iterator[str]:
    """The lines of the report."""
    told = environment()
    yield (
        f"{told['date']}; {told['cores']} cores of {told['processor']}, {told['system']}; "
        f"Python {told['python']}, Streamlit {told['streamlit']}, openai {told['openai']}"
    )
    yield ""
    yield from table(("", *(heading for heading, _ in COLUMNS.values())), _rows(results))
    yield ""
    yield LEGEND
    if results.starts:
        yield ""
        headings = ("", "starts in, s", "first reply's first token, ms", "tenth's, ms")
        yield from table(headings, _starts(results))


def table(headings: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|---{'|---:' * (len(headings) - 1)}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _rows(results: Results) -> Iterator[Sequence[str]]:
    for scenario, subjects in results.runs.items():
        yield (f"**{scenario.title}**", *[""] * len(COLUMNS))
        for title, runs in subjects.items():
            middle = medians(runs)
            yield (title, *(_number(getattr(middle, name), places) for name, (_, places) in COLUMNS.items()))


def _starts(results: Results) -> Iterator[Sequence[str]]:
    def middle(starts: list[FirstReplies], value: Callable[[FirstReplies], float]) -> float:
        return statistics.median(value(start) for start in starts)

    for title, starts in results.starts.items():
        yield (
            title,
            _number(middle(starts, lambda start: start.answered_seconds), 1),
            _number(middle(starts, lambda start: start.first_reply_ms), 0),
            _number(middle(starts, lambda start: start.tenth_reply_ms), 0),
        )


def _number(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:,.{places}f}"


def _processor() -> str:
    """What the machine calls its processor."""
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
