"""Paths through the tree of a conversation's turns: to the root, to the newest turn, to siblings.

A deleted turn hides itself and everything below it. Each function costs as much as it returns, not as much as
the conversation has.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import CTE, BindParameter, Connection, Row, Select, bindparam, literal, select, update

from personachat.conversations.model import Turn
from personachat.conversations.rows import TURN_COLUMNS, turn_of
from personachat.conversations.tables import conversations, turns

_MOST_PLACES = 500
"""How many parents one query for siblings may name. With more, the whole conversation is read."""


def path_rows(connection: Connection, leaf_id: str, *, last: int | None = None) -> Sequence[Row[Any]]:
    """The turns down to a leaf, oldest first (the last ones, or all), as TURN_COLUMNS."""
    values = {"leaf": leaf_id} if last is None else {"leaf": leaf_id, "last": last}
    return connection.execute(_path(whole=last is None), values).all()


def is_visible(connection: Connection, turn_id: str, *, conversation_id: str) -> bool:
    """Whether a turn is in that conversation and visible."""
    up = _upward(turn_id)
    query = select(turns.c.conversation_id, turns.c.deleted_at, turns.c.id)
    rows = connection.execute(query.join_from(turns, up, turns.c.number == up.c.number)).all()
    here = any(row.id == turn_id and row.conversation_id == conversation_id for row in rows)
    return here and all(row.deleted_at is None for row in rows)


def is_stored(connection: Connection, turn_id: str) -> bool:
    """Whether the turn exists, deleted or not."""
    return connection.execute(select(turns.c.number).where(turns.c.id == turn_id)).first() is not None


def is_on_path(connection: Connection, turn_id: str, *, leaf_id: str | None) -> bool:
    up = _upward(leaf_id)
    return connection.execute(select(up.c.number).where(up.c.id == turn_id)).first() is not None


def newest_below(connection: Connection, turn_id: str) -> str:
    """The newest visible turn below a visible one, or the turn itself."""
    down = select(turns.c.number, turns.c.id).where(turns.c.id == turn_id).cte("down", recursive=True)
    below = select(turns.c.number, turns.c.id).where(
        turns.c.parent_id == down.c.id, turns.c.number > down.c.number, turns.c.deleted_at.is_(None)
    )
    down = down.union_all(below)
    newest: str = connection.execute(select(down.c.id).order_by(down.c.number.desc()).limit(1)).scalar_one()
    return newest


def newest_in(connection: Connection, conversation_id: str) -> str | None:
    """The newest visible turn of a conversation; None if there is none."""
    visible = visible_turns(connection, conversation_id)
    return visible[-1].id if visible else None


def newest_sibling(connection: Connection, turn: Row[Any]) -> str | None:
    """The newest visible sibling of a turn."""
    query = select(turns.c.id).where(
        turns.c.conversation_id == turn.conversation_id,
        turns.c.parent_id.is_not_distinct_from(turn.parent_id),
        turns.c.deleted_at.is_(None),
        turns.c.id != turn.id,
    )
    newest: str | None = connection.execute(query.order_by(turns.c.number.desc()).limit(1)).scalar()
    return newest


def siblings(
    connection: Connection, path: Sequence[Turn], *, conversation_id: str
) -> dict[str, tuple[str, ...]]:
    """For turns of a path with siblings: the ids of all turns in the same place, oldest first."""
    values: dict[str, Any] = {"here": conversation_id}
    query = _IN_PLACES
    if len(path) <= _MOST_PLACES:
        values["parents"] = [turn.parent_id for turn in path if turn.parent_id is not None]
        query = _BELOW if len(values["parents"]) == len(path) else _BELOW_OR_FIRST
    places: dict[str | None, list[str]] = {}
    for row in connection.execute(query, values):
        places.setdefault(row.parent_id, []).append(row.id)
    return {turn.id: tuple(here) for turn in path if len(here := places.get(turn.parent_id, [])) > 1}


def visible_turns(connection: Connection, conversation_id: str) -> tuple[Turn, ...]:
    """Every visible turn, in the order in which they came."""
    query = select(*TURN_COLUMNS).where(turns.c.conversation_id == conversation_id)
    turns_by_id: dict[str, Turn] = {}
    for row in connection.execute(query.order_by(turns.c.number)):
        if row.deleted_at is None and (row.parent_id is None or row.parent_id in turns_by_id):
            turns_by_id[row.id] = turn_of(row)
    return tuple(turns_by_id.values())


def show(connection: Connection, conversation_id: str, leaf_id: str | None) -> None:
    """Make a turn the leaf; None shows nothing."""
    this = conversations.c.id == conversation_id
    connection.execute(update(conversations).where(this).values(leaf_id=leaf_id))


def mark_deleted(connection: Connection, turn_id: str, *, at: datetime | None) -> None:
    """Hide a turn and everything below it, or show them again (None)."""
    connection.execute(update(turns).where(turns.c.id == turn_id).values(deleted_at=at))


# Queries that a page makes in every run are built once: that takes longer than the answer.

_PARENT = turns.c.parent_id
_IN_PLACES = (
    select(turns.c.id, _PARENT)
    .where(turns.c.conversation_id == bindparam("here"), turns.c.deleted_at.is_(None))
    .order_by(turns.c.number)
)
_BELOW = _IN_PLACES.where(_PARENT.in_(bindparam("parents", expanding=True)))
_BELOW_OR_FIRST = _IN_PLACES.where(
    _PARENT.in_(bindparam("parents", expanding=True)) | _PARENT.is_(None),
)


@cache
def _path(*, whole: bool) -> Select[Any]:
    """The TURN_COLUMNS of the turns down to a `leaf`, or of the `last` ones."""
    up = _upward(bindparam("leaf"), last=None if whole else bindparam("last"))
    query = select(*TURN_COLUMNS).join_from(turns, up, turns.c.number == up.c.number)
    return query.order_by(turns.c.depth)


def _upward(leaf_id: str | BindParameter[str] | None, *, last: BindParameter[int] | None = None) -> CTE:
    """Number, id and parent of the turns from a leaf up to the root, or of the last ones.

    A parent comes before its child; rows that say otherwise would form a circle.
    """
    columns = (turns.c.number, turns.c.id, turns.c.parent_id)
    start = select(*columns, literal(1).label("steps")).where(turns.c.id == leaf_id)
    up = start.cte("up", recursive=True)
    above = select(*columns, up.c.steps + 1).where(turns.c.id == up.c.parent_id, turns.c.number < up.c.number)
    return up.union_all(above if last is None else above.where(up.c.steps < last))
