"""The tables: a row for each comparison, variant, round, vote and saved list of messages.

Replies are turns of conversations.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from personachat.database.columns import JsonList, JsonObject, OneOf, Real, UtcDateTime, metadata

comparisons = Table(
    "comparisons",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(300), nullable=False),
    Column("title", String(200), nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("waiting", JsonList(str)),  # messages of a list that are still to be sent; null for none
    Column("share_token", String(64)),  # who has it can read the comparison; null for nobody
    Column("most_cost_usd", Real),  # where it stops; null for nowhere
    Column("list_state", OneOf(10, "stopped", "sending")),  # of the whole list; null for never
    Column("list_process_id", String(32)),  # who sends it
    Column("list_sending_id", String(32)),  # one each time that is begun
    Column("list_notice", String(300)),  # why it stopped, for its owner to read
    Column("spending_number", Integer),  # grows whenever money is reserved or let go; null for never
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Index("ix_comparisons_owner_updated_at", "owner", "updated_at"),
    Index("uq_comparisons_share_token", "share_token", unique=True),
)

comparison_variants = Table(
    "comparison_variants",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("comparison_id", ForeignKey("comparisons.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("group", Integer, nullable=False),
    Column("name", String(300), nullable=False),
    Column("persona_id", String(64), nullable=False),
    Column("etag", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("model", String(200), nullable=False),
    Column("setup", JsonObject(required=True), nullable=False),
    # No foreign key: a conversation may be removed for its own reasons, and the votes stay.
    Column("conversation_id", String(32)),
)

comparison_rounds = Table(
    "comparison_rounds",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("comparison_id", ForeignKey("comparisons.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("shown", JsonList(str, required=True), nullable=False),  # variants' ids, as the columns are
    Column("asked", JsonObject(required=True), nullable=False),  # {variant's id: id of the message's turn}
    Column("revealed", Boolean, nullable=False),
    Index("uq_comparison_rounds_comparison_id_number", "comparison_id", "number", unique=True),
)

comparison_votes = Table(
    "comparison_votes",
    metadata,
    Column("round_id", ForeignKey("comparison_rounds.id", ondelete="CASCADE"), primary_key=True),
    Column("verdict", OneOf(10, "tie", "win", "both_bad"), nullable=False),
    Column("winner", String(32)),
    Column("counted", Boolean, nullable=False),
    Column("why_not", String(200), nullable=False),
    Column("voted_at", UtcDateTime, nullable=False),
)

comparison_reservations = Table(
    "comparison_reservations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("comparison_id", ForeignKey("comparisons.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("cost_usd", Float, nullable=False),  # the most that calls can cost that are about to be made
    Column("process_id", String(32), nullable=False),  # whoever makes them
)

question_sets = Table(
    "question_sets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(300), nullable=False),
    Column("name", String(200), nullable=False),
    Column("messages", JsonList(str, required=True), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Index("ix_question_sets_owner", "owner"),
)
