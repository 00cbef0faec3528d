"""The API on a real port, over services that talk to the fake provider."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette

from personachat.api.app import ApiFirst, create_api
from personachat.api.health import Probes
from personachat.api.metrics import Metrics
from personachat.api.queues import MessageQueues
from personachat.api.v1.app import create_v1
from personachat.services import Services, build_services
from personachat.settings import load_settings
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.migrated import put_database_in


class ReusedApi:
    """An app whose services can be changed: to put its routes together takes longer than most tests."""

    def __init__(self) -> None:
        self._services: Services | None = None
        self.app = create_api(self._current)

    def _current(self) -> Services:
        assert self._services
        return self._services

    def begin(self, services: Services | None) -> None:
        """Forget all that came before."""
        self._services = services
        self.app.state.queues = MessageQueues()
        self.app.state.probes = Probes()
        self.app.middleware_stack = None


_spare: list[ReusedApi] = []


@contextmanager
def served(services: Services) -> Iterator[httpx2.Client]:
    """Serve the API of these services and yield a client of it, based at /api."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    api = _spare.pop() if _spare else ReusedApi()
    api.begin(services)
    outer = ApiFirst(
        Starlette(),
        api=api.app,
        v1=create_v1(lambda: services),
        metrics=Metrics(lambda: services),
    )
    server = uvicorn.Server(uvicorn.Config(outer, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=20) as client:
            yield client
    finally:
        server.should_exit = True
        for live_reply in list(services.runner._runner.values()):
            live_reply.stop()  # the server waits for open streams
        thread.join(10)
        listening.close()
    assert not thread.is_alive()
    api.begin(None)  # so that it holds nothing of this test's
    _spare.append(api)


@contextmanager
def standing(folder: Path, **settings: Any) -> Iterator[httpx2.Client]:
    """Serve services of their own with a persona "tester", for a whole module of tests."""
    with FakeProvider() as fake:
        explicit = {"openai_base_url": fake.base_url, "openai_api_key": "sk-test-key-that-nobody-may-see"}
        folders = {"personas_dir": folder / "personas", "data_dir": folder / "data"}
        put_database_in(folder / "data")
        services = build_services(load_settings(**(explicit | folders | settings)))
        services.personas.save(persona_text())
        try:
            with served(services) as client:
                yield client
        finally:
            services.close()


@pytest.fixture
def client(services: Services) -> Iterator[httpx2.Client]:
    with served(services) as made:
        yield made
