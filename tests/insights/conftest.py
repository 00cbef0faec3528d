"""Stores with and without PostgreSQL."""

from tests.conversations.conftest import (  # noqa: F401  # fixtures
    database,
    postgres_database,
    sqlite_database,
)
