"""Ended days of clocks, stored summed up by one column each, so that a page has little to add up.

To store a day, a process locks the rows in `usage_closed_days` of the UTC days it consists of, as the writer
of a late call does: one waits for the other, so the stored sums cover all calls.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select

from personachat.usage import clocks, histograms
from personachat.usage.day_times import counted
from personachat.usage.ended_calls import buckets_of_calls
from personachat.usage.records import CLOSABLE_AFTER, forget_clock_days, insert_of, this_quarter
from personachat.usage.tables import (
    GROUPINGS,
    KIND,
    NUMBERS,
    QUARTERS_A_DAY,
    TIME_GROUPINGS,
    usage_calls,
    usage_clock_days,
    usage_clock_sums,
    usage_clock_times,
    usage_clocks,
    usage_closed_days,
    usage_kinds,
    usage_quarters,
)

Kind = tuple[Any, ...]
IdOf = Callable[[Kind], int]
"""The id of a kind, in the current transaction."""

Day = tuple[int, int]
"""A clock, and one of its days."""

_TIMED = tuple(dict.fromkeys(name for names in TIME_GROUPINGS.values() for name in names))


def due(connection: Connection) -> list[Day]:
    """The ended days that aren't stored yet, newest first."""
    first = connection.execute(select(func.min(usage_quarters.c.quarter))).scalar()
    if first is None:
        return []
    markers = connection.execute(select(usage_clock_days.c.clock, usage_clock_days.c.day))
    kept_days = {(clock, day) for clock, day in markers}
    end = this_quarter() - CLOSABLE_AFTER
    days = (
        (clock, day)
        for clock in clocks.in_use(connection)
        for day in range((first + clock) // QUARTERS_A_DAY, (end + clock) // QUARTERS_A_DAY)
    )
    return sorted((day for day in days if day not in kept_days), key=lambda day: day[1], reverse=True)


def keep(connection: Connection, clock: int, day: int, *, id_of: IdOf) -> None:
    """Store the sums of a day, unless another process just did."""
    first = day * QUARTERS_A_DAY - clock
    last = first + QUARTERS_A_DAY - 1
    _hold(connection, range(first // QUARTERS_A_DAY, last // QUARTERS_A_DAY + 1))
    if day in clocks.kept_days(connection, clock, day, day + 1):
        return
    connection.execute(insert(usage_clock_days).values(clock=clock, day=day))
    within = usage_quarters.c.quarter.between(first, last)
    if connection.execute(select(usage_quarters.c.quarter).where(within).limit(1)).first() is None:
        return
    for grouping, columns in GROUPINGS.items():
        _write(connection, usage_clock_sums, (clock, grouping, day), _sums(connection, columns, first, id_of))
    buckets = buckets_of_calls(
        connection, [usage_calls.c[name] for name in _TIMED], first, first + QUARTERS_A_DAY
    )
    for grouping, columns in TIME_GROUPINGS.items():
        packed = {
            id_of(kind_with(columns, values)): {"histograms": histograms.packed_counts(counted(each))}
            for values, each in _grouped(buckets, columns).items()
        }
        _write(connection, usage_clock_times, (clock, grouping, day), packed)


def unasked(connection: Connection) -> list[int]:
    """Clocks with stored days that nobody uses any more."""
    of_days = connection.execute(select(usage_clock_days.c.clock).distinct()).scalars()
    return sorted(set(of_days) - set(clocks.in_use(connection)))


def forget(connection: Connection, some_clocks: Sequence[int]) -> None:
    """Delete their stored days."""
    marker = usage_clock_days.c
    days = select(marker.clock, marker.day).where(marker.clock.in_(some_clocks))
    forget_clock_days(connection, connection.execute(days).all())
    connection.execute(delete(usage_clocks).where(usage_clocks.c.clock.in_(some_clocks)))


def kind_with(columns: Sequence[str], values: Sequence[Any]) -> Kind:
    """A kind with only these columns."""
    values_by_column = dict(zip(columns, values, strict=True))
    empty = {"owner": "", "purpose": "", "outcome": ""}
    return tuple(values_by_column.get(name, empty.get(name)) for name in KIND)


def _hold(connection: Connection, days: range) -> None:
    new = insert_of(connection.dialect.name, usage_closed_days)
    hold = new.on_conflict_do_update(index_elements=["day"], set_={"day": new.excluded.day})
    connection.execute(hold, [{"day": day, "closed": False} for day in days])


def _sums(
    connection: Connection, columns: Sequence[str], first: int, id_of: IdOf
) -> dict[int, dict[str, Any]]:
    """The sums of the day that begins with a quarter, by kind."""
    keys = [usage_kinds.c[name] for name in columns]
    query = (
        select(*keys, *(func.sum(usage_quarters.c[name]) for name in NUMBERS))
        .join_from(usage_quarters, usage_kinds, usage_kinds.c.id == usage_quarters.c.kind_id)
        .where(usage_quarters.c.quarter.between(first, first + QUARTERS_A_DAY - 1))
        .group_by(*keys)
        .having(func.sum(usage_quarters.c.calls) > 0)
    )
    return {
        id_of(kind_with(columns, row[: len(keys)])): dict(zip(NUMBERS, row[len(keys) :], strict=True))
        for row in connection.execute(query).all()
    }


def _grouped(buckets: Mapping[Kind, array[int]], columns: Sequence[str]) -> dict[Kind, array[int]]:
    """The buckets of calls with the same values in these columns, in the order of _TIMED."""
    places = [_TIMED.index(name) for name in columns]
    grouped: dict[Kind, array[int]] = defaultdict(lambda: array("H"))
    for values, each in buckets.items():
        grouped[tuple(values[place] for place in places)].extend(each)
    return grouped


def _write(
    connection: Connection, table: Table, key: tuple[int, str, int], rows: Mapping[int, Mapping[str, Any]]
) -> None:
    if rows:
        clock, grouping, day = key
        same = {"clock": clock, "grouping": grouping, "day": day}
        connection.execute(
            insert(table), [same | {"kind_id": kind_id, **rows[kind_id]} for kind_id in sorted(rows)]
        )
