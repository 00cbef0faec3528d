"""Personas: their revisions, favourites, share links and own templates, and the personas of a team."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "personas",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("etag", sa.String(64), nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("change", sa.Integer, nullable=False),
    )
    op.create_index("ix_personas_change", "personas", ["change"])
    changes = op.create_table(
        "persona_changes",
        sa.Column("name", sa.String(20), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
    )
    op.bulk_insert(changes, [{"name": "personas", "number": 0}])
    op.create_table(
        "persona_revisions",
        sa.Column("place", sa.String(64), primary_key=True),
        sa.Column("persona_id", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("etag", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("action", sa.String(10), nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("newest", sa.Boolean, nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_persona_revisions_etag", "persona_revisions", ["place", "persona_id", "etag"])
    op.create_index("ix_persona_revisions_newest", "persona_revisions", ["place", "newest", "persona_id"])
    op.create_index("ix_persona_revisions_action", "persona_revisions", ["place", "action", "newest"])
    op.create_table(
        "persona_favourites",
        sa.Column("owner", sa.String(300), primary_key=True),
        sa.Column("persona_id", sa.String(64), primary_key=True),
    )
    op.create_table(
        "persona_shares",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("persona_id", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index(
        "uq_persona_shares_owner_persona_id", "persona_shares", ["owner", "persona_id"], unique=True
    )
    op.create_table(
        "persona_templates",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
