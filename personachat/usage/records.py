"""Writing calls. Rows and sums change together, so that they always agree.

A row may be written any number of times: the last one counts. Only ended rows are in the sums.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Row,
    Select,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from personachat.database.connection import Database
from personachat.database.processes import announce, dead, nobody_can_tell
from personachat.usage.people import People
from personachat.usage.tables import (
    CLOCK_TABLES,
    CLOSED_TABLES,
    GROUPINGS,
    KIND,
    NUMBERS,
    QUARTER_SECONDS,
    QUARTERS_A_DAY,
    RUNNING,
    SUMMED,
    TIME_GROUPINGS,
    usage_calls,
    usage_clock_days,
    usage_closed_days,
    usage_days,
    usage_kinds,
    usage_quarters,
)

_COUNTED = ("id", "began_at", "estimated", *KIND, *SUMMED)
"""The part of a row that is needed to add it to the sums or to subtract it."""

MOST_KINDS = 20_000
"""How many kinds are cached."""

CLOSABLE_AFTER = 12
"""A day is closed so many quarters of an hour after its end: by then almost all its calls have ended."""

LATE_AFTER = 4
"""A call that began at least so many quarters ago may belong to a closed day.

The difference allows for the clocks of two servers to differ.
"""

_Kind = tuple[Any, ...]
_Sums = dict[tuple[int, int], dict[str, Any]]


def quarter_of(moment: datetime) -> int:
    """The quarter of an hour since 1970, UTC."""
    return int(moment.timestamp()) // QUARTER_SECONDS


def moment_of(quarter: int) -> datetime:
    """The moment when it begins."""
    return datetime.fromtimestamp(quarter * QUARTER_SECONDS, UTC)


def this_quarter() -> int:
    """The current quarter of an hour."""
    return int(time.time()) // QUARTER_SECONDS


class SqlUsage:
    """Methods raise what `Database` raises. Use it on one thread at a time."""

    def __init__(self, database: Database, people: People) -> None:
        self.people = people
        self._database = database
        self._kinds: dict[_Kind, int] = {}

    def hash_of(self, owner: str) -> str:
        """The owner as the ledger identifies them."""
        return self.people.hash_of(owner)

    def write(self, rows: Sequence[Mapping[str, Any]], *, owners: set[str], process_id: str) -> None:
        """Write these rows as they are now; `owners` are the owners to name."""
        learned: dict[_Kind, int] = {}
        with self._database.write() as connection:
            if any(row["outcome"] == "running" for row in rows):
                announce(self._database, connection, process_id)
            self.people.name(connection, owners)
            ids = {"ids": [row["id"] for row in rows]}
            before = {row["id"]: dict(row) for row in connection.execute(_BEFORE, ids).mappings()}
            # A persona that was renamed during its reply keeps its new id.
            rows = [dict(row) | {"persona_id": before.get(row["id"], row)["persona_id"]} for row in rows]
            ended_before = [row for row in before.values() if row["outcome"] != "running"]
            connection.execute(_upsert(connection.dialect.name), rows)
            learned |= self._add(connection, ended_before, sign=-1)
            learned |= self._add(connection, [row for row in rows if row["outcome"] != "running"], sign=1)
        self._learn(learned)
        self.people.named(owners)

    def interrupt(self) -> int:
        """End what dead processes left, with what was counted; returns the number of rows."""
        if nobody_can_tell(self._database):
            return 0
        with self._database.read() as connection:
            if not self._lost(connection):
                return 0
        with self._database.write() as connection:
            lost = self._lost(connection)
            ended = (
                update(usage_calls)
                .where(RUNNING, usage_calls.c.process_id.in_(lost))
                .values(outcome="interrupted")
                .returning(*(usage_calls.c[name] for name in _COUNTED))
            )
            rows = [dict(row) for row in connection.execute(ended).mappings()]
            learned = self._add(connection, rows, sign=1)
        self._learn(learned)
        return len(rows)

    def forget(self, before: datetime) -> int:
        """Delete what began before that moment's UTC day; returns the number of rows."""
        day = quarter_of(before) // QUARTERS_A_DAY
        first = day * QUARTERS_A_DAY
        moment = datetime.fromtimestamp(first * QUARTER_SECONDS, before.tzinfo)
        with self._database.write() as connection:
            old = delete(usage_calls).where(usage_calls.c.began_at < moment)
            count = connection.execute(old).rowcount
            connection.execute(delete(usage_quarters).where(usage_quarters.c.quarter < first))
            for table in (usage_days, *CLOSED_TABLES, usage_closed_days):
                connection.execute(delete(table).where(table.c.day < day))
            if count:  # by some clocks, the first remaining day has lost a part
                begins = usage_clock_days.c.day * QUARTERS_A_DAY - usage_clock_days.c.clock
                _forget_clock_days(connection, begins < first)
        return count

    def _learn(self, kinds: dict[_Kind, int]) -> None:
        """Cache kinds that are committed."""
        if len(self._kinds) > MOST_KINDS:
            self._kinds.clear()
        self._kinds |= kinds

    def _lost(self, connection: Connection) -> set[str]:
        running = select(usage_calls.c.process_id).where(RUNNING).distinct()
        process_ids = {process_id for process_id in connection.execute(running).scalars() if process_id}
        return dead(self._database, connection, process_ids) if process_ids else set()

    def _add(
        self, connection: Connection, rows: Sequence[Mapping[str, Any]], *, sign: int
    ) -> dict[_Kind, int]:
        """Add rows to the sums, or subtract them; returns the kinds that had to be looked up."""
        learned: dict[_Kind, int] = {}
        quarters: _Sums = {}
        days: _Sums = {}
        for row in rows:
            kind = tuple(row[name] for name in KIND)
            kind_id = self._kinds.get(kind) or learned.get(kind)
            if kind_id is None:
                kind_id = learned[kind] = kind_id_of(connection, kind)
            quarter = quarter_of(row["began_at"])
            _count(quarters.setdefault((quarter, kind_id), defaultdict(int)), row, sign=sign)
            _count(days.setdefault((quarter // QUARTERS_A_DAY, kind_id), defaultdict(int)), row, sign=sign)
        _add_sums(connection, usage_quarters, quarters)
        _add_sums(connection, usage_days, days)
        late = this_quarter() - LATE_AFTER
        open_again(connection, {quarter // QUARTERS_A_DAY for quarter, _ in quarters if quarter <= late})
        return learned


# Statements are built once: building them would take longer than executing them.

_BEFORE = select(*(usage_calls.c[name] for name in _COUNTED)).where(
    usage_calls.c.id.in_(bindparam("ids", expanding=True))
)


@cache
def _upsert(dialect_name: str) -> Insert:
    new = insert_of(dialect_name, usage_calls)
    fixed_columns = {"id", "began_at"}
    changed = {
        column.name: new.excluded[column.name] for column in usage_calls.c if column.name not in fixed_columns
    }
    upsert: Insert = new.on_conflict_do_update(index_elements=["id"], set_=changed)
    return upsert


@cache
def addition(dialect_name: str, table: Table) -> Insert:
    """Adds sums to a table; existing ones grow."""
    return adding(insert_of(dialect_name, table), table)


def adding(new: Any, table: Table) -> Insert:
    """An insert of sums that makes existing ones grow."""
    added = {name: table.c[name] + new.excluded[name] for name in NUMBERS}
    keys = table.primary_key.columns.keys()
    addition: Insert = new.on_conflict_do_update(index_elements=keys, set_=added)
    return addition


@cache
def _opening(dialect_name: str) -> Insert:
    new = insert_of(dialect_name, usage_closed_days)
    opening: Insert = new.on_conflict_do_update(index_elements=["day"], set_={"closed": False})
    return opening


def insert_of(dialect_name: str, table: Table) -> Any:
    return (sqlite if dialect_name == "sqlite" else postgresql).insert(table)


@cache
def _same_kind(given_columns: frozenset[str]) -> Select[Any]:
    """Compares null as null: IS NOT DISTINCT FROM can't use an index."""
    same = (
        usage_kinds.c[name] == bindparam(name) if name in given_columns else usage_kinds.c[name].is_(None)
        for name in KIND
    )
    return select(usage_kinds.c.id).where(*same).limit(1)


def kind_id_of(connection: Connection, kind: _Kind) -> int:
    """The id of a kind, which is created if there is none; two equal ones do no harm."""
    given_values = {name: value for name, value in zip(KIND, kind, strict=True) if value is not None}
    kind_id: int | None = connection.execute(_same_kind(frozenset(given_values)), given_values).scalar()
    if kind_id is None:
        statement = insert(usage_kinds).values(dict(zip(KIND, kind, strict=True)))
        kind_id = connection.execute(statement.returning(usage_kinds.c.id)).scalar_one()
    return int(kind_id)


def open_again(connection: Connection, days: set[int]) -> None:
    """These UTC days have changed: what is stored about them as closed is no longer valid.

    The row is written even if there is none, so that a process that is closing the day is waited for.
    """
    changed = sorted(days)
    if not changed:
        return
    connection.execute(_opening(connection.dialect.name), [{"day": day, "closed": False} for day in changed])
    for table in CLOSED_TABLES:
        connection.execute(delete(table).where(table.c.day.in_(changed)))
    # A day of another clock consists of two.
    near = {day + step for day in changed for step in (-1, 0, 1)}
    _forget_clock_days(connection, usage_clock_days.c.day.in_(sorted(near)))


def _forget_clock_days(connection: Connection, which: ColumnElement[bool]) -> None:
    days = select(usage_clock_days.c.clock, usage_clock_days.c.day).where(which)
    forget_clock_days(connection, connection.execute(days).all())


def forget_clock_days(connection: Connection, days: Iterable[Row[int, int]]) -> None:
    """Delete stored days of clocks."""
    by_clock = defaultdict(list)
    for clock, day in days:
        by_clock[clock].append(day)
    for clock, some in by_clock.items():
        for table in CLOCK_TABLES:
            rows = delete(table).where(table.c.clock == clock, table.c.day.in_(some))
            if "grouping" in table.c:  # so that the key can be used
                rows = rows.where(table.c.grouping.in_({*GROUPINGS, *TIME_GROUPINGS}))
            connection.execute(rows)


def _count(total: dict[str, Any], row: Mapping[str, Any], *, sign: int) -> None:
    total["calls"] += sign
    total["estimated"] += sign * bool(row["estimated"])
    for name in SUMMED:
        if row[name] is not None:
            total[name] += sign * row[name]
            total[f"{name}_known"] += sign


def _add_sums(connection: Connection, table: Table, sums: _Sums) -> None:
    """Add to the sums in key order, so that two writers never block each other."""
    if not sums:
        return
    span = table.primary_key.columns.keys()
    rows = [
        dict(zip(span, key, strict=True)) | {name: numbers.get(name, 0) for name in NUMBERS}
        for key, numbers in sorted(sums.items())
    ]
    connection.execute(addition(connection.dialect.name, table), rows)
