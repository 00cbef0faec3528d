"""Rows that replace those with the same key, in one statement: nobody comes in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def put(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    *,
    key: Sequence[str],
    renewed: Sequence[str] = (),
) -> None:
    """Add a row; if one has the same values in its unique key, only update the named columns."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    adding = dialect.insert(table).values(**row)
    if renewed:
        values = {name: row[name] for name in renewed}
        connection.execute(adding.on_conflict_do_update(index_elements=key, set_=values))
    else:
        connection.execute(adding.on_conflict_do_nothing(index_elements=key))


def add_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add the rows whose primary key doesn't exist yet."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    adding = dialect.insert(table).on_conflict_do_nothing(index_elements=list(table.primary_key))
    connection.execute(adding, [dict(row) for row in rows])
