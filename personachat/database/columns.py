"""What all tables share: one list of them, and column types that mean the same in SQLite and PostgreSQL.

`migrations/` creates the tables, and a test compares the two. Reading a row never fails, whoever wrote it:
JSON of another shape than its column's is read as empty, and a time that some time zone can't represent as
the nearest one that all can.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Float, MetaData, String, TypeDecorator
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

EARLIEST, LATEST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
"""Between these, a moment has a day before and after it in every time zone."""


def in_range(moment: datetime) -> datetime:
    """The moment in UTC, or the nearest one between EARLIEST and LATEST."""
    try:
        return min(max(moment.astimezone(UTC), EARLIEST), LATEST)
    except OverflowError:
        return EARLIEST if moment.year == 1 else LATEST


class _SqliteMoment(sqlite.DATETIME):
    """SQLite accepts any text as a time; an invalid one is read as the earliest."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        read: Any = super().result_processor(dialect, coltype)

        def moment(value: Any) -> Any:
            try:
                return read(value)
            except (TypeError, ValueError):
                return EARLIEST

        return moment


MOST_VALUES = 4_000
"""How many values per column are cached, as stored and as read."""


def _remembered(convert: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """Convert equal values once: a page reads those of a whole chat in every run."""
    return lru_cache(MOST_VALUES)(convert) if convert else None


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite stores no time zone, so it is removed when writing and added when reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_SqliteMoment())  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        return super().load_dialect_impl(dialect)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        moment = in_range(value)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return in_range(value if value.tzinfo else value.replace(tzinfo=UTC))

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        convert = super().result_processor(dialect, coltype)
        return _remembered(convert) if dialect.name == "sqlite" else convert


class OneOf(TypeDecorator[str]):
    """One of these words; the column is as wide as the longest.

    Others are read as the first; null stays null.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int, *words: str) -> None:
        super().__init__(length)
        self.words = words

    def process_result_value(self, value: str | None, _dialect: Dialect) -> str | None:
        return value if value is None or value in self.words else self.words[0]

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        return _remembered(super().result_processor(dialect, coltype))


class Real(TypeDecorator[float]):
    """A number that JSON can represent; infinities are read as null."""

    impl = Float
    cache_ok = True

    def process_result_value(self, value: float | None, _dialect: Dialect) -> float | None:
        return value if value is not None and math.isfinite(value) else None

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        return _remembered(super().result_processor(dialect, coltype))


class _Json(TypeDecorator[Any]):
    """The JSON operators of statements also work on these columns."""

    impl = JSON(none_as_null=True)
    cache_ok = True
    required: bool

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        return self.impl_instance.coerce_compared_value(op, value)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        """Usually its value is empty."""
        convert = super().result_processor(dialect, coltype)
        if convert is None or self.required:
            return convert
        return lambda value: None if value is None else convert(value)


class JsonObject(_Json):
    """A JSON object. Anything else is read as an empty one, and null as None unless it is `required`."""

    cache_ok = True

    def __init__(self, *, required: bool = False) -> None:
        super().__init__()
        self.required = required

    def process_result_value(self, value: Any, _dialect: Dialect) -> dict[str, Any] | None:
        if value is None and not self.required:
            return None
        return value if isinstance(value, dict) else {}


class JsonList(_Json):
    """A JSON array of `items`. Other items are left out; otherwise like JsonObject."""

    cache_ok = True

    def __init__(self, items: type | tuple[type, ...], *, required: bool = False) -> None:
        super().__init__()
        self.items = items
        self.required = required

    def process_result_value(self, value: Any, _dialect: Dialect) -> list[Any] | None:
        if value is None and not self.required:
            return None
        if not isinstance(value, list):
            return []
        return [item for item in value if isinstance(item, self.items)]
