"""API tokens that people create and revoke: each acts for a person, with a role of its own.

A token is 32 random bytes and is shown once. Only its SHA-256 is stored, which for such a secret is as safe
as a slow hash. The database is asked about every request's token, so that revoking works everywhere at once.
Tokens in the settings are service accounts and are not handled here.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Row, insert, or_, select, update

from personachat.accounts.administration import Role
from personachat.accounts.tables import api_tokens
from personachat.database.connection import Database
from personachat.errors import TokenInvalid, TokenNotFound
from personachat.messages import storable
from personachat.stamps import new_id, now

PREFIX = "pc_"
USED_SECONDS = 60
"""The last use is stored at most this often."""

MOST_NAME_CHARACTERS = 100
MOST_PERSONAS = 200

_SECRET_BYTES = 32
_TOKEN = re.compile(r"pc_[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A token without its secret. `personas` None is all; `owner` is the person it acts for."""

    id: str
    name: str
    owner: str
    role: Role
    personas: frozenset[str] | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None

    def holds(self, moment: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token with its secret, which can't be shown again."""

    token: ApiToken
    secret: str = field(repr=False)


class Tokens:
    """One per process; safe for threads. Methods raise what `Database` raises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        *,
        name: str,
        owner: str,
        role: Role,
        created_by: str,
        personas: frozenset[str] | None = None,
        expires_at: datetime | None = None,
    ) -> MadeToken:
        """Create one. Raises TokenInvalid."""
        name = " ".join(storable(name).split())
        _check(name, owner=owner, role=role, personas=personas, expires_at=expires_at)
        secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        row = {
            "id": new_id(),
            "hash": _hash(secret),
            "name": name,
            "owner": storable(owner),
            "role": role,
            "personas": None if personas is None else sorted(personas),
            "created_at": now(),
            "created_by": created_by,
            "expires_at": expires_at,
        }
        with self._database.write() as connection:
            connection.execute(insert(api_tokens).values(row))
            row_now = connection.execute(select(api_tokens).where(api_tokens.c.id == row["id"])).one()
        return MadeToken(_token(row_now), secret)

    def all(self) -> list[ApiToken]:
        """Every token, also revoked and expired ones, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(api_tokens).order_by(api_tokens.c.created_at.desc())).all()
        return [_token(row) for row in rows]

    def all_of(self, owner: str) -> list[ApiToken]:
        """The tokens that act for this owner, newest first."""
        theirs = select(api_tokens).where(api_tokens.c.owner == storable(owner))
        with self._database.read() as connection:
            rows = connection.execute(theirs.order_by(api_tokens.c.created_at.desc())).all()
        return [_token(row) for row in rows]

    def revoke(self, token_id: str) -> ApiToken:
        """Revoke one permanently; returns it as it was. Raises TokenNotFound."""
        with self._database.write() as connection:
            row = connection.execute(select(api_tokens).where(api_tokens.c.id == token_id)).one_or_none()
            if row is None:
                raise TokenNotFound("This token doesn't exist.")
            still = api_tokens.c.revoked_at.is_(None)
            ended = update(api_tokens).where(api_tokens.c.id == token_id, still).values(revoked_at=now())
            connection.execute(ended)
        return _token(row)

    def find(self, secret: str) -> ApiToken | None:
        """The token with this secret if it is valid; records its use."""
        if not _TOKEN.fullmatch(secret):
            return None
        with self._database.read() as connection:
            row = connection.execute(
                select(api_tokens).where(api_tokens.c.hash == _hash(secret))
            ).one_or_none()
        if row is None:
            return None
        token, moment = _token(row), now()
        if not token.holds(moment):
            return None
        if token.used_at is None or moment - token.used_at >= timedelta(seconds=USED_SECONDS):
            self._note_use(token, moment)
        return token

    def _note_use(self, token: ApiToken, moment: datetime) -> None:
        c = api_tokens.c
        unnoted = or_(c.used_at.is_(None), c.used_at <= moment - timedelta(seconds=USED_SECONDS))
        with self._database.write() as connection:
            connection.execute(update(api_tokens).where(c.id == token.id, unnoted).values(used_at=moment))


def is_made_here(secret: str) -> bool:
    """Whether it looks like one of these tokens, valid or not."""
    return secret.startswith(PREFIX)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Row[tuple[object, ...]]) -> ApiToken:
    columns = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for it
    del columns["hash"]
    personas = columns.pop("personas")
    return ApiToken(**columns, personas=None if personas is None else frozenset(personas))


def _check(
    name: str,
    *,
    owner: str,
    role: Role,
    personas: frozenset[str] | None,
    expires_at: datetime | None,
) -> None:
    """Raises TokenInvalid."""
    if not name or len(name) > MOST_NAME_CHARACTERS:
        raise TokenInvalid(f"A token needs a name of 1 to {MOST_NAME_CHARACTERS} characters.")
    if not owner or len(owner) > 300:
        raise TokenInvalid("A token must belong to a person.")
    if role not in {"reader", "editor", "admin"}:
        raise TokenInvalid("A token's role must be reader, editor or admin.")
    if personas is not None and role == "admin":
        raise TokenInvalid(
            "A token for some personas can't be an admin's.", hint="Make it a reader or an editor."
        )
    if personas is not None and not 0 < len(personas) <= MOST_PERSONAS:
        raise TokenInvalid(f"A token must be for all personas, or for 1 to {MOST_PERSONAS} of them.")
    if expires_at is not None and expires_at <= now():
        raise TokenInvalid("The expiry date is in the past.")
