"""Conversations can say themselves which model answers in them, and with which parameters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("settings", sa.JSON()))


def downgrade() -> None:
    op.drop_column("conversations", "settings")
