"""Of a list of messages, which sending of it goes on: the next one may begin before the last has ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("comparisons", sa.Column("list_sending_id", sa.String(32)))


def downgrade() -> None:
    op.drop_column("comparisons", "list_sending_id")
