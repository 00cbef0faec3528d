"""Writes an import in short transactions, between which others can write, and shows it when it is complete.

Until then its conversations count as deleted: nothing lists, finds or opens them. An import that fails or is
cancelled removes what it wrote; what a killed process left is purged like any deleted conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from sqlalchemy import delete, func, insert, select, update

from personachat.conversations.rows import turn_values
from personachat.conversations.tables import conversations, turns
from personachat.conversations.variables import merged
from personachat.database.connection import Database
from personachat.errors import PersonaChatError
from personachat.history.importing import CheckedConversation
from personachat.stamps import now

Progress: TypeAlias = Callable[[int, int], None]
"""Called between transactions with the number of turns written and of all; may raise to cancel."""

BATCH_TURNS = 500
"""Turns per transaction: far less than a tenth of a second."""

BATCH_CHARACTERS = 4_000_000
_HEADS_AT_ONCE = 500


def write(
    database: Database, owner: str, imported: Sequence[CheckedConversation], *, progress: Progress
) -> None:
    """Add the conversations to the owner's: all or none. Raises what `Database` and `progress` raise."""
    total, done = sum(len(one.places) for one in imported), 0
    try:
        for some in _parts(imported):
            heads = [_head(owner, one) for one in some]
            with database.write() as connection:
                connection.execute(insert(conversations), heads)
        progress(0, total)
        for batch in _batches(imported):
            with database.write() as connection:
                connection.execute(insert(turns), batch)
            done += len(batch)
            progress(done, total)
        _show(database, imported)
    except BaseException:
        with suppress(PersonaChatError):  # then it stays invisible, and is purged
            _take_away(database, imported)
        raise


def _head(owner: str, one: CheckedConversation) -> dict[str, Any]:
    return {
        "id": one.id,
        "owner": owner,
        "title": one.title,
        "has_own_title": bool(one.document.title),
        "kept": True,
        "leaf_id": one.leaf_id,
        "pinned": one.document.pinned,
        "archived": one.document.archived,
        "variables": merged({}, one.document.variables) or None,
        "settings": one.document.settings.as_record() or None,
        "deleted_at": now(),
        "created_at": one.document.created_at,
        "updated_at": one.document.updated_at,
    }


def _batches(imported: Sequence[CheckedConversation]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    characters = 0
    for one in imported:
        for turn in one.turns():
            batch.append(turn_values(turn, conversation_id=one.id, depth=turn.depth))
            characters += len(turn.text) + (len(turn.reply.reasoning) if turn.reply else 0)
            if len(batch) == BATCH_TURNS or characters > BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
    if batch:
        yield batch


def _show(database: Database, imported: Sequence[CheckedConversation]) -> None:
    with database.write() as connection:
        for some in _parts(imported):
            mine = conversations.c.id.in_([one.id for one in some])
            connection.execute(update(conversations).where(mine).values(deleted_at=None))


def _take_away(database: Database, imported: Sequence[CheckedConversation]) -> None:
    """Remove what was written, newest turns first: children before their parents."""
    for some in _parts(imported):
        ids = [one.id for one in some]
        while _take_away_turns(database, ids):
            pass
        with database.write() as connection:
            connection.execute(delete(conversations).where(conversations.c.id.in_(ids)))


def _take_away_turns(database: Database, ids: Sequence[str]) -> bool:
    """Remove the last turns of these conversations; returns whether there were any."""
    theirs = turns.c.conversation_id.in_(ids)
    newest = select(turns.c.number).where(theirs).order_by(turns.c.number.desc()).limit(BATCH_TURNS)
    with database.write() as connection:
        since = connection.scalar(select(func.min(newest.subquery().c.number)))
        if since is None:
            return False
        connection.execute(delete(turns).where(theirs, turns.c.number >= since))
    return True


def _parts(imported: Sequence[CheckedConversation]) -> Iterator[Sequence[CheckedConversation]]:
    return (imported[start : start + _HEADS_AT_ONCE] for start in range(0, len(imported), _HEADS_AT_ONCE))
