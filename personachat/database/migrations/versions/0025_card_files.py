"""Files of cards beside their pictures; of calls, the request they were made for, and sums by one thing.

Days that were closed before have no such sums: they are opened again, and the server that runs next closes
them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

SUMMED = (
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost_usd",
    "retries",
    "first_token_ms",
    "duration_ms",
)
NUMBERS = ("calls", "estimated", *(part for name in SUMMED for part in (name, f"{name}_known")))


def upgrade() -> None:
    op.create_table(
        "persona_assets",
        sa.Column("digest", sa.String(32), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "persona_asset_sets",
        sa.Column("digest", sa.String(32), primary_key=True),
        sa.Column("listing", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.add_column("usage_calls", sa.Column("request_id", sa.String(128)))
    op.create_table(
        "usage_group_days",
        sa.Column("grouping", sa.String(40), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("kind_id", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Float() if name == "cost_usd" else sa.BigInteger(), nullable=False)
            for name in NUMBERS
        ),
        sa.PrimaryKeyConstraint("grouping", "day", "kind_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_usage_group_days_day", "usage_group_days", ["day"])
    for name in ("usage_model_days", "usage_persona_days", "usage_times", "usage_day_times"):
        op.execute(sa.delete(sa.table(name)))
    op.execute(sa.update(sa.table("usage_closed_days", sa.column("closed"))).values(closed=sa.false()))


def downgrade() -> None:
    op.drop_table("usage_group_days")
    op.drop_column("usage_calls", "request_id")
    op.drop_table("persona_asset_sets")
    op.drop_table("persona_assets")
