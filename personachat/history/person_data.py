"""All data of one person: exported as a file, or erased.

Every table with a column `owner` belongs to a person, whichever part created it. The ledger and admitted
calls identify people only by a keyed hash and contain no text: they stay, and so does the audit. Personas
belong to the team, not to a person: those that only they could use stay hidden from everybody but admins.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Collection
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, delete, exists, select, update

from personachat.accounts.administrator import PersonExport
from personachat.accounts.people_tables import people, persona_access
from personachat.accounts.rights import NOBODY
from personachat.accounts.tables import api_tokens, budget_calls, budgets
from personachat.conversations.tables import conversations
from personachat.database.columns import metadata
from personachat.database.connection import Database
from personachat.errors import PersonUnknown
from personachat.history.erasing import erase, forget_words, overwrite_deleted
from personachat.history.library import ConversationLibrary
from personachat.messages import storable
from personachat.owners import comparing
from personachat.usage.people import People
from personachat.usage.tables import usage_calls, usage_kinds, usage_people

HASHED = frozenset(table.name for table in (usage_calls, usage_kinds, usage_people, budget_calls))
"""Tables in which `owner` is the ledger's hash."""

LEFT_OUT = (
    "Replies of comparisons in which your blind vote is open are left out, since they say who wrote them. "
    "Vote, or show the names, and export again.\n"
)

_SECRET = frozenset({"hash", "token"})
"""Columns with secrets; no file contains them."""


def tables_of_people() -> dict[Table, Column[Any]]:
    """Tables whose rows belong to an owner and the column that names them, referring tables first."""
    owner_columns = {table: table.c.owner for table in reversed(metadata.sorted_tables) if "owner" in table.c}
    return {table: column for table, column in owner_columns.items() if table.name not in HASHED} | {
        people: people.c.key
    }


class PersonData:
    """Cheap to create. Methods raise what `Database` raises."""

    def __init__(
        self,
        database: Database,
        *,
        data_dir: Path,
        stop: Callable[[str], object] = lambda _: None,
        awaiting_votes: Callable[[str], Collection[str]] = lambda _: (),
    ) -> None:
        """`stop` ends an owner's running replies and temporary chats here.

        `awaiting_votes` returns an owner's conversations behind the columns of open blind votes, by id.
        """
        self._database = database
        self._data_dir = data_dir
        self._stop = stop
        self._awaiting_votes = awaiting_votes

    def export(self, owner: str, *, to_themselves: bool = False) -> PersonExport:
        """Conversations for an import, and all other rows of theirs, in one archive. No secrets.

        `to_themselves` leaves out the models in blind votes that are still open, and says so. Raises
        PersonUnknown.
        """
        owner = self._existing_owner(owner)
        withheld = self._awaiting_votes(owner) if to_themselves else ()
        whole = ConversationLibrary(self._database, owner=owner).export(None, "json")
        compared = ConversationLibrary(self._database, owner=comparing(owner)).export(
            self._compared(owner, but=withheld) if withheld else None, "json"
        )
        rows: dict[str, list[dict[str, Any]]] = {}
        with self._database.read() as connection:
            for table, owned_by in tables_of_people().items():
                columns = [column for column in table.c if column.name not in _SECRET]
                matching_rows = connection.execute(select(*columns).where(owned_by == owner)).mappings()
                rows[table.name] = [dict(row) for row in matching_rows]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("conversations.json", whole.content)
            archive.writestr("comparisons.json", compared.content)
            if withheld:
                archive.writestr("left-out.txt", LEFT_OUT)
            archive.writestr("data.json", json.dumps(rows, indent=2, ensure_ascii=False, default=_as_json))
        return PersonExport(packed.getvalue(), f"person-{sha256(owner.encode()).hexdigest()[:8]}.zip")

    def _compared(self, owner: str, *, but: Collection[str]) -> list[str]:
        """The conversations behind all other columns, newest first."""
        c = conversations.c
        theirs = select(c.id).where(c.owner == comparing(owner), c.deleted_at.is_(None), c.title != "")
        with self._database.read() as connection:
            ids = connection.scalars(theirs.order_by(c.updated_at.desc(), c.id.desc())).all()
        return [each for each in ids if each not in but]

    def erase(self, owner: str) -> int:
        """Erase all of it; returns the number of conversations. Raises PersonUnknown."""
        self._stop(owner)
        self._stop(comparing(owner))
        owner = self._existing_owner(owner)
        count = self._erase_conversations(owner)
        self._erase_conversations(comparing(owner))
        hashed = People(self._database).hash_of(owner)
        with self._database.write() as connection:
            overwrite_deleted(connection)
            tokens = connection.scalars(select(api_tokens.c.id).where(api_tokens.c.owner == owner)).all()
            for scope, names in (("person", [owner]), ("token", tokens)):
                named = (budgets.c.scope == scope) & budgets.c.name.in_(names)
                connection.execute(delete(budgets).where(named))
            nobodys = update(persona_access).where(persona_access.c.owner == owner).values(owner=NOBODY)
            connection.execute(nobodys)
            for table, owned_by in tables_of_people().items():
                connection.execute(delete(table).where(owned_by == owner))
            connection.execute(delete(usage_people).where(usage_people.c.owner == hashed))
        forget_words(self._database)
        self._remove_files(owner)
        return count

    def _erase_conversations(self, owner: str) -> int:
        with self._database.read() as connection:
            theirs = select(conversations.c.id).where(conversations.c.owner == owner)
            ids = connection.scalars(theirs).all()
        return erase(self._database, ids)

    def _existing_owner(self, owner: str) -> str:
        """The owner in the form that rows have. Raises PersonUnknown."""
        owner = storable(owner)
        with self._database.read() as connection:
            for owned_by in tables_of_people().values():
                if connection.scalar(select(exists().where(owned_by == owner))):
                    return owner
        raise PersonUnknown("There is no data of this person.", hint="Check the id in the list of people.")

    def _remove_files(self, owner: str) -> None:
        """Unsaved personas that an earlier version stored in files."""
        folder = self._data_dir / "drafts" / sha256(owner.encode()).hexdigest()[:32]
        shutil.rmtree(folder, ignore_errors=True)


def _as_json(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else str(value)
