"""The tables: one row per conversation, a turn, a queued message.

They are the same in SQLite and PostgreSQL; `personachat.database.migrations` makes them.
What searches and lists need besides (indexes, full text) is in `listing` and `search`.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from personachat.database.columns import JsonList, JsonObject, OneOf, Real, UtcDateTime, metadata
from personachat.stamps import now

LIVE = text("state IN ('running', 'paused')")
"""For turns. Spelled out, because a partial index only serves queries with exactly its condition."""

RATED = text("rating IS NOT NULL")

REPLIES = text("role = 'assistant' AND state IS NOT NULL AND parent_id IS NOT NULL AND deleted_at IS NULL")

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(300), nullable=False),
    Column("title", String(200), nullable=False, default=""),  # "" until something was said
    Column("has_own_title", Boolean, nullable=False, default=False),  # written by the person
    Column("kept", Boolean, nullable=False),
    Column("leaf_id", String(32)),
    Column("pinned", Boolean, nullable=False, default=False),
    Column("archived", Boolean, nullable=False, default=False),
    Column("variables", JsonObject),  # {name: value}; null for none
    Column("settings", JsonObject),  # {name: value}; null if all is as in the persona
    Column("deleted_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),  # its last message, not a new title
    Column("changed_at", UtcDateTime, index=True, default=now, onupdate=now),  # any change; see `changes`
)

turns = Table(
    "turns",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),  # the order in which they came
    Column("id", String(32), nullable=False, unique=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    # No cascade: SQLite would recurse as deep as the conversation is long, and refuses to.
    Column("parent_id", ForeignKey("turns.id")),
    Column("depth", Integer, nullable=False),
    Column("role", OneOf(9, "user", "assistant"), nullable=False),
    Column("text", Text, nullable=False),  # of a reply: as far as it has arrived
    Column("persona_id", String(64), nullable=False),
    Column("persona_name", String(80), nullable=False),
    Column("persona_revision", String(64), nullable=False, default=""),
    Column("persona_label", String(32), nullable=False, server_default=""),
    Column("avatar", String(80)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),  # set on the turn itself, not on those below it
    Column("edited", Boolean, nullable=False, default=False),
    Column("rating", SmallInteger),
    Column("rating_note", Text, nullable=False, default=""),
    # The columns below belong to replies; `state` is null if there is none.
    Column("state", OneOf(11, "interrupted", "running", "paused", "stopped", "finished", "failed")),
    Column("reasoning", Text, nullable=False, default=""),
    Column("provider", String(80), nullable=False, default=""),
    Column("model", String(200), nullable=False, default=""),
    Column("reason", Text, nullable=False, default=""),
    Column("notices", JsonList(str)),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("cost_usd", Real),
    Column(
        "finish_reason",
        OneOf(20, "stop", "length", "content_filter", "refusal", "stopped", "tool_calls"),
    ),
    Column("error_code", String(60)),
    Column("error", JsonObject),
    Column("first_token_seconds", Real),
    Column("reasoning_seconds", Real),
    Column("duration_seconds", Real),
    Column("memory_from", Integer),
    Column("summary", Text, nullable=False, default=""),
    Column("journal", Text, nullable=False, default=""),  # see personachat.replies.journal
    Column("request", JsonObject),  # {"parameters": {...}, "prompt_id": ...}
    Column("process_id", String(32)),  # who generates it
    Column("wanted", String(6)),  # what another process asks the generating one to do
    Index("ix_turns_conversation_id_parent_id", "conversation_id", "parent_id"),
    Index("ix_turns_parent_id", "parent_id"),
    Index("ix_turns_live", "process_id", sqlite_where=LIVE, postgresql_where=LIVE),
    Index("ix_turns_rated", "created_at", sqlite_where=RATED, postgresql_where=RATED),  # there are few
    # Narrow, read from end to end to find messages with many replies.
    Index("ix_turns_replies", "parent_id", "created_at", sqlite_where=REPLIES, postgresql_where=REPLIES),
    sqlite_autoincrement=True,
)

prompts = Table(
    "prompts",
    metadata,
    Column("id", String(64), primary_key=True),  # SHA-256 of the messages: equal ones are stored once
    Column("messages", JsonList(list, required=True), nullable=False),
)

queued_messages = Table(
    "queued_messages",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("content", Text, nullable=False),
    Column("persona_id", String(100), nullable=False),  # with its label, if it was named with one
    Column("offline", Boolean, nullable=False),
)
