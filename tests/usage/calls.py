"""Rows of the ledger as tests need them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER
from personachat.stamps import new_id
from personachat.usage.people import People
from personachat.usage.records import SqlUsage


def call(
    database: Database, began_at: datetime, *, owner: str = LOCAL_OWNER, **changes: Any
) -> dict[str, Any]:
    """A call that has ended well."""
    row: dict[str, Any] = {
        "id": new_id(),
        "began_at": began_at,
        "first_token_ms": 400,
        "duration_ms": 2_400,
        "owner": People(database).hash_of(owner),
        "purpose": "chat",
        "surface": "page",
        "persona_id": "analyst",
        "persona_revision": "e1",
        "provider": "openai",
        "model": "gpt-4o",
        "model_asked": "gpt-4o",
        "prompt_tokens": 100,
        "completion_tokens": 21,
        "cached_tokens": None,
        "reasoning_tokens": None,
        "estimated": False,
        "cost_usd": 0.01,
        "outcome": "finished",
        "finish_reason": "stop",
        "error_code": None,
        "retries": 0,
        "conversation_id": None,
        "turn_id": None,
        "process_id": "",
        "migrated": False,
        "request_id": None,
        "comparison_id": None,
    }
    assert not set(changes) - set(row)
    return row | changes


def keep(database: Database, *rows: Mapping[str, Any], owner: str = LOCAL_OWNER) -> None:
    """Write them, and their sums."""
    SqlUsage(database, People(database)).write(rows, owners={owner}, process_id="")
