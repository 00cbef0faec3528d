"""Saved lists of messages, and the sum at which a comparison stops."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "question_sets",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("messages", sa.JSON(), nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("deleted_at", nullable=True),
    )
    op.create_index("ix_question_sets_owner", "question_sets", ["owner"])
    op.add_column("comparisons", sa.Column("most_cost_usd", sa.Float()))


def downgrade() -> None:
    op.drop_column("comparisons", "most_cost_usd")
    op.drop_table("question_sets")
