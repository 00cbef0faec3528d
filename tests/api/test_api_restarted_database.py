"""PostgreSQL is killed and started again under load: two servers recover by themselves and lose nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any, Self

import httpx2
import pytest

from personachat.services import Services
from tests.api.conftest import served
from tests.frozen_postgres import OwnPostgres, own_postgres  # noqa: F401  # fixtures

WRITERS = 4
PATIENCE_SECONDS = 60


class Load:
    """People who go on sending messages to both servers, and what they were told is kept."""

    def __init__(self, clients: list[httpx2.Client]) -> None:
        self._clients = clients
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.answered: dict[str, str] = {}
        """What each reply that came whole said, by its conversation."""
        self.refused: set[int] = set()
        self.by_server = [0] * len(clients)
        self._threads = [threading.Thread(target=self._write, args=(at,)) for at in range(WRITERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _write(self, at: int) -> None:
        server, number = at % len(self._clients), 0
        while not self._over.is_set():
            number += 1
            body = {"message": f"word {at}-{number}", "personaId": "tester"}
            answer = self._clients[server].post("/chat", json=body)
            if answer.status_code != 200:
                self.refused.add(answer.status_code)
                continue
            if "event: done" in answer.text:
                begun = json.loads(answer.text.split("data: ")[1].split("\n")[0])
                with self._lock:
                    self.answered[begun["conversationId"]] = f"You said: word {at}-{number}"
                    self.by_server[server] += 1

    def wait_for_more(self) -> None:
        """Until each server has answered twice more."""
        wanted = [count + 2 for count in self.by_server]
        until(lambda: all(now >= least for now, least in zip(self.by_server, wanted, strict=True)))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)


@pytest.fixture
def clients(
    make_services: Callable[..., Services],
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
) -> Iterator[list[httpx2.Client]]:
    shared: dict[str, Any] = {
        "database_url": own_postgres.url,
        "persona_store": "database",
        "database_timeout_seconds": 1,
    }
    with ExitStack() as open_servers:
        yield [open_servers.enter_context(served(make_services(**shared))) for _ in range(2)]


def test_nothing_that_was_answered_is_lost_and_requests_come_back_by_themselves(
    clients: list[httpx2.Client],
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
) -> None:
    with Load(clients) as load:
        load.wait_for_more()
        own_postgres.kill()
        until(lambda: bool(load.refused))
        own_postgres.start_again()
        load.wait_for_more()
    assert load.refused <= {503}
    other = clients[::-1]

    def is_whole(conversation_id: str, text: str) -> bool:
        for client in other:
            found = client.get(f"/conversations/{conversation_id}")
            last = found.json()["messages"][-1] if found.status_code == 200 else {}
            if (last.get("state"), last.get("content")) != ("finished", text):
                return False
        return True

    for conversation_id, text in load.answered.items():
        until(partial(is_whole, conversation_id, text))
    for client in clients:
        assert client.get("/ready").json() == {"status": "ready"}
