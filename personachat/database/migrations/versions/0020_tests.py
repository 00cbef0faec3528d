"""Test suites of personas, their runs, and labels of replies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "test_suites",
        sa.Column("place", sa.String(64), primary_key=True),
        sa.Column("persona_id", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("etag", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("author", sa.String(200), nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "test_runs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner", sa.String(300), nullable=False),
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("persona_id", sa.String(64), nullable=False),
        sa.Column("persona_revision", sa.String(64), nullable=False),
        sa.Column("persona_text", sa.Text, nullable=False),
        sa.Column("suite_etag", sa.String(64), nullable=False),
        sa.Column("suite_text", sa.Text, nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("judge", sa.String(200), nullable=False),
        sa.Column("repeat", sa.Integer),
        sa.Column("planned", sa.Integer, nullable=False),
        sa.Column("most_cost_usd", sa.Float),
        sa.Column("surface", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("process_id", sa.String(32), nullable=False),
    )
    op.create_index("ix_test_runs_owner", "test_runs", ["owner", "persona_id", "began_at"])
    op.create_table(
        "test_cells",
        sa.Column(
            "run_id", sa.String(32), sa.ForeignKey("test_runs.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("case_number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("cost_usd", sa.Float),
        sa.Column("reply", sa.Text, nullable=False),
        sa.Column("record", sa.JSON, nullable=False),
    )
    op.create_table(
        "test_labels",
        sa.Column("owner", sa.String(300), primary_key=True),
        sa.Column("question_key", sa.String(64), primary_key=True),
        sa.Column("judge", sa.String(200), primary_key=True),
        sa.Column("reply_key", sa.String(64), primary_key=True),
        sa.Column("label", sa.Boolean, nullable=False),
        sa.Column("verdict", sa.Boolean, nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("test_labels")
    op.drop_table("test_cells")
    op.drop_index("ix_test_runs_owner", "test_runs")
    op.drop_table("test_runs")
    op.drop_table("test_suites")
