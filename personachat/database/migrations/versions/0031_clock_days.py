"""Days as the clocks of people have them, added up by one thing.

They are filled by the server that runs next, day by day; until then all sums come from what there is. Days in
UTC were kept in a table of their own, whose rows are the same as those of a clock without an offset.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

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
        "usage_clocks",
        sa.Column("clock", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("asked_day", sa.Integer(), nullable=False),
    )
    op.create_table(
        "usage_clock_days",
        sa.Column("clock", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
    )
    _create("usage_clock_sums", "clock", *_numbers())
    _create("usage_clock_times", "clock", sa.Column("histograms", sa.LargeBinary(), nullable=False))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE usage_clock_times ALTER COLUMN histograms SET STORAGE EXTERNAL")
    op.drop_table("usage_group_days")


def downgrade() -> None:
    _create("usage_group_days", *_numbers())
    op.create_index("ix_usage_group_days_day", "usage_group_days", ["day"])
    for name in ("usage_clock_times", "usage_clock_sums", "usage_clock_days", "usage_clocks"):
        op.drop_table(name)
    for name in ("usage_model_days", "usage_persona_days", "usage_times", "usage_day_times"):
        op.execute(sa.delete(sa.table(name)))
    op.execute(sa.update(sa.table("usage_closed_days", sa.column("closed"))).values(closed=sa.false()))


def _create(name: str, *columns: sa.Column[object] | str) -> None:
    """A table by grouping, day and kind; names before the columns are of keys before those."""
    keys = [column for column in columns if isinstance(column, str)]
    op.create_table(
        name,
        *(sa.Column(key, sa.Integer(), nullable=False) for key in keys),
        sa.Column("grouping", sa.String(40), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("kind_id", sa.Integer(), nullable=False),
        *(column for column in columns if not isinstance(column, str)),
        sa.PrimaryKeyConstraint(*keys, "grouping", "day", "kind_id"),
        sqlite_with_rowid=False,
    )


def _numbers() -> list[sa.Column[object]]:
    return [
        sa.Column(name, sa.Float() if name == "cost_usd" else sa.BigInteger(), nullable=False)
        for name in NUMBERS
    ]
