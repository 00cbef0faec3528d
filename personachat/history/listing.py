"""Lists of an owner's conversations, newest first, one page at a time.

A list has conversations with messages that aren't deleted; renaming or pinning doesn't move one. A page is
read with an index of its own, so its cost doesn't grow with the number of conversations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Index,
    Row,
    Select,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    select,
    text,
    tuple_,
)

from personachat.avatars import safe_face
from personachat.conversations.tables import conversations, turns
from personachat.database.columns import UtcDateTime
from personachat.database.cursors import cursor_after, place_of
from personachat.history.filters import Filters, numbered, of_turns
from personachat.history.fulltext import few_turns
from personachat.history.sharing import shares

MOST_ON_A_PAGE = 1000
_FEW_TURNS = 2_000
VOICES_OF = 1_000
"""How many of an owner's newest conversations the personas and models of the filters come from."""

_AT_ONCE = 500

_IN_LISTS = text("deleted_at IS NULL AND title <> ''")
_HAS_TITLE = conversations.c.title != literal_column("''")  # written out, or the index would not be used
_DELETED = text("deleted_at IS NOT NULL")
Index(
    "ix_conversations_listed",
    *(conversations.c[name] for name in ("owner", "archived", "updated_at", "id")),
    sqlite_where=_IN_LISTS,
    postgresql_where=_IN_LISTS,
)
Index(
    "ix_conversations_pinned",
    *(conversations.c[name] for name in ("owner", "archived", "updated_at", "id")),
    sqlite_where=text("pinned = 1 AND deleted_at IS NULL"),  # in SQLAlchemy's form
    postgresql_where=text("pinned AND deleted_at IS NULL"),
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
class ConversationSummary:
    """A conversation in a list; the persona is the last one on the active branch."""

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
    changed_at: datetime | None
    """When anything about it last changed; None if that wasn't recorded yet."""


@dataclass(frozen=True, slots=True)
class ListPage:
    conversations: tuple[ConversationSummary, ...]
    next_cursor: str | None
    """None on the last page."""


def list_page(
    connection: Connection, owner: str, filters: Filters, *, limit: int, cursor: str | None
) -> ListPage:
    """A page of the owner's conversations. Raises CursorInvalid."""
    limit = max(1, min(limit, MOST_ON_A_PAGE))
    c = conversations.c
    query = _newest_first(archived=filters.archived)
    if conditions := _fitting(connection, owner, filters):
        query = query.where(*conditions)
    if cursor is not None:
        moment, conversation_id = place_of(cursor)
        place = tuple_(moment, conversation_id, types=[UtcDateTime, String])
        query = query.where(tuple_(c.updated_at, c.id) < place)
    rows = connection.execute(query, {"mine": owner, "most": limit + 1}).all()
    summaries_of_page = tuple(_summary(row) for row in rows[:limit])
    more = len(rows) > limit
    return ListPage(
        summaries_of_page,
        cursor_after(summaries_of_page[-1].updated_at, summaries_of_page[-1].id) if more else None,
    )


def count(connection: Connection, owner: str, filters: Filters) -> int:
    """How many conversations all pages of `list_page` have."""
    c = conversations.c
    mine = (c.owner == owner, c.deleted_at.is_(None), _HAS_TITLE, c.archived.is_(filters.archived))
    query = (
        select(func.count()).select_from(conversations).where(*mine, *_fitting(connection, owner, filters))
    )
    return connection.execute(query).scalar_one()


def pinned(connection: Connection, owner: str) -> tuple[ConversationSummary, ...]:
    """All the owner's pinned conversations that aren't archived, newest first."""
    return tuple(_summary(row) for row in connection.execute(_pinned_first(), {"mine": owner}))


def summaries(connection: Connection, owner: str, ids: Iterable[str]) -> dict[str, ConversationSummary]:
    """Those of the conversations that the owner has and hasn't deleted, even empty ones."""
    c = conversations.c
    query = _summaries(even_empty=True).where(c.owner == owner, c.deleted_at.is_(None), c.id.in_(list(ids)))
    return {row.id: _summary(row) for row in connection.execute(query)}


def models(connection: Connection, owner: str) -> tuple[str, ...]:
    """The models in the owner's VOICES_OF newest conversations, by name."""
    names: set[str] = set()
    for some in _newest(connection, owner):
        used = select(turns.c.model).where(some, turns.c.model != "").distinct()
        names.update(connection.scalars(used))
    return tuple(sorted(names, key=str.casefold))


def personas(connection: Connection, owner: str) -> tuple[tuple[str, str], ...]:
    """Ids and newest names of the personas in the owner's VOICES_OF newest conversations, by name."""
    last: dict[str, int] = {}
    for some in _newest(connection, owner):
        spoke = select(turns.c.persona_id, func.max(turns.c.number).label("number")).where(some)
        for row in connection.execute(spoke.group_by(turns.c.persona_id)):
            last[row.persona_id] = max(row.number, last.get(row.persona_id, 0))
    named = select(turns.c.persona_id, turns.c.persona_name).where(numbered(list(last.values())))
    pairs = [(row.persona_id, row.persona_name) for row in connection.execute(named)]
    return tuple(sorted(pairs, key=lambda persona: persona[1].casefold()))


def _newest(connection: Connection, owner: str) -> Iterator[ColumnElement[bool]]:
    """Conditions for the turns of the newest conversations.

    A few at a time: for all at once, a planner would rather read every turn there is.
    """
    c = conversations.c
    mine = select(c.id).where(c.owner == owner, c.deleted_at.is_(None), _HAS_TITLE)
    newest_first = mine.order_by(c.updated_at.desc()).limit(VOICES_OF)
    for archived in (False, True):
        ids = connection.scalars(newest_first.where(c.archived.is_(archived))).all()
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            yield and_(turns.c.conversation_id.in_(some), turns.c.deleted_at.is_(None))


# The sidebar needs these in every run. Built once: that takes longer than the answer.


@cache
def _newest_first(*, archived: bool) -> Select[Any]:
    """What is `mine` and listed, at most `most`."""
    c = conversations.c
    mine = (c.owner == bindparam("mine"), c.deleted_at.is_(None), _HAS_TITLE, c.archived.is_(archived))
    newest_first = _summaries().where(*mine).order_by(c.updated_at.desc(), c.id.desc())
    return newest_first.limit(bindparam("most"))


@cache
def _pinned_first() -> Select[Any]:
    c = conversations.c
    mine = (c.owner == bindparam("mine"), c.pinned, c.deleted_at.is_(None), c.archived.is_(False), _HAS_TITLE)
    return _summaries().where(*mine).order_by(c.updated_at.desc(), c.id.desc())


@cache
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
        *(
            c[name]
            for name in ("id", "title", "pinned", "archived", "created_at", "updated_at", "changed_at")
        ),
        *(leaf.c[name] for name in ("persona_id", "persona_name", "avatar")),
        shares.c.token.is_not(None).label("shared"),
        case((c.leaf_id.is_(None), 0), else_=leaf.c.depth + 1).label("turns"),
    ).select_from(joined)


