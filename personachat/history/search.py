"""Full-text search in an owner's turns, newest first by the order in which they were added.

A conversation's title is searched with its first message. The full-text index suggests turns; this module
decides which of them match and are shown. Emoji and scripts without spaces (Chinese, Japanese, Thai, ...) are
searched as a part of the text, in the newest SCANNED_TURNS turns that match the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, case, func, or_, select

from personachat.conversations.tables import conversations, turns
from personachat.database.cursors import cursor_below, number_of
from personachat.history.filters import Filters, numbered, of_turns
from personachat.history.fulltext import LAST_NUMBER, newest
from personachat.history.listing import MOST_ON_A_PAGE, ConversationSummary, summaries
from personachat.history.plain_text import plain
from personachat.history.query import SearchQuery, excerpt, parse_query, spellings

SCANNED_TURNS = 20_000

_LARGEST_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Hit:
    """A matching turn; `marks` are the character ranges of `excerpt` that match."""

    conversation: ConversationSummary
    turn_id: str
    role: Literal["user", "assistant"]
    persona_name: str
    created_at: datetime
    excerpt: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    hits: tuple[Hit, ...]
    next_cursor: str | None
    """None on the last page."""


def find_hits(
    connection: Connection, owner: str, query: str, filters: Filters, *, limit: int, cursor: str | None
) -> SearchPage:
    """A page of hits; none if the query contains no word. Any text is a query. Raises CursorInvalid."""
    limit = max(1, min(limit, MOST_ON_A_PAGE))
    below = min(number_of(cursor), LAST_NUMBER) if cursor is not None else LAST_NUMBER
    sought = parse_query(query)
    if not sought:
        return SearchPage((), None)
    rows: list[Row[Any]] = []
    for numbers in _candidates(connection, owner, sought, filters, below=below, size=limit * 5 // 4 + 2):
        rows += _fitting(connection, owner, sought, filters, numbers)
        if len(rows) > limit:
            break
    page_rows = rows[:limit]
    whose = summaries(connection, owner, {row.conversation_id for row in page_rows})
    hits = [_hit(row, whose[row.conversation_id], sought) for row in page_rows]
    with_marks = {hit.conversation.id for hit in hits if hit.marks}  # its title alone says no more
    hits = [hit for hit in hits if hit.marks or hit.conversation.id not in with_marks]
    return SearchPage(tuple(hits), cursor_below(page_rows[-1].number) if len(rows) > limit else None)


def _hit(row: Row[Any], conversation: ConversationSummary, sought: SearchQuery) -> Hit:
    words, marks = excerpt(row.text if row.role == "user" else plain(row.text), sought)
    if not marks and row.role != "user":  # the match is in text that no reader sees, such as a link's address
        words, marks = excerpt(row.text, sought)
    return Hit(conversation, row.id, row.role, row.persona_name, row.created_at, words, marks)


def _candidates(
    connection: Connection, owner: str, sought: SearchQuery, filters: Filters, *, below: int, size: int
) -> Iterator[Sequence[int]]:
    """Numbers of turns that match according to the index, newest first, in growing batches."""
    looked = 0
    size = _LARGEST_BATCH if sought.parts else size
    while True:
        numbers = newest(connection, owner, sought, filters, below=below, size=size)
        yield numbers
        looked += len(numbers)
        if len(numbers) < size or (sought.parts and looked >= SCANNED_TURNS):
            return
        below, size = numbers[-1], min(size * 4, _LARGEST_BATCH)


def _fitting(
    connection: Connection, owner: str, sought: SearchQuery, filters: Filters, numbers: Sequence[int]
) -> list[Row[Any]]:
    """The visible turns with these numbers that match everything, newest first."""
    t, c = turns.c, conversations.c
    names = ("number", "id", "conversation_id", "role", "persona_name", "created_at", "text")
    fit = select(*(t[name] for name in names)).where(
        numbered(numbers),
        t.deleted_at.is_(None),
        c.owner == owner,
        c.deleted_at.is_(None),
        c.archived.is_(filters.archived),
        *of_turns(filters),
    )
    if filters.since is not None:
        fit = fit.where(t.created_at >= filters.since)
    if filters.until is not None:
        fit = fit.where(t.created_at < filters.until)
    position = func.instr if connection.dialect.name == "sqlite" else func.strpos
    title = case((t.parent_id.is_(None), c.title), else_="")
    for part in sought.parts:
        fit = fit.where(
            or_(*(position(words, way) > 0 for words in (t.text, title) for way in spellings(part)))
        )
    whole = fit.join_from(turns, conversations, c.id == t.conversation_id).order_by(t.number.desc())
    rows = connection.execute(whole).all()
    if not rows:
        return []
    hidden = hidden_turns(connection, {row.conversation_id for row in rows})
    return [row for row in rows if row.id not in hidden]


def hidden_turns(connection: Connection, ids: Iterable[str]) -> frozenset[str]:
    """The turns of these conversations that are deleted, or below a deleted one."""
    t = turns.c
    with_deleted = select(t.conversation_id).where(
        t.deleted_at.is_not(None), t.conversation_id.in_(list(ids))
    )
    places = select(t.id, t.parent_id, t.deleted_at).where(t.conversation_id.in_(with_deleted))
    hidden: set[str] = set()
    for row in connection.execute(places.order_by(t.number)):  # parents come before their children
        if row.deleted_at is not None or row.parent_id in hidden:
            hidden.add(row.id)
    return frozenset(hidden)
