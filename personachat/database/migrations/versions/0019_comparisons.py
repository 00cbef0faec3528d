"""Comparisons: variants, rounds and votes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "comparisons",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("waiting", sa.JSON()),
        sa.Column("share_token", sa.String(64)),
        _moment("created_at"),
        _moment("updated_at"),
        _moment("deleted_at", nullable=True),
    )
    op.create_index("uq_comparisons_share_token", "comparisons", ["share_token"], unique=True)
    op.create_index("ix_comparisons_owner_updated_at", "comparisons", ["owner", "updated_at"])
    op.create_table(
        "comparison_variants",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "comparison_id",
            sa.ForeignKey("comparisons.id", ondelete="CASCADE"),
            type_=sa.String(32),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("group", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("persona_id", sa.String(64), nullable=False),
        sa.Column("etag", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("setup", sa.JSON(), nullable=False),
        sa.Column("conversation_id", sa.String(32)),
    )
    op.create_index("ix_comparison_variants_comparison_id", "comparison_variants", ["comparison_id"])
    op.create_table(
        "comparison_rounds",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "comparison_id",
            sa.ForeignKey("comparisons.id", ondelete="CASCADE"),
            type_=sa.String(32),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("revealed", sa.Boolean(), nullable=False),
    )
    op.create_index(
        "uq_comparison_rounds_comparison_id_number",
        "comparison_rounds",
        ["comparison_id", "number"],
        unique=True,
    )
    op.create_table(
        "comparison_votes",
        sa.Column(
            "round_id",
            sa.ForeignKey("comparison_rounds.id", ondelete="CASCADE"),
            type_=sa.String(32),
            primary_key=True,
        ),
        sa.Column("verdict", sa.String(10), nullable=False),
        sa.Column("winner", sa.String(32)),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("why_not", sa.String(200), nullable=False),
        _moment("voted_at"),
    )


def downgrade() -> None:
    for table in ("comparison_votes", "comparison_rounds", "comparison_variants", "comparisons"):
        op.drop_table(table)