def _fitting(connection: Connection, owner: str, filters: Filters) -> list[ColumnElement[bool]]:
    c = conversations.c
    conditions: list[ColumnElement[bool]] = []
    if filters.since is not None:
        conditions.append(c.updated_at >= filters.since)
    if filters.until is not None:
        conditions.append(c.updated_at < filters.until)
    if turn_conditions := of_turns(filters):
        of_any_date = replace(filters, since=None, until=None)
        few = few_turns(connection, owner, of_any_date, most=_FEW_TURNS)
        if few is None:  # common: the newest conversations soon fill a page
            same = turns.c.conversation_id == c.id
            conditions.append(exists().where(and_(same, turns.c.deleted_at.is_(None), *turn_conditions)))
        else:
            where = select(turns.c.conversation_id).where(numbered(few)).distinct()
            conditions.append(c.id.in_(connection.scalars(where).all()))
    return conditions


def _summary(row: Row[Any]) -> ConversationSummary:
    return ConversationSummary(
        id=row.id,
        title=row.title,
        persona_id=row.persona_id or "",
        persona_name=row.persona_name or "",
        avatar=safe_face(row.avatar),
        pinned=row.pinned,
        archived=row.archived,
        shared=bool(row.shared),
        turns=row.turns or 0,
        created_at=row.created_at,
        updated_at=row.updated_at,
        changed_at=row.changed_at,
    )
