"""Indexes of what insights look for: turns that were rated, and calls that deserve a look."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"

RATED = sa.text("rating IS NOT NULL")
NOTABLE = sa.text(
    "(outcome = 'failed' OR finish_reason = 'length' OR first_token_ms >= 10000 OR retries >= 2)"
)


def upgrade() -> None:
    op.create_index("ix_turns_rated", "turns", ["created_at"], sqlite_where=RATED, postgresql_where=RATED)
    op.create_index(
        "ix_usage_calls_notable",
        "usage_calls",
        ["began_at"],
        sqlite_where=NOTABLE,
        postgresql_where=NOTABLE,
    )


def downgrade() -> None:
    op.drop_index("ix_usage_calls_notable", "usage_calls")
    op.drop_index("ix_turns_rated", "turns")
