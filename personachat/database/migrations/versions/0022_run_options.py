"""What a test run does besides running its suite."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("test_runs", sa.Column("options", sa.JSON))


def downgrade() -> None:
    op.drop_column("test_runs", "options")
