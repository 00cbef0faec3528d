"""New turns as rows, with their requests and the title they give the conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from personachat.conversations import tree
from personachat.conversations.base import no_such_turn
from personachat.conversations.model import SentRequest, Turn
from personachat.conversations.rows import prompt_values, request_values, turn_values
from personachat.conversations.tables import conversations, prompts, turns
from personachat.conversations.titles import MOST_READ_MESSAGES, retitled
from personachat.messages import ChatMessage


def insert_turns(
    connection: Connection,
    conversation_id: str,
    added: Sequence[Turn],
    *,
    visible_leaf: str | None,
    requests: Mapping[str, SentRequest],
    process_id: str | None,
) -> int:
    """Write turns with their depths, with live replies belonging to the process.

    Returns how many turns are above them. Raises TurnNotFound for an unknown parent.
    """
    parent_id = added[0].parent_id
    depths: dict[str | None, int] = {None: -1}
    if parent_id is not None:
        depth = connection.execute(_DEPTH, {"parent": parent_id, "here": conversation_id}).scalar()
        is_known = parent_id == visible_leaf or tree.is_visible(
            connection, parent_id, conversation_id=conversation_id
        )
        if depth is None or not is_known:
            raise no_such_turn()
        depths[parent_id] = depth
    values = {turn_id: prompt_values(request) for turn_id, request in requests.items()}
    insert_new(connection, prompts, list({prompt["id"]: prompt for prompt in values.values()}.values()))
    rows: list[dict[str, Any]] = []
    for turn in added:
        if turn.parent_id not in depths:
            raise no_such_turn()
        depths[turn.id] = depths[turn.parent_id] + 1
        row = turn_values(turn, conversation_id=conversation_id, depth=depths[turn.id])
        request = requests.get(turn.id)
        row["request"] = request_values(request, prompt_id=values[turn.id]["id"]) if request else None
        row["process_id"] = process_id if turn.reply and turn.reply.live else None
        rows.append(row)
    connection.execute(_INSERT, rows)
    return depths[parent_id] + 1


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows whose key isn't there yet, ordered by key so that two writers never block each other."""
    if rows:
        ordered = sorted(rows, key=lambda row: str(row["id"]))
        connection.execute(_insert_new(table, connection.dialect.name), ordered)


# Built once: that takes longer than executing them.

_DEPTH = select(turns.c.depth).where(
    turns.c.id == bindparam("parent"), turns.c.conversation_id == bindparam("here")
)
_INSERT = insert(turns)


@cache
def _insert_new(table: Table, dialect_name: str) -> Insert:
    dialect = sqlite if dialect_name == "sqlite" else postgresql
    statement: Insert = dialect.insert(table).on_conflict_do_nothing()
    return statement


def retitle(connection: Connection, conversation_id: str, title: str, added: Sequence[Turn]) -> None:
    """Give a conversation a title after turns were added to it."""
    query = select(turns.c.role, turns.c.text).where(
        turns.c.conversation_id == conversation_id, turns.c.id.not_in([turn.id for turn in added])
    )
    rows = connection.execute(query.order_by(turns.c.number).limit(MOST_READ_MESSAGES)).all()
    earlier = [ChatMessage(row.role, row.text) for row in rows]
    better = retitled(title, earlier, [turn.as_message() for turn in added])
    if better != title:
        connection.execute(
            update(conversations).where(conversations.c.id == conversation_id).values(title=better)
        )
