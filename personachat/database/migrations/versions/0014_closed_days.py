"""Sums of days that are over, by fewer columns, and how the times of their calls are spread.

They are filled by the server that runs next, day by day; until then all sums come from the finer tables.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

NUMBERS = (
    *("calls", "estimated"),
    *(
        part
        for name in (
            "prompt_tokens",
            "completion_tokens",
            "cached_tokens",
            "reasoning_tokens",
            "cost_usd",
            "retries",
            "first_token_ms",
            "duration_ms",
        )
        for part in (name, f"{name}_known")
    ),
)


def upgrade() -> None:
    op.create_table(
        "usage_closed_days",
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
    )
    for name in ("usage_model_days", "usage_persona_days"):
        numbers = [
            sa.Column(number, sa.Float() if number == "cost_usd" else sa.BigInteger(), nullable=False)
            for number in NUMBERS
        ]
        _create(name, *numbers)
    _create("usage_times", sa.Column("histograms", sa.LargeBinary(), nullable=False))


def _create(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("kind_id", sa.Integer(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("day", "kind_id", name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for name in ("usage_times", "usage_persona_days", "usage_model_days", "usage_closed_days"):
        op.drop_table(name)
