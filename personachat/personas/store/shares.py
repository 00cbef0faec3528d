"""Short links to personas: each shows a persona as it was when the link was created, until it is revoked."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select

from personachat.database.connection import Database
from personachat.database.upsert import put
from personachat.errors import ShareNotFound
from personachat.personas.store.tables import persona_shares

_TOKEN_BYTES = 32
_TOKEN = re.compile("[A-Za-z0-9_-]{43}")

_s = persona_shares.c


@dataclass(frozen=True, slots=True)
class PersonaShare:
    """A link; `created_at` is when its snapshot was taken. Anyone who knows the token can read it."""

    token: str = field(repr=False)
    persona_id: str
    created_at: datetime


class PersonaShares:
    """Safe for threads and processes. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def share(self, owner: str, persona_id: str, text: str) -> str:
        """Take the snapshot, or take it again; returns the token, which stays the same then."""
        with self._database.write() as connection:
            row = {
                "token": secrets.token_urlsafe(_TOKEN_BYTES),
                "owner": owner,
                "persona_id": persona_id,
                "text": text,
                "created_at": self._database.moment(connection),
            }
            key, renewed = ("owner", "persona_id"), ("text", "created_at")
            put(connection, persona_shares, row, key=key, renewed=renewed)
            query = select(_s.token).where(_s.owner == owner, _s.persona_id == persona_id)
            token: str = connection.execute(query).scalar_one()
        return token

    def of(self, owner: str, persona_id: str) -> PersonaShare | None:
        """An owner's link to a persona; None if there is none."""
        query = select(_s.token, _s.persona_id, _s.created_at)
        with self._database.read() as connection:
            first_row = connection.execute(query.where(_s.owner == owner, _s.persona_id == persona_id))
            row = first_row.one_or_none()
        return PersonaShare(row.token, row.persona_id, row.created_at) if row else None

    def revoke(self, owner: str, persona_id: str) -> None:
        """Revoke the link, if there is one. It stops working, and a later one gets another token."""
        with self._database.write() as connection:
            connection.execute(delete(persona_shares).where(_s.owner == owner, _s.persona_id == persona_id))

    def revoke_all(self, persona_id: str, *, but: str) -> None:
        """Revoke everybody's links to a persona except this owner's."""
        with self._database.write() as connection:
            theirs = delete(persona_shares).where(_s.persona_id == persona_id, _s.owner != but)
            connection.execute(theirs)

    def read(self, token: str) -> str:
        """The text behind a link. Raises ShareNotFound, the same whatever the reason."""
        text: str | None = None
        if _TOKEN.fullmatch(token):
            with self._database.read() as connection:
                text = connection.execute(select(_s.text).where(_s.token == token)).scalar()
        if text is None:
            raise ShareNotFound("This link is invalid or was revoked.", hint="Ask the sender for a new one.")
        return text
