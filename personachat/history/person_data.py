"""Everything that is kept of one person: handed out as a file, or erased.

Every table with a column `owner` belongs to a person, whatever part of the product made it. The ledger and
what was let through know nobody but by a keyed hash and hold no text: they stay, and so does the audit.
Personas are the team's, not a person's.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Table, delete, exists, select

from personachat.accounts.administrator import PersonExport
from personachat.accounts.tables import api_tokens, budget_calls, budgets
from personachat.conversations.tables import conversations
from personachat.database.columns import metadata
from personachat.database.connection import Database
from personachat.errors import PersonUnknown
from personachat.history.erasing import erase, forget_words, overwrite_deleted
from personachat.history.library import ConversationLibrary
from personachat.messages import storable
from personachat.usage.tables import usage_calls, usage_kinds, usage_people

HASHED = frozenset(table.name for table in (usage_calls, usage_kinds, usage_people, budget_calls))
"""Where `owner` is the ledger's hash."""

_SECRET = frozenset({"hash", "token"})
"""Columns that open something; no file has them."""


def tables_of_people() -> list[Table]:
    """Where rows belong to an owner, those that refer to others first."""
    found = [table for table in reversed(metadata.sorted_tables) if "owner" in table.c]
    return [table for table in found if table.name not in HASHED]


class PersonData:
    """Cheap to make. Methods raise what `Database` raises."""

    def __init__(
        self, database: Database, *, data_dir: Path, stop: Callable[[str], object] = lambda _: None
    ) -> None:
        """`stop` ends an owner's replies that are being written here, and what is kept in memory."""
        self._database = database
        self._data_dir = data_dir
        self._stop = stop

    def export(self, owner: str) -> PersonExport:
        """Conversations as for an import, and every row that is theirs, in one archive. No secrets.

        Raises PersonUnknown.
        """
        owner = self._known(owner)
        whole = ConversationLibrary(self._database, owner=owner).export(None, "json")
        rows: dict[str, list[dict[str, Any]]] = {}
        with self._database.read() as connection:
            for table in tables_of_people():
                shown = [column for column in table.c if column.name not in _SECRET]
                found = connection.execute(select(*shown).where(table.c.owner == owner)).mappings()
                rows[table.name] = [dict(row) for row in found]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("conversations.json", whole.content)
            archive.writestr("data.json", json.dumps(rows, indent=2, ensure_ascii=False, default=_as_json))
        return PersonExport(packed.getvalue(), f"person-{sha256(owner.encode()).hexdigest()[:8]}.zip")

    def erase(self, owner: str) -> int:
        """Erase all of it; returns how many conversations there were. Raises PersonUnknown."""
        self._stop(owner)
        owner = self._known(owner)
        with self._database.read() as connection:
            mine = select(conversations.c.id).where(conversations.c.owner == owner)
            ids = connection.scalars(mine).all()
        gone = erase(self._database, ids)
        with self._database.write() as connection:
            overwrite_deleted(connection)
            tokens = connection.scalars(select(api_tokens.c.id).where(api_tokens.c.owner == owner)).all()
            for scope, names in (("person", [owner]), ("token", tokens)):
                named = (budgets.c.scope == scope) & budgets.c.name.in_(names)
                connection.execute(delete(budgets).where(named))
            for table in tables_of_people():
                connection.execute(delete(table).where(table.c.owner == owner))
        forget_words(self._database)
        self._remove_files(owner)
        return gone

    def _known(self, owner: str) -> str:
        """The owner as rows have them. Raises PersonUnknown."""
        owner = storable(owner)
        with self._database.read() as connection:
            for table in tables_of_people():
                if connection.scalar(select(exists().where(table.c.owner == owner))):
                    return owner
        raise PersonUnknown("Nothing is kept of this person.", hint="Check the id in the list of people.")

    def _remove_files(self, owner: str) -> None:
        """Unsaved personas that an earlier version kept in files."""
        folder = self._data_dir / "drafts" / sha256(owner.encode()).hexdigest()[:32]
        shutil.rmtree(folder, ignore_errors=True)


def _as_json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
