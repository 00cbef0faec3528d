"""Whose calls they are, without saying who: a hash with a key that never leaves the database.

An owner's own hash can be computed whenever they ask; nobody finds the owner from a hash alone. People's
names are stored beside it, for administrators.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER, author_of
from personachat.usage.tables import usage_key, usage_people

_KEY_BYTES = 32
_HASH_CHARACTERS = 32


def keyed_hash(key: bytes, owner: str) -> str:
    """The owner as the ledger identifies them; "" is nobody."""
    if not owner:
        return ""
    digest = hmac.new(key, owner.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return digest[:_HASH_CHARACTERS]


class People:
    """Safe for threads. The key is read once, and created if there is none."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._key: bytes | None = None
        self._named: set[str] = set()

    def hash_of(self, owner: str) -> str:
        """Raises what `Database` raises."""
        if self._key is None:
            self._key = self._read_key() or self._made_key()
        return keyed_hash(self._key, owner)

    def name(self, connection: Connection, owners: set[str]) -> None:
        """Store these owners' names, in the transaction that writes their calls."""
        for owner in sorted(owners - self._named - {""}):
            row = {"owner": self.hash_of(owner), "name": author_of(owner)}
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            connection.execute(dialect.insert(usage_people).values(row).on_conflict_do_nothing())

    def named(self, owners: set[str]) -> None:
        """These names are stored."""
        self._named |= owners

    def names(self, connection: Connection) -> dict[str, str]:
        """Everybody's name, by hash."""
        names = {row.owner: row.name for row in connection.execute(select(usage_people))}
        return names | {self.hash_of(LOCAL_OWNER): author_of(LOCAL_OWNER)}

    def _read_key(self) -> bytes | None:
        with self._database.read() as connection:
            return connection.execute(select(usage_key.c.key).where(usage_key.c.id == 1)).scalar()

    def _made_key(self) -> bytes:
        with self._database.write() as connection:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            row = {"id": 1, "key": secrets.token_bytes(_KEY_BYTES)}
            connection.execute(dialect.insert(usage_key).values(row).on_conflict_do_nothing())
            key: bytes = connection.execute(select(usage_key.c.key).where(usage_key.c.id == 1)).scalar_one()
            return key
