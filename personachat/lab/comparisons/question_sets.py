"""Lists of messages that someone saved under a name, to use again.

Each method is one transaction and names the owner. Someone else's list, or a deleted one, raises what an
unknown id raises: QuestionSetNotFound. No two lists of an owner have the same name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from personachat.chat.turns import cleaned
from personachat.database.connection import Database
from personachat.errors import MessageInvalid, QuestionSetInvalid, QuestionSetNotFound
from personachat.history.organizing import checked_title
from personachat.lab.comparisons.model import MOST_ROUNDS
from personachat.lab.comparisons.tables import question_sets
from personachat.messages import storable
from personachat.stamps import new_id, now

MOST_SETS = 200
KEPT_AFTER_DELETION = timedelta(days=30)

_s = question_sets.c


@dataclass(frozen=True, slots=True)
class QuestionSet:
    id: str
    name: str
    messages: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


class QuestionSets:
    """One owner's lists; cheap to create. Methods raise what `Database` raises."""

    def __init__(self, database: Database, *, owner: str) -> None:
        self._database = database
        self._owner = owner

    def all(self) -> tuple[QuestionSet, ...]:
        """All of them, by name."""
        query = select(question_sets).where(_s.owner == self._owner, _s.deleted_at.is_(None))
        with self._database.read() as connection:
            sets = [_of(row) for row in connection.execute(query)]
        return tuple(sorted(sets, key=lambda each: (each.name.casefold(), each.id)))

    def get(self, set_id: str) -> QuestionSet:
        with self._database.read() as connection:
            return _of(self._row(connection, set_id))

    def save(self, name: str, messages: Sequence[str]) -> QuestionSet:
        """Save a new list. Raises QuestionSetInvalid and MessageInvalid."""
        name, distinct_messages, moment = checked_title(name), _checked_messages(messages), now()
        question_set = QuestionSet(new_id(), name, distinct_messages, moment, moment)
        with self._database.write() as connection:
            mine = select(func.count()).where(_s.owner == self._owner, _s.deleted_at.is_(None))
            if (connection.execute(mine).scalar() or 0) >= MOST_SETS:
                raise QuestionSetInvalid(
                    f"You already have {MOST_SETS} lists of messages.", hint="Delete one first."
                )
            self._check_is_free(connection, name, besides="")
            connection.execute(
                insert(question_sets).values(
                    id=question_set.id,
                    owner=self._owner,
                    name=name,
                    messages=list(distinct_messages),
                    created_at=moment,
                    updated_at=moment,
                )
            )
        return question_set

    def change(
        self, set_id: str, *, name: str | None = None, messages: Sequence[str] | None = None
    ) -> QuestionSet:
        """Change the name, the messages, or both. Raises QuestionSetInvalid and MessageInvalid."""
        values: dict[str, Any] = {"updated_at": now()}
        if messages is not None:
            values["messages"] = list(_checked_messages(messages))
        if name is not None:
            values["name"] = checked_title(name)
        with self._database.write() as connection:
            row = self._row(connection, set_id)
            if name is not None:
                self._check_is_free(connection, values["name"], besides=row.id)
            connection.execute(update(question_sets).where(_s.id == row.id).values(values))
            return _of(self._row(connection, set_id))

    def delete(self, set_id: str) -> None:
        """Delete it; `restore` undoes that until it is purged."""
        with self._database.write() as connection:
            row = self._row(connection, set_id)
            connection.execute(update(question_sets).where(_s.id == row.id).values(deleted_at=now()))

    def restore(self, set_id: str) -> QuestionSet:
        """Undo `delete`. It gets another name if its own is in use by now."""
        with self._database.write() as connection:
            row = self._row(connection, set_id, deleted=True)
            other_names = self._names(connection, besides=row.id)
            name, number = row.name, 2
            while name.casefold() in other_names:
                name, number = f"{row.name[:190]} ({number})", number + 1
            mine = update(question_sets).where(_s.id == row.id)
            connection.execute(mine.values(deleted_at=None, name=name))
            return _of(self._row(connection, set_id))

    def _row(self, connection: Connection, set_id: str, *, deleted: bool = False) -> Row[Any]:
        query = select(question_sets).where(_s.id == storable(set_id), _s.owner == self._owner)
        row = connection.execute(query if deleted else query.where(_s.deleted_at.is_(None))).first()
        if row is None:
            raise QuestionSetNotFound("This list of messages doesn't exist or was deleted.")
        return row

    def _names(self, connection: Connection, *, besides: str) -> set[str]:
        query = select(_s.name).where(
            _s.owner == self._owner, _s.deleted_at.is_(None), _s.id != storable(besides)
        )
        return {name.casefold() for name in connection.scalars(query)}

    def _check_is_free(self, connection: Connection, name: str, *, besides: str) -> None:
        if name.casefold() in self._names(connection, besides=besides):
            raise QuestionSetInvalid(f"You already have a list called “{name}”.", hint="Choose another name.")


def purge(database: Database) -> int:
    """Permanently remove what was deleted long ago, of every owner; returns the number."""
    with database.write() as connection:
        expired = delete(question_sets).where(_s.deleted_at < now() - KEPT_AFTER_DELETION)
        return connection.execute(expired).rowcount


def _checked_messages(messages: Sequence[str]) -> tuple[str, ...]:
    """The messages in the form that is sent. Raises QuestionSetInvalid and MessageInvalid."""
    if not 0 < len(messages) <= MOST_ROUNDS:
        raise QuestionSetInvalid(f"A list has 1 to {MOST_ROUNDS} messages, and this one has {len(messages)}.")
    distinct_messages: list[str] = []
    for number, each in enumerate(messages, 1):
        try:
            distinct_messages.append(cleaned(each))
        except MessageInvalid as error:
            raise MessageInvalid(f"Message {number}: {error}", hint=error.hint) from error
    return tuple(distinct_messages)


def _of(row: Row[Any]) -> QuestionSet:
    return QuestionSet(row.id, row.name, tuple(row.messages), row.created_at, row.updated_at)
