"""The format: a ZIP with `manifest.json`, one JSON-lines file for each table, and the personas' files.

A row is an object by column. Moments are ISO 8601, bytes are Base64. The manifest comes last into the file
and says how many rows each table has, so a backup that was cut off cannot pass for a whole one.
"""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import Column, Date, DateTime, LargeBinary, Numeric, Table, TypeDecorator
from sqlalchemy.types import Float, TypeEngine

from personachat.database.columns import metadata

FORMAT = "personachat-backup"
FORMAT_VERSION = 1

MANIFEST = "manifest.json"
TABLES, FILES = "tables/", "personas/"

LEFT_OUT = frozenset({"processes"})
"""Tables of what is running at the moment, which is of no use later."""

MOST_ROW_BYTES = 256 * 1024 * 1024
"""Of a line; the largest rows are files of 32 MB."""


class Manifest(BaseModel):
    """What a backup holds, and of what."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal["personachat-backup"]
    format_version: int
    made_by: str
    made_at: AwareDatetime
    tables_version: str
    """The version of the tables: the number of the newest migration."""

    persona_store: Literal["files", "database"]
    place: str
    """What the column `place` names these personas by; see `personachat.personas.store.tables`."""

    rows: dict[str, int]
    files: tuple[str, ...]


def all_tables() -> tuple[Table, ...]:
    """Every table that is kept, those that others refer to first."""
    importlib.import_module("personachat.services")  # which builds every part, and so knows every table
    return tuple(table for table in metadata.sorted_tables if table.name not in LEFT_OUT)


def rows_at_once(table: Table) -> int:
    """How many rows of a table are in memory together: few where each may be a whole file."""
    content = table.columns.get("content")
    return 4 if content is not None and isinstance(content.type, LargeBinary) else 500


def member_of(table: Table) -> str:
    return f"{TABLES}{table.name}.jsonl"


def encoded(row: Mapping[str, Any]) -> bytes:
    """One line of a table's file."""
    return json.dumps(dict(row), default=_plain, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def decoded(lines: IO[bytes], table: Table) -> Iterator[dict[str, Any]]:
    """The rows of a table's file. What is none raises ValueError, or what reading it as one leads to."""
    columns = {column.name: column for column in table.columns}
    while line := lines.readline(MOST_ROW_BYTES + 1):
        if len(line) > MOST_ROW_BYTES:
            raise ValueError(table.name)
        yield {name: _value_of(value, columns[name]) for name, value in json.loads(line).items()}


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


def _value_of(value: Any, column: Column[Any]) -> Any:
    kind: TypeEngine[Any] = column.type
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    if value is None:
        return None
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value, validate=True)
    if isinstance(kind, DateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    if isinstance(kind, Numeric) and not isinstance(kind, Float):
        return Decimal(value)
    return value
