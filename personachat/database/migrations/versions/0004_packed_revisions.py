"""Room for revisions that are packed; those that are there stay as they are, and are read as ever."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # Neither database rewrites the table for these.
    op.add_column("persona_revisions", sa.Column("packing", sa.String(10), nullable=False, server_default=""))
    op.add_column("persona_revisions", sa.Column("packed", sa.LargeBinary, nullable=True))
