"""Of calls the comparison they were made for; of comparisons what they reserve, and who sends their list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

OLD_INDEX = "ix_usage_kinds_owner_persona_id_persona_revision"
NEW_INDEX = "ix_usage_kinds_owner_persona_id_persona_revision_comparison_id"
KIND = ("owner", "persona_id", "persona_revision")


def upgrade() -> None:
    for name in ("usage_calls", "usage_kinds"):
        op.add_column(name, sa.Column("comparison_id", sa.String(32)))
    op.drop_index(OLD_INDEX, "usage_kinds")
    op.create_index(NEW_INDEX, "usage_kinds", [*KIND, "comparison_id"])
    op.add_column("comparisons", sa.Column("list_state", sa.String(10)))
    op.add_column("comparisons", sa.Column("list_process_id", sa.String(32)))
    op.add_column("comparisons", sa.Column("list_notice", sa.String(300)))
    op.add_column("comparisons", sa.Column("spending_number", sa.Integer()))
    op.create_table(
        "comparison_reservations",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "comparison_id",
            sa.String(32),
            sa.ForeignKey("comparisons.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("cost_usd", sa.Float(), nullable=False),
        sa.Column("process_id", sa.String(32), nullable=False),
    )
    op.create_index("ix_comparison_reservations_comparison_id", "comparison_reservations", ["comparison_id"])


def downgrade() -> None:
    op.drop_table("comparison_reservations")
    for name in ("spending_number", "list_notice", "list_process_id", "list_state"):
        op.drop_column("comparisons", name)
    # Kinds that differ in nothing else any more may be there more than once; that does no harm.
    op.drop_index(NEW_INDEX, "usage_kinds")
    op.create_index(OLD_INDEX, "usage_kinds", list(KIND))
    for name in ("usage_kinds", "usage_calls"):
        op.drop_column(name, "comparison_id")
