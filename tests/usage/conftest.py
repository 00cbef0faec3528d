"""The ledger of services that talk to the fake provider, and stores with and without PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from personachat.replies.live import LiveReply
from personachat.services import Services
from personachat.usage.tables import usage_calls
from tests.conversations.conftest import (  # noqa: F401  # fixtures
    database,
    postgres_database,
    sqlite_database,
)


def over(live_reply: LiveReply) -> LiveReply:
    """The same, once it has ended."""
    while live_reply.live:
        live_reply.wait(live_reply.version[0], timeout_seconds=30)
    return live_reply


def ledger_of(services: Services) -> list[Mapping[str, Any]]:
    """Every row, as it is once what has ended is written, oldest first."""
    services.ledger.settle()
    with services.database.read() as connection:
        query = select(usage_calls).order_by(usage_calls.c.began_at)
        return [dict(row) for row in connection.execute(query).mappings()]


def only_row(services: Services) -> Mapping[str, Any]:
    (row,) = ledger_of(services)
    return row
