"""Conversations that deserve a look, and why: each reason leads to the turn that it is about.

Only the owner's own, because nobody else can open them. A reason that no longer holds, such as a failure that
was retried with success in the same place, is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, func, select

from personachat.conversations.tables import RATED, REPLIES, conversations, turns
from personachat.insights.liking import HashOf, is_asked_of_turns, turn_conditions
from personachat.usage.questions import UsageQuery
from personachat.usage.tables import LONG_WAIT_MS, MANY_RETRIES, NOTABLE, usage_calls

Kind: TypeAlias = Literal["disliked", "failed", "cut", "waited", "retried", "regenerated"]
WEIGHTS: dict[Kind, int] = {
    "disliked": 5,
    "failed": 4,
    "cut": 3,
    "regenerated": 3,
    "retried": 1,
    "waited": 1,
}

MANY_REPLIES = 3
"""So many replies to one message: somebody was not content."""

MOST_OF_A_KIND = 300
"""The newest; of more nobody reads the list to its end."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why to look at a turn. `number` is the tokens, seconds, retries or replies; `note` a person's words."""

    kind: Kind
    turn_id: str
    at: datetime
    number: float | None = None
    note: str = ""
    error_code: str = ""


@dataclass(frozen=True, slots=True)
class Suggested:
    """A conversation to look at; its reasons, the newest first."""

    id: str
    title: str
    persona_id: str
    persona_name: str
    reasons: tuple[Reason, ...]

    @property
    def weight(self) -> int:
        return sum(WEIGHTS[kind] for kind in {reason.kind for reason in self.reasons})


_HEAD = (
    conversations.c.id.label("conversation_id"),
    conversations.c.title,
    turns.c.id.label("turn_id"),
    turns.c.persona_id,
    turns.c.persona_name,
)


def suggested(
    connection: Connection, question: UsageQuery, *, owner: str, hash_of: HashOf
) -> tuple[Suggested, ...]:
    """What has most reasons first, then the newest."""
    suggestions: dict[str, list[tuple[Any, Reason]]] = defaultdict(list)
    for row, reason in _reasons(connection, question, owner=owner, hash_of=hash_of):
        suggestions[row.conversation_id].append((row, reason))
    suggestions_in_order = []
    for conversation_id, rows in suggestions.items():
        rows.sort(key=lambda each: each[1].at, reverse=True)
        head = rows[0][0]
        reasons = tuple(reason for _, reason in rows)
        suggestions_in_order.append(
            Suggested(conversation_id, head.title, head.persona_id, head.persona_name, reasons)
        )
    return tuple(
        sorted(suggestions_in_order, key=lambda each: (each.weight, each.reasons[0].at), reverse=True)
    )


def _reasons(
    connection: Connection, question: UsageQuery, *, owner: str, hash_of: HashOf
) -> Iterator[tuple[Any, Reason]]:
    yield from _of_calls(connection, question, owner=owner)
    if is_asked_of_turns(question):
        conditions = turn_conditions(connection, question, hash_of=hash_of)
        conditions.append(conversations.c.owner == owner)
        yield from _disliked(connection, conditions)
        yield from _regenerated(connection, question, conditions)


def _of_calls(connection: Connection, question: UsageQuery, *, owner: str) -> Iterator[tuple[Any, Reason]]:
    # Within a query of its own, because a turn has columns of the same names.
    notable = select(usage_calls).where(
        NOTABLE, *question.conditions(usage_calls), *question.times(usage_calls)
    )
    calls = notable.subquery().c
    query = (
        select(
            *_HEAD,
            *(calls[name] for name in ("began_at", "outcome", "finish_reason", "error_code", "retries")),
            *(calls.first_token_ms, calls.completion_tokens),
            turns.c.state,
            turns.c.finish_reason.label("reason_now"),
        )
        .join(turns, turns.c.id == calls.turn_id)
        .join(conversations, conversations.c.id == turns.c.conversation_id)
        .where(conversations.c.owner == owner, conversations.c.deleted_at.is_(None))
        .where(turns.c.deleted_at.is_(None))
        .order_by(calls.began_at.desc())
        .limit(MOST_OF_A_KIND)
    )
    for row in connection.execute(query):
        if row.outcome == "failed" and row.state == "failed":
            yield row, Reason("failed", row.turn_id, row.began_at, error_code=row.error_code or "")
        if row.finish_reason == "length" and row.reason_now == "length":
            yield row, Reason("cut", row.turn_id, row.began_at, row.completion_tokens)
        if row.first_token_ms is not None and row.first_token_ms >= LONG_WAIT_MS:
            yield row, Reason("waited", row.turn_id, row.began_at, row.first_token_ms / 1000)
        if row.retries is not None and row.retries >= MANY_RETRIES:
            yield row, Reason("retried", row.turn_id, row.began_at, row.retries)


def _disliked(connection: Connection, conditions: list[Any]) -> Iterator[tuple[Any, Reason]]:
    query = (
        select(*_HEAD, turns.c.created_at, turns.c.rating_note)
        .join_from(turns, conversations)
        .where(RATED, turns.c.rating < 0, *conditions)
        .order_by(turns.c.created_at.desc())
        .limit(MOST_OF_A_KIND)
    )
    for row in connection.execute(query):
        yield row, Reason("disliked", row.turn_id, row.created_at, note=row.rating_note)


def _regenerated(
    connection: Connection, question: UsageQuery, conditions: list[Any]
) -> Iterator[tuple[Any, Reason]]:
    # First all that have many replies, which a small index says by itself; then those that are asked for.
    many = select(turns.c.parent_id).where(REPLIES, *_created(question))
    many = many.group_by(turns.c.parent_id).having(func.count() >= MANY_REPLIES)
    places = (
        select(func.max(turns.c.number).label("number"), func.count().label("replies"))
        .join_from(turns, conversations)
        .where(
            turns.c.role == "assistant", turns.c.state.is_not(None), *conditions, turns.c.parent_id.in_(many)
        )
        .group_by(turns.c.parent_id)
        .having(func.count() >= MANY_REPLIES)
        .order_by(func.max(turns.c.number).desc())
        .limit(MOST_OF_A_KIND)
        .subquery()
    )
    query = (
        select(*_HEAD, turns.c.created_at, places.c.replies)
        .join_from(turns, places, turns.c.number == places.c.number)
        .join(conversations, conversations.c.id == turns.c.conversation_id)
    )
    for row in connection.execute(query):
        yield row, Reason("regenerated", row.turn_id, row.created_at, row.replies)


def _created(question: UsageQuery) -> list[Any]:
    since = [] if question.begins is None else [turns.c.created_at >= question.begins]
    return since if question.ends is None else [*since, turns.c.created_at < question.ends]
