"""The API while PostgreSQL does not answer: health at once, 503 for what needs it, all of it back after."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from personachat.api.probes import Probe
from personachat.services import Services
from tests.api.conftest import served
from tests.api.wire import problem_of
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.frozen_postgres import OwnPostgres, own_postgres  # noqa: F401  # fixtures

BODY = {"message": "Hi", "personaId": "tester"}


@pytest.fixture
def services(
    make_services: Callable[..., Services],
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
) -> Services:
    return make_services(
        database_url=own_postgres.url, persona_store="database", database_timeout_seconds=1, api_tokens=()
    )


@pytest.fixture
def client(services: Services) -> Iterator[httpx2.Client]:
    with served(services) as client:
        yield client


def test_while_the_database_is_frozen_everything_that_needs_it_is_503_and_health_says_so(
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
    client: httpx2.Client,
) -> None:
    begun = client.post("/chat", json=BODY)
    conversation_id = json.loads(begun.text.split("data: ")[1].split("\n")[0])["conversationId"]
    assert client.get("/health").json()["database"] == "postgresql"
    assert client.get("/ready").json() == {"status": "ready"}
    own_postgres.freeze()
    problem_of(client.get("/ready"), 503, "not_ready")
    told = client.get("/health").json()
    assert (told["status"], told["database"]) == ("degraded", "unavailable")
    assert told["version"]
    assert "DATABASE" not in json.dumps(told)
    for refused in (
        client.post("/chat", json=BODY),
        client.get("/conversations"),
        client.get(f"/conversations/{conversation_id}"),
        client.get("/personas/tester"),
        client.get("/personas"),
        client.post("/personas", json={"id": "x", "name": "X", "systemPrompt": "."}),
    ):
        assert refused.status_code == 503, refused.text
        assert refused.json()["code"] in {"database_unavailable", "store_unavailable"}
        assert int(refused.headers["retry-after"]) >= 1
        assert "DATABASE" not in refused.text
    v1 = client.post(
        str(client.base_url).replace("/api/", "/v1/chat/completions"),
        json={"model": "tester", "messages": [{"role": "user", "content": "Hi"}]},
    )
    assert v1.status_code == 503
    assert v1.json()["error"]["code"] == "store_unavailable"
    own_postgres.thaw()
    until(lambda: client.get("/health").json()["database"] == "postgresql")
    until(lambda: client.post("/chat", json=BODY).status_code == 200)


def test_a_reply_in_progress_goes_on_and_is_written_when_the_database_is_back(
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
    client: httpx2.Client,
    fake: FakeProvider,
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one ", gate, "two ", "three"]))
    with client.stream("POST", "/chat", json=BODY) as stream:
        lines = stream.iter_lines()
        start = next(json.loads(line[6:]) for line in lines if line.startswith("data: "))
        own_postgres.freeze()
        until(lambda: client.get("/health").json().get("savingFails") == "database_unavailable")
        gate.open()
        rest = "\n".join(lines)
    assert "three" in rest
    assert "event: done" in rest
    own_postgres.thaw()

    def written() -> bool:
        found = client.get(f"/conversations/{start['conversationId']}")
        return found.status_code == 200 and found.json()["messages"][-1]["state"] == "finished"

    until(written)
    found = client.get(f"/conversations/{start['conversationId']}").json()["messages"][-1]
    assert found["content"] == "one two three"


def test_many_looks_at_what_never_answers_are_one_thread() -> None:
    release, asked = threading.Event(), []

    def ask() -> str:
        asked.append(1)
        release.wait(30)
        return "well"

    async def look() -> list[str | None]:
        probe = Probe[str]()
        in_vain = [await probe.look(ask, within_seconds=0.01) for _ in range(20)]
        asyncio.get_running_loop().call_later(0.1, release.set)
        return [*in_vain, await probe.look(ask, within_seconds=20)]

    assert asyncio.run(look()) == [None] * 20 + ["well"]
    assert len(asked) == 1


def test_a_look_that_fails_says_so() -> None:
    def ask() -> str:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        asyncio.run(Probe[str]().look(ask, within_seconds=20))


def until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 90
    while not true():
        assert time.monotonic() < give_up
        threading.Event().wait(0.1)


def test_problems_of_the_database_name_nothing_of_the_operators(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(database_url="postgresql://someone:nobody-may-see@127.0.0.1:1/none")
    with served(services) as client:
        told = problem_of(client.get("/conversations"), 503, "database_unavailable")
    assert "DATABASE_URL" not in json.dumps(told)
