"""Links to the results of test runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("test_runs", sa.Column("share_token", sa.String(64)))
    op.create_index("uq_test_runs_share_token", "test_runs", ["share_token"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_test_runs_share_token", "test_runs")
    op.drop_column("test_runs", "share_token")
