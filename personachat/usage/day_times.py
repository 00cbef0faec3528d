"""The times of a day's calls, packed into one value: of each kind, every call with its quarter of an hour.

They answer what `usage_times` can't, such as the speed of one persona or for one person. `usage_kinds`
defines a kind. Of each call only the buckets of its times are stored, in seven bytes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from personachat.usage.histograms import bucket_of, lowest_byte_first, numbers_in

TIMES = ("first_token_ms", "duration_ms", "tokens_per_second")
"""The times that are stored, in this order."""

UNKNOWN = 0xFFFF
"""Stored if there is no bucket."""

Measured = tuple[int, tuple[float | None, ...]]
"""The quarter of the day in which a call began, and its TIMES."""


class DayTimes:
    """What is stored about one day."""

    __slots__ = ("_buckets", "_ends", "_kinds", "_quarters")

    def __init__(self, kinds: array[int], counts: array[int], quarters: bytes, buckets: array[int]) -> None:
        self._kinds = kinds
        self._ends = list(accumulate(counts, initial=0))
        self._quarters = quarters
        self._buckets = buckets

    def kinds(self) -> Iterator[tuple[int, int, int]]:
        """Each kind, and where its calls begin and end."""
        return zip(self._kinds, self._ends, self._ends[1:], strict=False)

    def buckets(self, begins: int, ends: int) -> array[int]:
        """Of calls one after the other."""
        return self._buckets[len(TIMES) * begins : len(TIMES) * ends]

    def between(self, begins: int, ends: int, *, first: int, end: int) -> array[int]:
        """The calls of one kind that began in these quarters of the day; `until` isn't among them."""
        begins = bisect_left(self._quarters, first, begins, ends)
        return self.buckets(begins, bisect_left(self._quarters, end, begins, ends))


def packed(calls: Mapping[int, Sequence[Measured]]) -> bytes:
    """The calls of each kind, by its id."""
    kinds = sorted(calls)
    ordered = [call for kind in kinds for call in sorted(calls[kind], key=lambda call: call[0])]
    numbers = array("I", [len(kinds), *kinds, *(len(calls[kind]) for kind in kinds)])
    buckets = array("H")
    for _, times in ordered:
        buckets.extend(UNKNOWN if time is None else bucket_of(time) for time in times)
    return b"".join(
        (lowest_byte_first(numbers), bytes(quarter for quarter, _ in ordered), lowest_byte_first(buckets))
    )


def unpacked(data: bytes) -> DayTimes:
    """Unpack what was packed."""
    count = int.from_bytes(data[:4], "little")
    kinds, counts = 4 + 4 * count, 4 + 8 * count
    lengths = numbers_in("I", data[kinds:counts])
    quarters = counts + sum(lengths)
    return DayTimes(
        numbers_in("I", data[4:kinds]), lengths, data[counts:quarters], numbers_in("H", data[quarters:])
    )


def counted(buckets: array[int], which: Iterable[int] = range(len(TIMES))) -> list[Counter[int]]:
    """How often each bucket occurs in these calls, for each of TIMES, or only for those at these places."""
    counters = [Counter(buckets[place :: len(TIMES)]) for place in which]
    for counts in counters:
        counts.pop(UNKNOWN, None)
    return counters
