"""Replies whose adherence was measured by itself, and people's labels of compared replies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "sampled_replies",
        sa.Column("turn_id", sa.String(32), primary_key=True),
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("persona_id", sa.String(64), nullable=False),
        sa.Column("persona_revision", sa.String(64), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("process_id", sa.String(32), nullable=False),
        sa.Column("questions", sa.JSON(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("sampled_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_sampled_replies_persona", "sampled_replies", ["place", "persona_id", "day"])
    op.create_table(
        "test_pair_labels",
        sa.Column("owner", sa.String(300), primary_key=True),
        sa.Column("question_key", sa.String(64), primary_key=True),
        sa.Column("judge", sa.String(200), primary_key=True),
        sa.Column("pair_key", sa.String(64), primary_key=True),
        sa.Column("label", sa.String(6), nullable=False),
        sa.Column("verdict", sa.String(6), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("test_pair_labels")
    op.drop_table("sampled_replies")
