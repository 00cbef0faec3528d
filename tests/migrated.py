"""Databases with today's tables, made once in a process and then copied.

Migrating an empty database takes longer than most tests; that it works, on SQLite and on PostgreSQL, is for
tests/conversations/test_migrations.py to show.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import make_url

from personachat.database.connection import FILE_NAME, Database
from tests.postgres import fresh_database, new_database


def put_database_in(data_dir: Path) -> Path:
    """Give a data folder the database that PersonaChat would make there; one that it has stays."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = data_dir / FILE_NAME
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(_migrated_sqlite())
    return path


@contextmanager
def migrated_postgres() -> Iterator[str]:
    """The URL of a PostgreSQL database of one's own; dropped afterwards."""
    with fresh_database(like=_migrated_postgres()) as url:
        yield url


@cache
def _migrated_sqlite() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE_NAME
        with closing(Database(f"sqlite:///{path}")) as database:
            database.prepare()
        return path.read_bytes()


@cache
def _migrated_postgres() -> str:
    """The name of one that nobody writes to."""
    url = new_database()
    with closing(Database(url)) as database:
        database.prepare()
    return str(make_url(url).database)
