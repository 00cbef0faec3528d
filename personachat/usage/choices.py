"""Values for the filters: every persona, model, purpose and person with at least one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, select

from personachat.usage.questions import GROUPS, UsageQuery
from personachat.usage.tables import usage_kinds

FILTERS: Final = ("persona", "model", "purpose", "person")


def choices(connection: Connection, question: UsageQuery) -> Mapping[str, Sequence[str]]:
    """The values of each filter in the calls that the question allows, in order."""
    values_by_name: dict[str, Sequence[str]] = {}
    for name in FILTERS:
        column = usage_kinds.c[GROUPS[name]]
        query = select(column).distinct().where(column.is_not(None))
        if question.person is not None:
            query = query.where(usage_kinds.c.owner == question.person)
        values = [value for value in connection.execute(query).scalars() if value]
        values_by_name[name] = sorted(values, key=str.casefold)
    return values_by_name
