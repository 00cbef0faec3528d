"""Moves what a browser's owner has to the person who logs in there: all of it, or nothing.

It covers every table with a column `owner`, whichever part created it. If the person already has the same
thing, theirs stays: a favourite is the same anyway, and the browser's draft is discarded and can be restored.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, exists, func, select, update

from personachat.accounts.people_tables import people, person_pictures, persona_access
from personachat.accounts.tables import api_tokens
from personachat.conversations.responses import responses
from personachat.conversations.tables import conversations
from personachat.database.connection import Database
from personachat.history.person_data import tables_of_people
from personachat.owners import comparing
from personachat.personas.store.drafts import MOST_NAME_CHARACTERS
from personachat.personas.store.tables import persona_drafts, persona_favourites, persona_undos

STAYS = frozenset(
    table.name for table in (people, person_pictures, persona_access, api_tokens, responses, persona_undos)
)
"""What isn't moved: what only an account has, answers to a program, and the last step to undo."""

_c = conversations.c
_d = persona_drafts.c


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What a browser's owner has that people would miss."""

    chats: int = 0
    drafts: int = 0
    favourites: int = 0

    def __bool__(self) -> bool:
        return bool(self.chats or self.drafts or self.favourites)


def left_behind(database: Database, owner: str) -> LeftBehind:
    f = persona_favourites.c
    counts = (
        select(func.count()).where(_c.owner == owner, _c.deleted_at.is_(None)),
        select(func.count()).where(_d.owner == owner, _d.aside == "", _d.text.is_not(None)),
        select(func.count()).where(f.owner == owner),
    )
    with database.read() as connection:
        return LeftBehind(*(int(connection.execute(query).scalar_one()) for query in counts))


def count_of(database: Database, owner: str) -> int:
    """How many conversations an owner has."""
    return left_behind(database, owner).chats


def move_all(database: Database, *, before: str, now: str) -> None:
    """Move everything, also what was deleted, so that it can still be restored."""
    with database.write() as connection:
        for table, owner in tables_of_people().items():
            if table.name not in STAYS:
                _move(connection, table, owner, before=before, now=now)
        compared = update(conversations).where(_c.owner == comparing(before))
        connection.execute(compared.values(owner=comparing(now)))


def _move(connection: Connection, table: Table, owner: Column[Any], *, before: str, now: str) -> None:
    mine = owner == before
    if owner.primary_key:
        theirs = _same_of(table, now)
        if table is persona_drafts:
            _set_aside(connection, (mine & theirs) | (mine & _d.text.is_(None)))
        else:
            connection.execute(delete(table).where(mine, theirs))
    connection.execute(update(table).where(mine).values(owner=now))


def _same_of(table: Table, owner: str) -> ColumnElement[bool]:
    """Whether an owner has a row with all the other keys of this one."""
    other = table.alias()
    keys = [column.name for column in table.primary_key if column.name != "owner"]
    return exists().where(other.c.owner == owner, *(other.c[name] == table.c[name] for name in keys))


def _set_aside(connection: Connection, which: ColumnElement[bool]) -> None:
    """Discard these drafts; one without a text was already saved or discarded."""
    for row in connection.execute(select(persona_drafts).where(which)).all():
        this = [_d[key.name] == getattr(row, key.name) for key in persona_drafts.primary_key]
        if row.text is None:
            connection.execute(delete(persona_drafts).where(*this))
            continue
        values = {"aside": secrets.token_hex(8), "version": 1, "writer": "", "name": _name_in(row.text)}
        connection.execute(update(persona_drafts).where(*this).values(**values))


def _name_in(text: str) -> str:
    with suppress(ValueError, RecursionError):
        document = json.loads(text)
        if isinstance(document, dict) and isinstance(document.get("name"), str):
            return str(document["name"])[:MOST_NAME_CHARACTERS]
    return ""
