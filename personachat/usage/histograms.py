"""Distributions of numbers, in buckets that grow by 2 %: a percentile is within 1 % of its true value.

A day's numbers are packed in two ways: counted, as one integer with 32 bits per bucket, so that days are
added by adding integers; and each with its quarter of an hour, so that it can be subtracted from a day.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate

GROWTH = 1.02
LEAST = 0.1
"""Lower numbers are counted in the first bucket."""

BUCKETS = 1_100
"""The last bucket begins at about 280 million."""

_STEP = math.log(GROWTH)
_BITS = 32
_BYTES = _BITS // 8
_HEAD = struct.Struct("<HHI")


def bucket_of(value: float) -> int:
    if value <= LEAST:
        return 0
    return min(int(math.log(value / LEAST) / _STEP) + 1, BUCKETS - 1)


def value_of(bucket: int) -> float:
    """The middle value of a bucket."""
    return LEAST * GROWTH ** (bucket - 0.5) if bucket else 0.0


class Spread:
    """Counts per bucket, to which more can be added. What was added may be subtracted again."""

    __slots__ = ("_counts", "_whole")

    def __init__(self) -> None:
        self._whole = 0
        self._counts: dict[int, int] = {}

    def add(self, buckets: Iterable[int], *, sign: int = 1) -> None:
        counts = self._counts
        for bucket in buckets:
            counts[bucket] = counts.get(bucket, 0) + sign

    def add_counts(self, counts: Mapping[int, int]) -> None:
        """How often to add each bucket."""
        for bucket, count in counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count

    def add_whole(self, whole: int) -> None:
        """Counts of a day, as one whole number."""
        self._whole += whole

    def quantiles(self, shares: Sequence[float]) -> tuple[int, tuple[float | None, ...]]:
        """The total count, and the value that each share of the numbers doesn't exceed (nearest rank)."""
        # Without whole days there are few buckets, and often many distributions.
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
        """The first non-empty bucket, and the counts from there on."""
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
    """Numbers of one day and kind, as they are stored."""

    __slots__ = ("_buckets", "_quarters", "whole")

    def __init__(self, whole: int, quarters: bytes, buckets: array[int]) -> None:
        self.whole = whole
        self._quarters = quarters
        self._buckets = buckets

    def between(self, first: int, end: int) -> array[int]:
        """The buckets of numbers from these quarters of the day; `until` isn't among them."""
        return self._buckets[bisect_left(self._quarters, first) : bisect_left(self._quarters, end)]


def packed(spreads: Sequence[Iterable[tuple[int, float]]]) -> bytes:
    """Lists of numbers, each with its quarter of the day."""
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
    """The same for numbers that are only counted: no quarter can be subtracted from their day."""
    return b"".join(_counted(counts, 0) for counts in counts_of)


def _counted(counts: Mapping[int, int], singly: int) -> bytes:
    """The count of each bucket, followed by so many single numbers."""
    first, end = (min(counts), max(counts) + 1) if counts else (0, 0)
    dense = array("I", (counts.get(bucket, 0) for bucket in range(first, end)))
    return _HEAD.pack(first, end - first, singly) + lowest_byte_first(dense)


def counted_in(data: bytes, which: Collection[int]) -> list[int]:
    """The counts alone of what was packed, in its order: those in these places, each as one whole number."""
    wholes, at, place = [], 0, 0
    while at < len(data):
        first, size, count = _HEAD.unpack_from(data, at)
        dense = at + _HEAD.size
        quarters = dense + size * _BYTES
        if place in which:
            wholes.append(int.from_bytes(data[dense:quarters], "little") << (first * _BITS))
        at = quarters + 3 * count
        place += 1
    return wholes


def unpacked(data: bytes) -> list[PackedDay]:
    """Unpack what was packed, in its order."""
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
    """The numbers packed with their lowest byte first; `kind` is a type code of `array`."""
    numbers = array(kind, data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def lowest_byte_first(numbers: array[int]) -> bytes:
    """The numbers packed, the same on every machine."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
