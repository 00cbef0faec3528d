"""Shares: links that show a branch of a conversation, as it was when it was shared, to anyone who has one.

A share shows the text, who wrote it and whether it was cut off, never reasoning, prompts, settings, ids or
the owner. It ends when it is revoked, and shows nothing while its conversation or a turn of its branch is
deleted.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    delete,
    func,
    select,
)

from personachat.avatars import safe_face
from personachat.conversations.base import no_such_conversation
from personachat.conversations.tables import conversations, turns
from personachat.database.columns import UtcDateTime, metadata
from personachat.database.connection import Database
from personachat.errors import MessageInvalid, ShareNotFound
from personachat.history.explanations import told_to_readers
from personachat.stamps import now

_TOKEN_BYTES = 32
_TOKEN = re.compile("[A-Za-z0-9_-]{43}")

shares = Table(
    "shares",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("owner", String(300), nullable=False),
    Column("leaf_id", String(32), nullable=False),
    Column("leaf_characters", Integer, nullable=False),  # a reply may still have been streaming
    Column("title", String(200), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("uq_shares_conversation_id", "conversation_id", unique=True),
)


@dataclass(frozen=True, slots=True)
class Share:
    """A link; `created_at` is when its snapshot was taken. Anyone who knows the token can read it."""

    token: str = field(repr=False)
    conversation_id: str
    title: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SharedTurn:
    role: Literal["user", "assistant"]
    persona_name: str
    avatar: str | None
    text: str
    created_at: datetime
    ended: str = ""
    """How a reply ended, if not normally; a sentence for readers."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What a link shows: turns with text, or the reason why they have none, oldest first."""

    title: str
    created_at: datetime
    turns: tuple[SharedTurn, ...]


def share(connection: Connection, owner: str, conversation_id: str) -> Share:
    """Take the snapshot, or take it again. Raises ConversationNotFound; MessageInvalid if empty."""
    c = conversations.c
    head = connection.execute(
        select(c.title, turns.c.id.label("leaf_id"), func.length(turns.c.text).label("leaf_characters"))
        .select_from(conversations.outerjoin(turns, turns.c.id == c.leaf_id))
        .where(c.id == conversation_id, c.owner == owner, c.deleted_at.is_(None))
    ).one_or_none()
    if head is None:
        raise no_such_conversation()
    if head.leaf_id is None:
        raise MessageInvalid("There is nothing to share yet.", hint="Send a message first.")
    earlier = share_of(connection, owner, conversation_id)
    token = earlier.token if earlier else secrets.token_urlsafe(_TOKEN_BYTES)
    share = Share(token, conversation_id, head.title, now())
    connection.execute(delete(shares).where(shares.c.conversation_id == conversation_id))
    connection.execute(
        shares.insert().values(
            token=token,
            conversation_id=conversation_id,
            owner=owner,
            leaf_id=head.leaf_id,
            leaf_characters=head.leaf_characters,
            title=share.title,
            created_at=share.created_at,
        )
    )
    return share


def share_of(connection: Connection, owner: str, conversation_id: str) -> Share | None:
    """The conversation's link; None if there is none. Raises ConversationNotFound."""
    c = conversations.c
    row = connection.execute(
        select(c.id, shares.c.token, shares.c.title, shares.c.created_at)
        .select_from(conversations.outerjoin(shares, shares.c.conversation_id == c.id))
        .where(c.id == conversation_id, c.owner == owner, c.deleted_at.is_(None))
    ).one_or_none()
    if row is None:
        raise no_such_conversation()
    return Share(row.token, row.id, row.title, row.created_at) if row.token else None


def revoke(connection: Connection, owner: str, conversation_id: str) -> bool:
    """Revoke the link, if there is one. It stops working, and a later one gets another token.

    Returns whether there was one.
    """
    if share_of(connection, owner, conversation_id) is None:
        return False
    connection.execute(delete(shares).where(shares.c.conversation_id == conversation_id))
    return True


class SharedConversations:
    """What links show; needs no owner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, token: str) -> Shared:
        """What the link shows. Raises ShareNotFound, the same whatever the reason."""
        if not _TOKEN.fullmatch(token):
            raise _no_such_share()
        with self._database.read() as connection:
            head = connection.execute(
                select(shares)
                .join(conversations, conversations.c.id == shares.c.conversation_id)
                .where(shares.c.token == token, conversations.c.deleted_at.is_(None))
            ).one_or_none()
            rows = _branch(connection, head.leaf_id) if head else ()
        if head is None or not rows or any(row.deleted_at for row in rows):
            raise _no_such_share()
        texts = [row.text for row in rows]
        texts[-1] = texts[-1][: head.leaf_characters]
        shared_turns = tuple(
            SharedTurn(row.role, row.persona_name, safe_face(row.avatar), words, row.created_at, ended)
            for row, words in zip(rows, texts, strict=True)
            if (ended := _ended(row) if words == row.text else "") or words
        )
        return Shared(head.title, head.created_at, shared_turns)


def _ended(row: Row[Any]) -> str:
    return told_to_readers(state=row.state, finish_reason=row.finish_reason)


def _branch(connection: Connection, leaf_id: str) -> Sequence[Row[Any]]:
    above = select(turns.c.id, turns.c.parent_id).where(turns.c.id == leaf_id).cte(recursive=True)
    above = above.union_all(select(turns.c.id, turns.c.parent_id).where(turns.c.id == above.c.parent_id))
    names = (
        "role",
        "persona_name",
        "avatar",
        "text",
        "created_at",
        "deleted_at",
        "state",
        "finish_reason",
    )
    query = select(*(turns.c[name] for name in names)).join(above, above.c.id == turns.c.id)
    return connection.execute(query.order_by(turns.c.depth)).all()


def _no_such_share() -> ShareNotFound:
    return ShareNotFound("This link is invalid or was revoked.", hint="Ask the sender for a new one.")
