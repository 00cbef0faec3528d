"""Which conversations of an import an owner already has: by their times, which renaming doesn't change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from personachat.conversations.tables import conversations, turns
from personachat.history.importing import CheckedConversation

_AT_ONCE = 500


def repeated(connection: Connection, owner: str, imported: Sequence[CheckedConversation]) -> frozenset[str]:
    """The import's ids of conversations that exist: created, and first used, at the same times."""
    moments = {one.id: began for one in imported if (began := _began(one))}
    spans: set[tuple[datetime, datetime]] = set()
    created = sorted({began[0] for began in moments.values()})
    c, t = conversations.c, turns.c
    for start in range(0, len(created), _AT_ONCE):
        here = (
            select(c.created_at, t.created_at)
            .join_from(conversations, turns, t.conversation_id == c.id)
            .where(
                c.owner == owner,
                c.deleted_at.is_(None),
                t.parent_id.is_(None),
                c.created_at.in_(created[start : start + _AT_ONCE]),
            )
        )
        spans.update((row[0], row[1]) for row in connection.execute(here))
    return frozenset(conversation_id for conversation_id, began in moments.items() if began in spans)


def _began(one: CheckedConversation) -> tuple[datetime, datetime] | None:
    first = next(one.turns(), None)
    return (one.document.created_at, first.created_at) if first else None
