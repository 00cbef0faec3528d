"""The tables of budgets, of the audit, and of API tokens created here.

`budget_calls` has a row for each model call that was admitted while there was a budget: its highest possible
cost until the ledger knows the real one. None of these tables contains the text of a conversation.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table

from personachat.database.columns import JsonList, JsonObject, OneOf, UtcDateTime, metadata

budgets = Table(
    "budgets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("scope", String(10), nullable=False),
    Column("name", String(300), nullable=False),  # "" is each one by itself
    Column("period", String(10), nullable=False),
    Column("unit", String(10), nullable=False),
    Column("most", Float, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

budget_calls = Table(
    "budget_calls",
    metadata,
    Column("id", String(32), primary_key=True),  # the call's in the ledger
    Column("began_at", UtcDateTime, nullable=False),
    Column("owner", String(32), nullable=False),  # keyed hash, as in the ledger
    Column("role", String(10), nullable=False),
    Column("persona_id", String(64), nullable=False),
    Column("token_id", String(64), nullable=False),
    Column("tokens", BigInteger, nullable=False),  # at most
    Column("cost_usd", Float),  # at most; null where the price is unknown
    Index("ix_budget_calls_began_at", "began_at"),
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Integer().with_variant(BigInteger, "postgresql"), primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(300), nullable=False),
    Column("actor_name", String(200), nullable=False),
    Column("action", String(40), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("target", String(300), nullable=False),
    Column("before", JsonObject),
    Column("after", JsonObject),
    Index("ix_audit_events_at", "at"),
    sqlite_autoincrement=True,  # no number is given twice
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("hash", String(64), nullable=False),  # SHA-256 of 32 random bytes
    Column("name", String(100), nullable=False),
    Column("owner", String(300), nullable=False),
    Column("role", OneOf(10, "reader", "editor", "admin"), nullable=False),
    Column("personas", JsonList(str)),  # null is all
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(300), nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("used_at", UtcDateTime),
    Index("uq_api_tokens_hash", "hash", unique=True),
    Index("ix_api_tokens_owner", "owner"),
)
