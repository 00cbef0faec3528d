"""From what was seen and when to numbers: lags per token, percentiles, medians.

Times come in nanoseconds of time.monotonic_ns, which all processes of a machine share. A token counts as
seen with its last letter; one without letters cannot be told from the next and has no lag. What was not
measured is None, never 0.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

from benchmarks.speech import Order, letter_counts

Sighting: TypeAlias = tuple[int, int]
"""A time in nanoseconds, and how many letters of the reply were visible then."""


class ReplyIncomplete(Exception):
    """The client never saw the end of a reply."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One reply as its reader saw it. `sightings` ascend; `received_bytes` None is not known."""

    order: Order
    submitted_ns: int
    sightings: Sequence[Sighting]
    received_bytes: int | None


Reading: TypeAlias = Callable[[], Seen]
"""What a client received, to be read when nothing is timed any more."""


@dataclass(frozen=True, slots=True)
class Emission:
    """The same reply as the provider sent it."""

    emitted_ns: Sequence[int]
    sent_bytes: int


@dataclass(frozen=True, slots=True)
class Measures:
    """One row of the table; times in milliseconds, memory in MB of 10^6 bytes."""

    first_token_ms: float
    """From the submit to the first token on the screen."""
    added_ms: float
    """From the provider's first token to the same on the screen."""
    lag_p50_ms: float
    lag_p95_ms: float
    tokens_per_second: float
    """Of one session, from the first token's leaving to the last one's being seen."""
    bytes_per_byte: float
    """Received on the socket, for each byte of the reply's text."""
    cpu_seconds: float | None
    """Per 1,000 tokens."""
    memory_mb: float | None


class Sightings:
    """Collects what is visible of a reply, and keeps when that grew."""

    def __init__(self, order: Order) -> None:
        self._counts = letter_counts(order.reply)
        self.grown: list[Sighting] = []

    def see(self, at_ns: int, letters_visible: int) -> None:
        if letters_visible > (self.grown[-1][1] if self.grown else 0):
            self.grown.append((at_ns, letters_visible))

    @property
    def complete(self) -> bool:
        return bool(self.grown) and self.grown[-1][1] >= self._counts[-1]


def common_length(shown: bytes, wanted: bytes) -> int:
    """How many letters of `wanted` stand at the beginning of `shown`; a cursor may follow them."""
    if wanted.startswith(shown):
        return len(shown)
    low, high = 0, min(len(shown), len(wanted))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if shown[:middle] == wanted[:middle] else (low, middle - 1)
    return low


def lags_ms(tokens: tuple[str, ...], emitted_ns: Sequence[int], sightings: Sequence[Sighting]) -> list[float]:
    """For each token with letters, how long after it left the provider it was seen.

    Raises ReplyIncomplete where the end was not seen.
    """
    counts = letter_counts(tokens)
    visible = [letters for _, letters in sightings]
    if not visible or visible[-1] < counts[-1] or len(emitted_ns) < len(tokens):
        raise ReplyIncomplete(f"{visible[-1] if visible else 0} of {counts[-1]} letters were seen")
    lags, before = [], 0
    for emitted, count in zip(emitted_ns, counts, strict=True):
        if count > before:
            seen_ns = sightings[bisect_left(visible, count)][0]
            lags.append((seen_ns - emitted) / 1e6)
            before = count
    return lags


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below `share` (0 to 1) of all; the values need no order."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def measures_of(
    seen: Sequence[tuple[Seen, Emission]], *, cpu_seconds: float | None, memory_mb: float | None
) -> Measures:
    """One run of all its sessions: medians over them, percentiles over all of their tokens.

    `cpu_seconds` is what the whole run took.
    """
    lags = [
        lag for one, emission in seen for lag in lags_ms(one.order.reply, emission.emitted_ns, one.sightings)
    ]
    tokens = sum(one.order.tokens for one, _ in seen)

    def middle(value: Callable[[Seen, Emission], float]) -> float:
        return statistics.median(value(one, emission) for one, emission in seen)

    return Measures(
        first_token_ms=middle(lambda one, _: (one.sightings[0][0] - one.submitted_ns) / 1e6),
        added_ms=middle(lambda one, emission: (one.sightings[0][0] - emission.emitted_ns[0]) / 1e6),
        lag_p50_ms=percentile(lags, 0.5),
        lag_p95_ms=percentile(lags, 0.95),
        tokens_per_second=middle(_tokens_per_second),
        bytes_per_byte=middle(_bytes_per_byte),
        cpu_seconds=None if cpu_seconds is None else cpu_seconds * 1000 / tokens,
        memory_mb=memory_mb,
    )


def medians(runs: Sequence[Measures]) -> Measures:
    """Number by number; None where a run has none."""

    def middle(name: str) -> float | None:
        values = [getattr(run, name) for run in runs]
        return None if None in values else statistics.median(values)

    return Measures(**{field.name: middle(field.name) for field in fields(Measures)})  # type: ignore[arg-type]  # every field is a number


def _tokens_per_second(seen: Seen, emission: Emission) -> float:
    return seen.order.tokens / ((seen.sightings[-1][0] - emission.emitted_ns[0]) / 1e9)


def _bytes_per_byte(seen: Seen, emission: Emission) -> float:
    received = emission.sent_bytes if seen.received_bytes is None else seen.received_bytes
    return received / len("".join(seen.order.reply).encode())
