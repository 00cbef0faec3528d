"""What the variables of personas stand for in a conversation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("variables", sa.JSON()))


def downgrade() -> None:
    op.drop_column("conversations", "variables")
