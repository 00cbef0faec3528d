"""How numbers are spread, in buckets that grow by 2 %: a percentile is right within 1 % of its value.

A day's numbers are packed in two ways at once: counted, as one whole number with 32 bits for each bucket, so
that days are added by adding those; and each by itself with its quarter of an hour, to take it out of a day.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

GROWTH = 1.02
LEAST = 0.1
"""What is less is counted in the first bucket."""

BUCKETS = 1_100
"""The last one begins at some 280 million."""

_STEP = math.log(GROWTH)
_BITS = 32
_BYTES = _BITS // 8
_HEAD = struct.Struct("<HHI")


def bucket_of(value: float) -> int:
    if value <= LEAST:
        return 0
    return min(int(math.log(value / LEAST) / _STEP) + 1, BUCKETS - 1)


def value_of(bucket: int) -> float:
    """What is in the middle of a bucket."""
    return LEAST * GROWTH ** (bucket - 0.5) if bucket else 0.0


class Spread:
    """Counts of buckets, to which more are added. Some of what is added may be taken away again."""

    __slots__ = ("_counts", "_whole")

    def __init__(self) -> None:
        self._whole = 0
        self._counts: dict[int, int] = {}

    def add(self, buckets: Iterable[int], *, sign: int = 1) -> None:
        counts = self._counts
        for bucket in buckets:
            counts[bucket] = counts.get(bucket, 0) + sign

    def add_counts(self, counts: Mapping[int, int]) -> None:
        """How often each bucket is to be added."""
        for bucket, count in counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count

    def add_day(self, day: PackedDay) -> None:
        self._whole += day.whole

    def quantiles(self, shares: Sequence[float]) -> tuple[int, tuple[float | None, ...]]:
        """How many there are, and what each share of them does not exceed (nearest rank)."""
        # Where no day was added there are few buckets, and often many spreads.
        first, counts = self._dense() if self._whole else (0, [])
        buckets = range(first, first + len(counts)) if counts else sorted(self._counts)
        counts = counts or [self._counts[bucket] for bucket in buckets]
        sums = list(accumulate(counts))
        total = sums[-1] if sums else 0
        if total <= 0:
            return 0, (None,) * len(shares)
        ranks = (max(1, math.ceil(share * total)) for share in shares)
        return total, tuple(value_of(buckets[bisect_left(sums, rank)]) for rank in ranks)

    def _dense(self) -> tuple[int, list[int]]:
        """The first bucket that anything is in, and the counts from there on."""
        lowest = (self._whole & -self._whole).bit_length() - 1
        first = min(lowest // _BITS, *self._counts, BUCKETS)
        size = -(-self._whole.bit_length() // _BITS) - first
        whole = self._whole >> (first * _BITS)
        counts = numbers_in("I", whole.to_bytes(size * _BYTES, "little")).tolist()
        counts += [0] * (max(self._counts, default=0) + 1 - first - size)
        for bucket, count in self._counts.items():
            counts[bucket - first] += count
        return first, counts


class PackedDay:
    """Numbers of one day and kind, as they are kept."""

    __slots__ = ("_buckets", "_quarters", "whole")

    def __init__(self, whole: int, quarters: bytes, buckets: array[int]) -> None:
        self.whole = whole
        self._quarters = quarters
        self._buckets = buckets

    def between(self, first: int, end: int) -> array[int]:
        """The buckets of what was met from a quarter of the day on, and before another."""
        return self._buckets[bisect_left(self._quarters, first) : bisect_left(self._quarters, end)]


def packed(spreads: Sequence[Iterable[tuple[int, float]]]) -> bytes:
    """Some lists of numbers, each with its quarter of the day."""
    parts = []
    for spread in spreads:
        met = sorted((quarter, bucket_of(value)) for quarter, value in spread)
        parts += [
            _counted(Counter(bucket for _, bucket in met), len(met)),
            bytes(quarter for quarter, _ in met),
            lowest_byte_first(array("H", (bucket for _, bucket in met))),
        ]
    return b"".join(parts)


def packed_counts(counts_of: Sequence[Mapping[int, int]]) -> bytes:
    """The same of numbers that are counted only: no quarter can be taken out of their day."""
    return b"".join(_counted(counts, 0) for counts in counts_of)


def _counted(counts: Mapping[int, int], singly: int) -> bytes:
    """How often there is each bucket, before so many numbers one by one."""
    first, end = (min(counts), max(counts) + 1) if counts else (0, 0)
    dense = array("I", (counts.get(bucket, 0) for bucket in range(first, end)))
    return _HEAD.pack(first, end - first, singly) + lowest_byte_first(dense)


def unpacked(data: bytes) -> list[PackedDay]:
    """What was packed, in its order."""
    numbers, at = [], 0
    while at < len(data):
        first, size, count = _HEAD.unpack_from(data, at)
        dense = at + _HEAD.size
        quarters = dense + size * _BYTES
        buckets = quarters + count
        at = buckets + 2 * count
        whole = int.from_bytes(data[dense:quarters], "little") << (first * _BITS)
        numbers.append(PackedDay(whole, data[quarters:buckets], numbers_in("H", data[buckets:at])))
    return numbers


def numbers_in(kind: str, data: bytes) -> array[int]:
    """The numbers that were packed with their lowest byte first; `kind` is a type code of `array`."""
    numbers = array(kind, data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def lowest_byte_first(numbers: array[int]) -> bytes:
    """The numbers packed, the same on every machine."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
