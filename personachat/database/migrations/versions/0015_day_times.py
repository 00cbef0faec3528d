"""The times of each closed day's calls in one piece, so that every question about speed is quick.

Days that were closed before have none: they are opened again, and the server that runs next closes them. And
an index of replies by what they reply to, by which messages are found that were replied to again and again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


REPLIES = sa.text("role = 'assistant' AND state IS NOT NULL AND parent_id IS NOT NULL AND deleted_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_turns_replies",
        "turns",
        ["parent_id", "created_at"],
        sqlite_where=REPLIES,
        postgresql_where=REPLIES,
    )
    op.create_table(
        "usage_day_times",
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("times", sa.LargeBinary(), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Packed already: to compress it again would only take time, and so would undoing that.
        op.execute("ALTER TABLE usage_day_times ALTER COLUMN times SET STORAGE EXTERNAL")
    for name in ("usage_model_days", "usage_persona_days", "usage_times"):
        op.execute(sa.delete(sa.table(name)))
    op.execute(sa.update(sa.table("usage_closed_days", sa.column("closed"))).values(closed=sa.false()))


def downgrade() -> None:
    op.drop_table("usage_day_times")
    op.drop_index("ix_turns_replies", "turns")
