"""Cohen's kappa of a table of counts, with its large-sample standard error (Fleiss, Cohen and Everitt 1969).

A table has a row for each answer of one side and a column for each of the other, in the same order. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from personachat.usage.intervals import Z

Table: TypeAlias = Sequence[Sequence[int]]


def kappa(table: Table) -> float | None:
    """None where chance alone would agree always, or nothing is counted."""
    count = sum(map(sum, table))
    if not count:
        return None
    agreed, by_chance = _agreed(table, count), _by_chance(table, count)
    return None if by_chance >= 1 else (agreed - by_chance) / (1 - by_chance)


def interval(table: Table) -> tuple[float, float] | None:
    """Of kappa, at 95 %, cut at -1 and 1; None where there is no kappa."""
    estimate = kappa(table)
    if estimate is None:
        return None
    half = Z * _standard_error(table, estimate)
    return max(-1.0, estimate - half), min(1.0, estimate + half)


def _agreed(table: Table, count: int) -> float:
    return sum(row[at] for at, row in enumerate(table)) / count


def _shares(table: Table, count: int) -> tuple[list[float], list[float]]:
    """Of the rows and of the columns."""
    return [sum(row) / count for row in table], [sum(column) / count for column in zip(*table, strict=True)]


def _by_chance(table: Table, count: int) -> float:
    return sum(one * other for one, other in zip(*_shares(table, count), strict=True))


def _standard_error(table: Table, estimate: float) -> float:
    count, size = sum(map(sum, table)), range(len(table))
    rows, columns = _shares(table, count)
    by_chance = _by_chance(table, count)
    diagonal = sum(table[i][i] / count * (1 - (rows[i] + columns[i]) * (1 - estimate)) ** 2 for i in size)
    crossed = sum(table[i][j] / count * (columns[i] + rows[j]) ** 2 for i in size for j in size if i != j)
    variance = diagonal + (1 - estimate) ** 2 * crossed - (estimate - by_chance * (1 - estimate)) ** 2
    return math.sqrt(max(0.0, variance) / count) / (1 - by_chance)
