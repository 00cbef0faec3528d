"""Whether people like what was said: thumbs by persona, and before and after each of its saves.

Thumbs are of the turns that are still there, at the moment of the reply. A turn that was copied into another
conversation counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from personachat.conversations.tables import RATED, conversations, turns
from personachat.usage.intervals import Thumbs
from personachat.usage.questions import UsageQuery

MOST_THUMBS = 20_000
"""Of one persona, the newest."""

HashOf = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Thumb:
    """One that was given to a reply."""

    at: datetime
    revision: str
    """The persona's ETag; "" where it is not known."""
    up: bool


@dataclass(frozen=True, slots=True)
class Save:
    """A version of a persona."""

    number: int
    etag: str
    saved_at: datetime


def by_persona(connection: Connection, question: UsageQuery, *, hash_of: HashOf) -> dict[str, Thumbs]:
    """The thumbs of each persona that has any, by its id; most thumbs first."""
    columns = (turns.c.persona_id, turns.c.rating, turns.c.created_at, turns.c.depth)
    each = _rated(connection, question, *columns, hash_of=hash_of).distinct().subquery()
    query = select(each.c.persona_id, each.c.rating, func.count()).group_by(each.c.persona_id, each.c.rating)
    totals: dict[str, Thumbs] = {}
    for persona_id, rating, number in connection.execute(query):
        thumbs = Thumbs(up=number) if rating > 0 else Thumbs(down=number)
        totals[persona_id] = totals.get(persona_id, Thumbs()).plus(thumbs)
    return dict(sorted(totals.items(), key=lambda each: (-each[1].count, each[0])))


def of_persona(connection: Connection, question: UsageQuery, *, hash_of: HashOf) -> tuple[Thumb, ...]:
    """Each thumb of the question's persona, oldest first."""
    columns = (turns.c.created_at, turns.c.depth, turns.c.persona_revision, turns.c.rating)
    query = _rated(connection, question, *columns, hash_of=hash_of).distinct()
    rows = connection.execute(query.order_by(turns.c.created_at.desc()).limit(MOST_THUMBS)).all()
    return tuple(Thumb(row.created_at, row.persona_revision, row.rating > 0) for row in reversed(rows))


def by_save(saves: Sequence[Save], thumbs: Sequence[Thumb]) -> dict[int, Thumbs]:
    """The thumbs of each save, by its number; a text that was saved again has those from then on.

    Thumbs of a version that is not among them are nobody's.
    """
    versions: dict[str, list[Save]] = {}
    for save in sorted(saves, key=lambda each: each.number):
        versions.setdefault(save.etag, []).append(save)
    totals = {save.number: Thumbs() for save in saves}
    for thumb in thumbs:
        same = versions.get(thumb.revision)
        if not same:
            continue
        spoke = next((save for save in reversed(same) if save.saved_at <= thumb.at), same[0])
        totals[spoke.number] = totals[spoke.number].plus(Thumbs(up=thumb.up, down=not thumb.up))
    return totals


def is_asked_of_turns(question: UsageQuery) -> bool:
    """Whether turns can answer it: only chats have any that are kept."""
    return question.purpose in {None, "chat"}


def turn_conditions(connection: Connection, question: UsageQuery, *, hash_of: HashOf) -> list[Any]:
    """The question's conditions on turns and their conversations."""
    conditions: list[Any] = [turns.c.deleted_at.is_(None), conversations.c.deleted_at.is_(None)]
    if question.begins:
        conditions.append(turns.c.created_at >= question.begins)
    if question.ends:
        conditions.append(turns.c.created_at < question.ends)
    if question.persona is not None:
        conditions.append(turns.c.persona_id == question.persona)
    if question.model is not None:
        conditions.append(turns.c.model == question.model)
    if question.person is not None:
        owners = connection.execute(select(conversations.c.owner).distinct()).scalars()
        theirs = [owner for owner in owners if hash_of(owner) == question.person]
        conditions.append(conversations.c.owner.in_(theirs))
    return conditions


def _rated(connection: Connection, question: UsageQuery, *columns: Any, hash_of: HashOf) -> Select[Any]:
    query = select(*columns).join_from(turns, conversations).where(RATED, turns.c.role == "assistant")
    if not is_asked_of_turns(question):
        return query.where(turns.c.id.is_(None))
    return query.where(*turn_conditions(connection, question, hash_of=hash_of))
