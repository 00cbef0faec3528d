"""When a conversation last changed in any way, so that other tabs and processes learn of it cheaply.

What was there before has not changed since: its time stays empty.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("changed_at", sa.DateTime(timezone=True)))
    op.create_index("ix_conversations_changed_at", "conversations", ["changed_at"])


def downgrade() -> None:
    op.drop_index("ix_conversations_changed_at", "conversations")
    op.drop_column("conversations", "changed_at")
