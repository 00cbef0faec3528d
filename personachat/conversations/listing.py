"""Lists of an owner's conversations, newest first, a page at a time.

Listed is what something was said in and what is not deleted; renaming or pinning does not move it. A page
is read along an index of its own, so its cost does not grow with what there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Index,
    Row,
    Select,
    String,
    and_,
    case,
    exists,
    func,
    select,
    text,
    tuple_,
)

from personachat.conversations.cursors import cursor_after, place_of
from personachat.conversations.model import Rating
from personachat.conversations.sharing import shares
from personachat.conversations.tables import UtcDateTime, conversations, turns

MOST_ON_A_PAGE = 1000

_LISTED = text("deleted_at IS NULL AND title <> ''")
_PINNED = text("pinned AND deleted_at IS NULL")
_DELETED = text("deleted_at IS NOT NULL")
Index(
    "ix_conversations_listed",
    *(conversations.c[name] for name in ("owner", "archived", "updated_at", "id")),
    sqlite_where=_LISTED,
    postgresql_where=_LISTED,
)
Index(
    "ix_conversations_pinned",
    conversations.c.owner,
    conversations.c.updated_at,
    sqlite_where=_PINNED,
    postgresql_where=_PINNED,
)
Index(
    "ix_conversations_deleted",
    conversations.c.deleted_at,
    sqlite_where=_DELETED,
    postgresql_where=_DELETED,
)
Index("ix_turns_deleted", turns.c.conversation_id, sqlite_where=_DELETED, postgresql_where=_DELETED)
Index(
    "ix_turns_voices",
    *(turns.c[name] for name in ("conversation_id", "persona_id", "model", "rating", "deleted_at")),
)


@dataclass(frozen=True, slots=True)
class Summary:
    """A conversation in a list; the persona is the one that spoke last on the active branch."""

    id: str
    title: str
    persona_id: str
    persona_name: str
    avatar: str | None
    pinned: bool
    archived: bool
    shared: bool
    turns: int
    """On the active branch."""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Filters:
    """What is wanted.

    In a list: conversations that went on within the dates and have a turn of that persona, model and
    rating. In a search: turns that are all of that themselves.
    """

    persona_id: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Not included."""
    rating: Rating | None = None
    archived: bool = False
    """Only what is archived; else only what is not."""


@dataclass(frozen=True, slots=True)
class Listed:
    conversations: tuple[Summary, ...]
    next_cursor: str | None
    """None on the last page."""


def listed(connection: Connection, owner: str, filters: Filters, *, limit: int, cursor: str | None) -> Listed:
    """A page of the owner's conversations. Raises CursorInvalid."""
    limit = max(1, min(limit, MOST_ON_A_PAGE))
    c = conversations.c
    query = _summaries().where(
        c.owner == owner,
        c.deleted_at.is_(None),
        c.title != "",
        c.archived.is_(filters.archived),
        *_fitting(filters),
    )
    if cursor is not None:
        moment, conversation_id = place_of(cursor)
        place = tuple_(moment, conversation_id, types=[UtcDateTime, String])
        query = query.where(tuple_(c.updated_at, c.id) < place)
    rows = connection.execute(query.order_by(c.updated_at.desc(), c.id.desc()).limit(limit + 1)).all()
    found = tuple(_summary(row) for row in rows[:limit])
    more = len(rows) > limit
    return Listed(found, cursor_after(found[-1].updated_at, found[-1].id) if more else None)


def pinned(connection: Connection, owner: str) -> tuple[Summary, ...]:
    """All the owner's pinned conversations that are not archived, newest first."""
    c = conversations.c
    query = _summaries().where(
        c.owner == owner, c.pinned, c.deleted_at.is_(None), c.archived.is_(False), c.title != ""
    )
    rows = connection.execute(query.order_by(c.updated_at.desc(), c.id.desc()))
    return tuple(_summary(row) for row in rows)


def summaries(connection: Connection, owner: str, ids: Iterable[str]) -> dict[str, Summary]:
    """Those of the conversations that the owner has and has not deleted, even those nothing was said in."""
    c = conversations.c
    query = _summaries(even_empty=True).where(c.owner == owner, c.deleted_at.is_(None), c.id.in_(list(ids)))
    return {row.id: _summary(row) for row in connection.execute(query)}


def models(connection: Connection, owner: str) -> tuple[str, ...]:
    """The models in what the owner has not deleted, by name."""
    used = _voices(owner, turns.c.model).where(turns.c.model != "").distinct()
    return tuple(sorted(connection.scalars(used), key=str.casefold))


def personas(connection: Connection, owner: str) -> tuple[tuple[str, str], ...]:
    """Ids and newest names of the personas in what the owner has not deleted, by name."""
    newest = (
        _voices(owner, turns.c.persona_id, func.max(turns.c.number).label("number"))
        .group_by(turns.c.persona_id)
        .subquery()
    )
    query = select(turns.c.persona_id, turns.c.persona_name).join(newest, newest.c.number == turns.c.number)
    found = [(row.persona_id, row.persona_name) for row in connection.execute(query)]
    return tuple(sorted(found, key=lambda persona: persona[1].casefold()))


def _voices(owner: str, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .join_from(conversations, turns, turns.c.conversation_id == conversations.c.id)
        .where(
            conversations.c.owner == owner,
            conversations.c.deleted_at.is_(None),
            turns.c.deleted_at.is_(None),
        )
    )


def _summaries(*, even_empty: bool = False) -> Select[Any]:
    c, leaf = conversations.c, turns.alias("leaf")
    newest = (  # of one that was cleared
        select(turns.c.id)
        .where(turns.c.conversation_id == c.id, turns.c.deleted_at.is_(None))
        .order_by(turns.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    joined = conversations.join(
        leaf, leaf.c.id == func.coalesce(c.leaf_id, newest), isouter=even_empty
    ).outerjoin(shares, shares.c.conversation_id == c.id)
    return select(
        *(c[name] for name in ("id", "title", "pinned", "archived", "created_at", "updated_at")),
        *(leaf.c[name] for name in ("persona_id", "persona_name", "avatar")),
        shares.c.token.is_not(None).label("shared"),
        case((c.leaf_id.is_(None), 0), else_=leaf.c.depth + 1).label("turns"),
    ).select_from(joined)


def _fitting(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.since is not None:
        conditions.append(conversations.c.updated_at >= filters.since)
    if filters.until is not None:
        conditions.append(conversations.c.updated_at < filters.until)
    if said := of_turns(filters):
        same = turns.c.conversation_id == conversations.c.id
        conditions.append(exists().where(and_(same, turns.c.deleted_at.is_(None), *said)))
    return conditions


def of_turns(filters: Filters) -> list[ColumnElement[bool]]:
    """What a turn itself has to be."""
    columns = {"persona_id": filters.persona_id, "model": filters.model, "rating": filters.rating}
    return [turns.c[name] == value for name, value in columns.items() if value is not None]


def _summary(row: Row[Any]) -> Summary:
    return Summary(
        id=row.id,
        title=row.title,
        persona_id=row.persona_id or "",
        persona_name=row.persona_name or "",
        avatar=row.avatar,
        pinned=row.pinned,
        archived=row.archived,
        shared=bool(row.shared),
        turns=row.turns or 0,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
