"""A person's filters for their conversations: by persona, model, date and rating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam

from personachat.conversations.model import Rating
from personachat.conversations.tables import turns


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters.

    In a list: conversations used within the dates, with a turn of that persona, model and rating. In a
    search: turns that match all of that themselves.
    """

    persona_id: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""
    rating: Rating | None = None
    archived: bool = False
    """Only archived ones; otherwise only the others."""


def of_turns(filters: Filters) -> list[ColumnElement[bool]]:
    """The conditions on a turn itself."""
    columns = {"persona_id": filters.persona_id, "model": filters.model, "rating": filters.rating}
    return [turns.c[name] == value for name, value in columns.items() if value is not None]


def numbered(numbers: Sequence[int]) -> ColumnElement[bool]:
    """The turns with these numbers, written into the statement: thousands of parameters are slow."""
    return turns.c.number.in_(
        bindparam("numbers", list(numbers), expanding=True, literal_execute=True, unique=True)
    )
