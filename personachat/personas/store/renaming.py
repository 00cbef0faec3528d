"""Giving a persona another id in the database: everything stored under the old id moves to the new one.

One transaction does all of it. Other parts move what they store under a persona's id themselves: `Move`.
Redirects take one step, however often a persona was renamed, and never start from an id in use.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Connection, delete, func, insert, select, update

from personachat.database.connection import Database
from personachat.errors import PersonaChatError, PersonaMoved, PersonaNotFound
from personachat.personas.fields import is_persona_id
from personachat.personas.store.id_in_text import Renaming, renamed_text
from personachat.personas.store.rules import not_found
from personachat.personas.store.tables import (
    persona_drafts,
    persona_favourites,
    persona_label_moves,
    persona_labels,
    persona_redirects,
    persona_revisions,
    persona_shares,
    persona_undos,
)

Move: TypeAlias = Callable[[Connection, str, str], None]
"""Moves what a part stores from the old id to the new one."""

_OPEN = ""


def move_rows(
    connection: Connection, renaming: Renaming, *, place: str, moment: datetime, also: Sequence[Move] = ()
) -> None:
    """Move everything stored about the persona, and leave a redirect."""
    old_id, new_id = renaming.before.id, renaming.after.id
    _move_revisions(connection, place, old_id, new_id)
    _move_favourites(connection, old_id, new_id)
    _move_shares(connection, old_id, new_id)
    _move_drafts(connection, renaming, place=place, moment=moment)
    _move_undos(connection, place, old_id, new_id)
    for move in also:
        move(connection, old_id, new_id)
    _redirect(connection, renaming, place=place, moment=moment)


class Redirects:
    """The redirects from earlier ids of the personas of one place."""

    def __init__(self, database: Database, *, place: str) -> None:
        self._database = database
        self._place = place

    def missing(self, persona_id: str) -> PersonaNotFound:
        """The error for a missing persona; a failing database is no reason to say more."""
        if not is_persona_id(persona_id):
            return not_found(persona_id)
        try:
            new_id = self.of(persona_id)
        except PersonaChatError:
            new_id = None
        return PersonaMoved(persona_id, new_id) if new_id else not_found(persona_id)

    def of(self, persona_id: str) -> str | None:
        """The current id of the persona that had this one. Raises DatabaseUnavailable, DatabaseDamaged."""
        r = persona_redirects.c
        query = select(r.new_id).where(r.place == self._place, r.old_id == persona_id)
        with self._database.read() as connection:
            new_id: str | None = connection.execute(query).scalar()
        return new_id

    def is_done(self, mark: str) -> bool:
        """Whether this renaming was committed. Raises what `of` raises."""
        r = persona_redirects.c
        query = select(r.old_id).where(r.place == self._place, r.renaming == mark)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None


def end_redirects(connection: Connection, ids: Collection[str], *, place: str) -> None:
    """Other personas now have these ids."""
    r = persona_redirects.c
    connection.execute(delete(persona_redirects).where(r.place == place, r.old_id.in_(ids)))


def _move_revisions(connection: Connection, place: str, old_id: str, new_id: str) -> None:
    """Number them after those of a deleted persona with that id, if any: numbers are never used again."""
    r = persona_revisions.c
    there = (r.place == place, r.persona_id == new_id)
    behind = connection.execute(select(func.coalesce(func.max(r.number), 0)).where(*there)).scalar_one()
    if behind:
        connection.execute(update(persona_revisions).where(*there).values(newest=False))
        old_labels = (persona_labels.c.place == place, persona_labels.c.persona_id == new_id)
        connection.execute(delete(persona_labels).where(*old_labels))
    for table in (persona_revisions, persona_labels, persona_label_moves):
        c = table.c
        moved = update(table).where(c.place == place, c.persona_id == old_id)
        connection.execute(moved.values(persona_id=new_id, number=c.number + behind))


def _move_favourites(connection: Connection, old_id: str, new_id: str) -> None:
    f = persona_favourites.c
    likes_both = select(f.owner).where(f.persona_id == new_id)
    connection.execute(
        delete(persona_favourites).where(f.persona_id == old_id, f.owner.in_(likes_both.scalar_subquery()))
    )
    connection.execute(update(persona_favourites).where(f.persona_id == old_id).values(persona_id=new_id))


def _move_shares(connection: Connection, old_id: str, new_id: str) -> None:
    """Someone with a link to a deleted persona of that id keeps both links, which show what they showed."""
    s = persona_shares.c
    has_both = select(s.owner).where(s.persona_id == new_id).scalar_subquery()
    moved = update(persona_shares).where(s.persona_id == old_id, s.owner.not_in(has_both))
    connection.execute(moved.values(persona_id=new_id))


def _move_drafts(connection: Connection, renaming: Renaming, *, place: str, moment: datetime) -> None:
    """A draft moves with its base; sessions that have it open learn that it is gone from the old id."""
    d, old_id, new_id = persona_drafts.c, renaming.before.id, renaming.after.id
    here = select(persona_drafts).where(d.place == place, d.persona_id.in_((old_id, new_id)))
    rows = [dict(row) for row in connection.execute(here).mappings()]
    in_the_way = {row["owner"]: row for row in rows if row["persona_id"] == new_id and row["aside"] == _OPEN}
    for row in rows:
        if row["persona_id"] == new_id:
            continue
        key = [d[name] == row[name] for name in ("owner", "place", "persona_id", "aside")]
        moved = row | _renamed_draft(row, renaming) | {"persona_id": new_id}
        if row["aside"] == _OPEN:
            other = in_the_way.get(row["owner"])
            moved["version"] = max(row["version"], other["version"] if other else 0) + 1
            moved["changed_at"] = moment
            _make_way(connection, other)
            without_text = {"text": None, "version": row["version"] + 1, "changed_at": moment}
            connection.execute(update(persona_drafts).where(*key).values(**without_text))
        else:
            connection.execute(delete(persona_drafts).where(*key))
        connection.execute(insert(persona_drafts).values(**moved))


def _make_way(connection: Connection, other: dict[str, object] | None) -> None:
    """Discard a draft whose id is now in use; forget a vanished one."""
    if other is None:
        return
    d = persona_drafts.c
    key = [d[name] == other[name] for name in ("owner", "place", "persona_id", "aside")]
    if other["text"] is None:
        connection.execute(delete(persona_drafts).where(*key))
    else:
        aside = update(persona_drafts).where(*key)
        connection.execute(aside.values(aside=secrets.token_hex(8), name=other["persona_id"]))


def _renamed_draft(row: dict[str, str], renaming: Renaming) -> dict[str, str | None]:
    new_id, is_current = renaming.after.id, row["etag"] == renaming.before.etag
    return {
        "text": None if row["text"] is None else renamed_text(row["text"], new_id),
        "base_text": renaming.after.text if is_current else renamed_text(row["base_text"], new_id),
        "etag": renaming.after.etag if is_current else row["etag"],
    }


def _move_undos(connection: Connection, place: str, old_id: str, new_id: str) -> None:
    u = persona_undos.c
    query = select(u.owner, u.ids).where(u.place == place, u.ids.contains(f'"{old_id}"', autoescape=True))
    for row in connection.execute(query).all():
        what = [[new_id if each == old_id else each, aside] for each, aside in json.loads(row.ids)]
        here = (u.place == place, u.owner == row.owner)
        connection.execute(update(persona_undos).where(*here).values(ids=json.dumps(what)))


def _redirect(connection: Connection, renaming: Renaming, *, place: str, moment: datetime) -> None:
    r, old_id, new_id = persona_redirects.c, renaming.before.id, renaming.after.id
    end_redirects(connection, (old_id, new_id), place=place)
    led_here = update(persona_redirects).where(r.place == place, r.new_id == old_id)
    connection.execute(led_here.values(new_id=new_id))
    row = {
        "place": place,
        "old_id": old_id,
        "new_id": new_id,
        "renaming": renaming.mark,
        "created_at": moment,
    }
    connection.execute(insert(persona_redirects).values(**row))
