"""Labels on revisions of personas, such as `production`: each points to one revision of a persona.

Every move is recorded with who did it and when. A revision with a label is never pruned.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.errors import LabelInvalid, LabelNotFound, RevisionNotFound
from personachat.jsontext.faults import excerpt
from personachat.personas.store.base import MOST_AUTHOR_CHARACTERS
from personachat.personas.store.tables import persona_label_moves, persona_labels, persona_revisions

USUAL = ("production", "staging")
"""The labels that are suggested first."""

MOST_LABELS = 50
MOST_MOVES = 200
MOST_CHARACTERS = 32
_PATTERN = re.compile(r"(?=.*[a-z])[a-z0-9][a-z0-9._-]{0,31}", re.ASCII)

_l, _m = persona_labels.c, persona_label_moves.c

_ALL = select(_l.persona_id, _l.label).where(_l.place == bindparam("here")).order_by(_l.persona_id, _l.label)
"""Built once, because each run of the chat page needs them."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label and its revision."""

    label: str
    number: int
    author: str
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class LabelMove:
    """A label was set on a revision; with None it was removed."""

    label: str
    number: int | None
    author: str
    moved_at: datetime


class Labels:
    """The labels for one place of personas. Safe for threads and processes.

    Methods raise DatabaseUnavailable and DatabaseDamaged.
    """

    def __init__(self, database: Database, *, place: str) -> None:
        self._database = database
        self._place = place

    def of(self, persona_id: str) -> tuple[Label, ...]:
        """A persona's labels in alphabetical order."""
        query = select(_l.label, _l.number, _l.author, _l.moved_at).where(*self._persona(persona_id))
        with self._database.read() as connection:
            return tuple(Label(*row) for row in connection.execute(query.order_by(_l.label)))

    def all(self) -> dict[str, tuple[str, ...]]:
        """The labels of every persona that has some."""
        labels_by_persona: dict[str, list[str]] = defaultdict(list)
        with self._database.read() as connection:
            for row in connection.execute(_ALL, {"here": self._place}):
                labels_by_persona[row.persona_id].append(row.label)
        return {persona_id: tuple(names) for persona_id, names in labels_by_persona.items()}

    def number(self, persona_id: str, label: str) -> int:
        """The revision with the label. Raises LabelNotFound, which names the existing ones."""
        labels = {each.label: each.number for each in self.of(persona_id)}
        if label in labels:
            return labels[label]
        there = ", ".join(labels)
        raise LabelNotFound(
            f'The persona "{excerpt(persona_id)}" has no revision with the label "{excerpt(label)}".',
            hint=f"Its labels are: {there}." if there else "None of its revisions has a label.",
        )

    def moves(self, persona_id: str) -> tuple[LabelMove, ...]:
        """The changes of a persona's labels, latest first."""
        query = select(_m.label, _m.number, _m.author, _m.moved_at)
        query = query.where(_m.place == self._place, _m.persona_id == persona_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(_m.id.desc()).limit(MOST_MOVES))
            return tuple(LabelMove(*row) for row in rows)

    def put(self, persona_id: str, label: str, number: int, *, author: str) -> None:
        """Set a label on a revision, wherever it was before. Raises LabelInvalid, RevisionNotFound."""
        _check(label)
        with self._database.write() as connection:
            r = persona_revisions.c
            revision = select(r.action).where(
                r.place == self._place, r.persona_id == persona_id, r.number == number
            )
            action = connection.execute(revision.with_for_update()).scalar()
            if action is None or action == "deleted":
                raise RevisionNotFound(
                    f'There is no revision {number} of "{excerpt(persona_id)}" to label.',
                    hint="See its list of revisions.",
                )
            rows = connection.execute(select(_l.label, _l.number).where(*self._persona(persona_id)))
            there = {row.label: row.number for row in rows}
            if there.get(label) == number:
                return
            if label not in there and len(there) >= MOST_LABELS:
                raise LabelInvalid(
                    f"A persona can have at most {MOST_LABELS} labels.", hint="Remove one first."
                )
            row = self._row(persona_id, label, author, moment=self._database.moment(connection))
            row["number"] = number
            key, renewed = ("place", "persona_id", "label"), ("number", "author", "moved_at")
            put(connection, persona_labels, row, key=key, renewed=renewed)
            connection.execute(insert(persona_label_moves).values(**row))

    def remove(self, persona_id: str, label: str, *, author: str) -> None:
        """Remove a label. Raises LabelNotFound."""
        self.number(persona_id, label)
        with self._database.write() as connection:
            here = (*self._persona(persona_id), _l.label == label)
            if connection.execute(delete(persona_labels).where(*here)).rowcount:
                row = self._row(persona_id, label, author, moment=self._database.moment(connection))
                connection.execute(insert(persona_label_moves).values(**row))

    def _row(self, persona_id: str, label: str, author: str, *, moment: datetime) -> dict[str, object]:
        return {
            "place": self._place,
            "persona_id": persona_id,
            "label": label,
            "author": author[:MOST_AUTHOR_CHARACTERS],
            "moved_at": moment,
        }

    def _persona(self, persona_id: str) -> tuple[Any, ...]:
        return _l.place == self._place, _l.persona_id == persona_id


def _check(label: str) -> None:
    if not _PATTERN.fullmatch(label):
        raise LabelInvalid(
            f'"{excerpt(label)}" can\'t be a label.',
            hint=(
                f"A label has up to {MOST_CHARACTERS} lower-case letters, digits, dots, hyphens and "
                "underscores, including at least one letter."
            ),
        )
