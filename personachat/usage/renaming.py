"""Moves a renamed persona's calls and their sums to its new id.

A kind keeps its number and its meaning, since every process may have cached it: the sums move.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, literal, select, update

from personachat.usage.records import adding, insert_of, kind_id_of, open_again
from personachat.usage.tables import KIND, NUMBERS, usage_calls, usage_days, usage_kinds, usage_quarters


def move_persona(connection: Connection, old_id: str, new_id: str) -> None:
    """Move the persona's calls, of every owner. Ended days are closed again."""
    calls = update(usage_calls).where(usage_calls.c.persona_id == old_id)
    connection.execute(calls.values(persona_id=new_id))
    kinds = connection.execute(select(usage_kinds).where(usage_kinds.c.persona_id == old_id)).mappings().all()
    ids = select(usage_kinds.c.id).where(usage_kinds.c.persona_id == old_id)
    days = select(usage_days.c.day).where(usage_days.c.kind_id.in_(ids)).distinct()
    open_again(connection, set(connection.scalars(days)))
    for kind in kinds:
        renamed = dict(kind) | {"persona_id": new_id}
        there = kind_id_of(connection, tuple(renamed[name] for name in KIND))
        for table in (usage_quarters, usage_days):
            _move(connection, table, kind["id"], there)


def _move(connection: Connection, table: Table, old: int, new: int) -> None:
    """Add the sums of one kind to those of another."""
    (span, _) = table.primary_key.columns.keys()
    numbers = [table.c[name] for name in NUMBERS]
    sums = select(table.c[span], literal(new), *numbers).where(table.c.kind_id == old)
    moved = insert_of(connection.dialect.name, table).from_select([span, "kind_id", *NUMBERS], sums)
    connection.execute(adding(moved, table))
    connection.execute(delete(table).where(table.c.kind_id == old))
