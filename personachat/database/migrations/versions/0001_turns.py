"""Conversations, their turns, prompts and queues, and the processes that generate replies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

LIVE = sa.text("state IN ('running', 'paused')")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("has_own_title", sa.Boolean(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("leaf_id", sa.String(32)),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", moment),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
    )
    op.create_table(
        "turns",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("parent_id", sa.String(32)),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(9), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("persona_id", sa.String(64), nullable=False),
        sa.Column("persona_name", sa.String(80), nullable=False),
        sa.Column("persona_revision", sa.String(64), nullable=False),
        sa.Column("avatar", sa.String(80)),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("deleted_at", moment),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("rating", sa.SmallInteger()),
        sa.Column("rating_note", sa.Text(), nullable=False),
        sa.Column("state", sa.String(11)),
        sa.Column("reasoning", sa.Text(), nullable=False),
        sa.Column("provider", sa.String(80), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("notices", sa.JSON()),
        sa.Column("prompt_tokens", sa.Integer()),
        sa.Column("completion_tokens", sa.Integer()),
        sa.Column("cost_usd", sa.Float()),
        sa.Column("finish_reason", sa.String(20)),
        sa.Column("error_code", sa.String(60)),
        sa.Column("error", sa.JSON()),
        sa.Column("first_token_seconds", sa.Float()),
        sa.Column("reasoning_seconds", sa.Float()),
        sa.Column("duration_seconds", sa.Float()),
        sa.Column("memory_from", sa.Integer()),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("journal", sa.Text(), nullable=False),
        sa.Column("request", sa.JSON()),
        sa.Column("process_id", sa.String(32)),
        sa.Column("wanted", sa.String(6)),
        sa.PrimaryKeyConstraint("number", name="pk_turns"),
        sa.UniqueConstraint("id", name="uq_turns_id"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_turns_conversation_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["turns.id"], name="fk_turns_parent_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_turns_conversation_id_parent_id", "turns", ["conversation_id", "parent_id"])
    op.create_index("ix_turns_parent_id", "turns", ["parent_id"])
    op.create_index("ix_turns_live", "turns", ["process_id"], sqlite_where=LIVE, postgresql_where=LIVE)
    op.create_table(
        "prompts",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("messages", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_prompts"),
    )
    op.create_table(
        "queued_messages",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("conversation_id", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("persona_id", sa.String(64), nullable=False),
        sa.Column("offline", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_queued_messages"),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_queued_messages_conversation_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_queued_messages_conversation_id", "queued_messages", ["conversation_id"])
    op.create_table(
        "processes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("beat_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_processes"),
    )
