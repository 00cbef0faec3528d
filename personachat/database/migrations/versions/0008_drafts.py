"""Unsaved persona texts, and what can be undone after a reload."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "persona_drafts",
        sa.Column("owner", sa.String(300), primary_key=True),
        sa.Column("place", sa.String(64), primary_key=True),
        sa.Column("persona_id", sa.String(300), primary_key=True),
        sa.Column("aside", sa.String(32), primary_key=True, server_default=""),
        sa.Column("text", sa.Text),
        sa.Column("base_text", sa.Text, nullable=False),
        sa.Column("etag", sa.String(64)),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("name", sa.String(300), nullable=False, server_default=""),
        sa.Column("writer", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_persona_drafts_changed_at", "persona_drafts", ["changed_at"])
    op.create_table(
        "persona_undos",
        sa.Column("owner", sa.String(300), primary_key=True),
        sa.Column("place", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("ids", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("persona_undos")
    op.drop_index("ix_persona_drafts_changed_at", "persona_drafts")
    op.drop_table("persona_drafts")
