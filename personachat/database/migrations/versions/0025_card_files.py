"""Files of cards beside their pictures; of each call of a model, the request that asked for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0020"


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


def downgrade() -> None:
    op.drop_column("usage_calls", "request_id")
    op.drop_table("persona_asset_sets")
    op.drop_table("persona_assets")
