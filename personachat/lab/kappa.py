"""Cohen's kappa of a table of counts, with its large-sample standard error (Fleiss, Cohen and Everitt 1969).

That error is 0 if all agree or nobody does, however few they are. Then half an answer is added to each cell
for the interval, so that 30 of 30 don't look like certainty. A table has a row for each answer of one side
and a column for each of the other, in the same order. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from personachat.usage.intervals import Z

Table: TypeAlias = Sequence[Sequence[float]]

_NO_ERROR = 1e-9


def kappa(table: Table) -> float | None:
    """None if chance alone would always agree, or nothing is counted."""
    count = sum(map(sum, table))
    if not count:
        return None
    agreed, by_chance = _agreed(table, count), _by_chance(table, count)
    return None if by_chance >= 1 else (agreed - by_chance) / (1 - by_chance)


def interval(table: Table) -> tuple[float, float] | None:
    """The 95 % interval of kappa, cut at -1 and 1; None if there is no kappa."""
    estimate = kappa(table)
    if estimate is None:
        return None
    middle, error = estimate, _standard_error(table, estimate)
    if error < _NO_ERROR:
        table = _smoothed(table)
        middle = kappa(table) or 0.0
        error = _standard_error(table, middle)
    return max(-1.0, min(estimate, middle - Z * error)), min(1.0, max(estimate, middle + Z * error))


def in_words(table: Table) -> str:
    """For example "kappa 0.75 (0.55 to 0.95)", if so with "no better than chance"; "" without a kappa."""
    estimate, around = kappa(table), interval(table)
    if estimate is None or around is None:
        return ""
    words = f"kappa {estimate:.2f} ({around[0]:.2f} to {around[1]:.2f})"
    return words if beats_chance(table) else f"{words}, no better than chance"


def beats_chance(table: Table) -> bool:
    """Whether the whole interval is above chance."""
    around = interval(table)
    return around is not None and around[0] > 0


def _smoothed(table: Table) -> Table:
    """The counts with half an answer more in each cell, for answers that anyone gave."""
    answers = [each for each, row in enumerate(table) if any(row) or any(other[each] for other in table)]
    return [[table[row][column] + 0.5 for column in answers] for row in answers]


def _agreed(table: Table, count: float) -> float:
    return sum(row[at] for at, row in enumerate(table)) / count


def _shares(table: Table, count: float) -> tuple[list[float], list[float]]:
    """The sums of the rows and of the columns."""
    return [sum(row) / count for row in table], [sum(column) / count for column in zip(*table, strict=True)]


def _by_chance(table: Table, count: float) -> float:
    return sum(one * other for one, other in zip(*_shares(table, count), strict=True))


def _standard_error(table: Table, estimate: float) -> float:
    count, size = sum(map(sum, table)), range(len(table))
    rows, columns = _shares(table, count)
    by_chance = _by_chance(table, count)
    diagonal = sum(table[i][i] / count * (1 - (rows[i] + columns[i]) * (1 - estimate)) ** 2 for i in size)
    crossed = sum(table[i][j] / count * (columns[i] + rows[j]) ** 2 for i in size for j in size if i != j)
    variance = diagonal + (1 - estimate) ** 2 * crossed - (estimate - by_chance * (1 - estimate)) ** 2
    return math.sqrt(max(0.0, variance) / count) / (1 - by_chance)
