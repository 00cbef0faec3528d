"""The tables of testing: suites with their revisions, runs with their cells, labels, and sampled replies.

`place` is where personas are kept, as for their revisions. `personachat.database.migrations` makes the
tables.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from personachat.database.columns import JsonList, JsonObject, OneOf, Real, UtcDateTime, metadata

test_suites = Table(  # every saved version; with personas in files the file is the newest
    "test_suites",
    metadata,
    Column("place", String(64), primary_key=True),
    Column("persona_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("etag", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("author", String(200), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
)

test_runs = Table(
    "test_runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(300), nullable=False),
    Column("place", String(64), nullable=False),
    Column("persona_id", String(64), nullable=False),
    Column("persona_revision", String(64), nullable=False),
    Column("persona_text", Text, nullable=False),
    Column("suite_etag", String(64), nullable=False),
    Column("suite_text", Text, nullable=False),
    Column("model", String(200), nullable=False),
    Column("judge", String(200), nullable=False),
    Column("repeat", Integer),
    Column("planned", Integer, nullable=False),
    Column("most_cost_usd", Real),
    Column("surface", String(20), nullable=False),
    Column(
        "state",
        OneOf(20, "interrupted", "running", "finished", "cancelled", "limit"),
        nullable=False,
    ),
    Column("began_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("process_id", String(32), nullable=False),
    Column("options", JsonObject),
    Column("share_token", String(64)),  # who has it can read the results; null for nobody
    Index("uq_test_runs_share_token", "share_token", unique=True),
    Index("ix_test_runs_owner", "owner", "persona_id", "began_at"),
)

test_cells = Table(  # one reply of a case; only whole ones are here
    "test_cells",
    metadata,
    Column("run_id", ForeignKey("test_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("case_number", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("outcome", String(10), nullable=False),
    Column("cost_usd", Real),
    Column("reply", Text, nullable=False),
    Column("record", JsonObject(required=True), nullable=False),
)

test_labels = Table(  # what a person says of a reply to a judge's question, and what the judge had said
    "test_labels",
    metadata,
    Column("owner", String(300), primary_key=True),
    Column("question_key", String(64), primary_key=True),
    Column("judge", String(200), primary_key=True),
    Column("reply_key", String(64), primary_key=True),
    Column("label", Boolean, nullable=False),
    Column("verdict", Boolean, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
)

test_pair_labels = Table(  # which of two replies a person finds better, and what the judge had said
    "test_pair_labels",
    metadata,
    Column("owner", String(300), primary_key=True),
    Column("question_key", String(64), primary_key=True),
    Column("judge", String(200), primary_key=True),
    Column("pair_key", String(64), primary_key=True),
    Column("label", String(6), nullable=False),  # before, after or tie
    Column("verdict", String(6), nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
)

sampled_replies = Table(  # replies whose adherence is measured by itself; no texts, and nobody's name
    "sampled_replies",
    metadata,
    Column("turn_id", String(32), primary_key=True),  # without a foreign key: what was spent stays known
    Column("place", String(64), nullable=False),
    Column("persona_id", String(64), nullable=False),
    Column("persona_revision", String(64), nullable=False),
    Column("day", String(10), nullable=False),  # in UTC, whose budget it is
    Column("state", String(10), nullable=False),  # begun or done
    Column("process_id", String(32), nullable=False),  # who measures it
    Column("questions", JsonList(str, required=True), nullable=False),
    Column("answers", JsonList(dict, required=True), nullable=False),  # as many as there are by now
    Column("cost_usd", Float, nullable=False),  # until it is done, the most that it can be
    Column("sampled_at", UtcDateTime, nullable=False),
    Index("ix_sampled_replies_persona", "place", "persona_id", "day"),
)
