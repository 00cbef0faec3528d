"""Personas that were renamed, and labels on their revisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "persona_redirects",
        sa.Column("place", sa.String(64), primary_key=True),
        sa.Column("old_id", sa.String(64), primary_key=True),
        sa.Column("new_id", sa.String(64), nullable=False),
        sa.Column("renaming", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "persona_labels",
        sa.Column("place", sa.String(64), primary_key=True),
        sa.Column("persona_id", sa.String(64), primary_key=True),
        sa.Column("label", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "persona_label_moves",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("persona_id", sa.String(64), nullable=False),
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_persona_label_moves", "persona_label_moves", ["place", "persona_id", "id"])
    op.add_column("turns", sa.Column("persona_label", sa.String(32), nullable=False, server_default=""))
    with op.batch_alter_table("queued_messages") as batch:
        batch.alter_column("persona_id", existing_nullable=False, type_=sa.String(100))


def downgrade() -> None:
    with op.batch_alter_table("queued_messages") as batch:
        batch.alter_column("persona_id", existing_nullable=False, type_=sa.String(64))
    op.drop_column("turns", "persona_label")
    op.drop_index("ix_persona_label_moves", "persona_label_moves")
    for name in ("persona_label_moves", "persona_labels", "persona_redirects"):
        op.drop_table(name)
