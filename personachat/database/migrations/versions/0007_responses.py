"""Recent responses of /v1, for requests that refer to them; and more of what a provider counts of a reply.

What older replies read from a cache, or thought, is not known: it stays empty.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("turns", sa.Column("cached_tokens", sa.Integer))
    op.add_column("turns", sa.Column("reasoning_tokens", sa.Integer))
    op.create_table(
        "responses",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("previous_id", sa.String(32)),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("input", sa.Text, nullable=False),
        sa.Column("output", sa.Text, nullable=False),
    )
    op.create_index("ix_responses_owner_used_at", "responses", ["owner", "used_at"])
    op.create_index("ix_responses_used_at", "responses", ["used_at"])


def downgrade() -> None:
    op.drop_table("responses")
    op.drop_column("turns", "reasoning_tokens")
    op.drop_column("turns", "cached_tokens")
