"""Services with budgets, over SQLite and PostgreSQL, that talk to the fake provider."""

from __future__ import annotations

from tests.conversations.conftest import (  # noqa: F401  # fixtures
    database,
    postgres_database,
    sqlite_database,
)
