"""Of people the logins that they logged out of, and the rules that fitted a claim of their newest login.

A role that a claim gave before counts again with the next login.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0028"


def upgrade() -> None:
    op.add_column("people", sa.Column("ended_logins", sa.JSON()))
    op.add_column("people", sa.Column("claims", sa.JSON()))


def downgrade() -> None:
    op.drop_column("people", "claims")
    op.drop_column("people", "ended_logins")
