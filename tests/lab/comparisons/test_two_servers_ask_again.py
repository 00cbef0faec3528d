"""Two servers on one PostgreSQL ask failed columns again at the same instant: they keep to the sum."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx2
import pytest

from tests.e2e.conftest import start_app
from tests.fake_provider import FakeProvider, Gate, failure, tokens
from tests.lab.comparisons.test_comparison_killed import SETTLED, wait_for_states
from tests.lab.comparisons.test_comparison_limits import DEAR, most
from tests.migrated import migrated_postgres

MODELS = (DEAR, "gpt-4o-2024-11-20")
"""Two that cost the same."""

PAIR = [{"personaId": "default-persona", "model": each, "maxTokens": 1000} for each in MODELS]
ONE = 1.5 * most(DEAR)
"""What is left: room for one of the two, with its prompt."""

JSON = {"Accept": "application/json"}


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def clients(tmp_path: Path, fake: FakeProvider) -> Iterator[list[httpx2.Client]]:
    """Of the two servers."""
    with ExitStack() as stack:
        url = stack.enter_context(migrated_postgres())
        place = {"DATABASE_URL": url.replace("postgresql+psycopg://", "postgresql://")}
        opened = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            server = stack.enter_context(start_app(folder, provider=fake, environment=place))
            opened.append(
                stack.enter_context(httpx2.Client(base_url=f"{server.url}/api", timeout=60, headers=JSON))
            )
        yield opened


def test_of_two_columns_that_two_servers_ask_again_at_once_only_what_fits_is_asked(
    clients: list[httpx2.Client], fake: FakeProvider
) -> None:
    first = clients[0]
    fake.answer_by_model({each: failure(401, "no") for each in MODELS})
    begun = first.post("/comparisons", json={"message": "Hello?", "variants": PAIR, "maxCostUsd": 10})
    assert begun.is_success, begun.text
    here = f"/comparisons/{begun.json()['id']}"
    wait_for_states(first, here, {"failed"})
    assert first.patch(here, json={"maxCostUsd": ONE}).is_success
    fake.forget()
    gates = [Gate() for _ in MODELS]  # what has ended may have cost less, and leave room for the other
    fake.answer_by_model({each: tokens(["word", gate]) for each, gate in zip(MODELS, gates, strict=True)})
    barrier = Barrier(2)

    def ask(at: int) -> httpx2.Response:
        barrier.wait()
        return clients[at].post(f"{here}/retry", json={"variant": "AB"[at]})

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(ask, at) for at in range(2)]
        wait(asked, timeout=30, return_when=FIRST_COMPLETED)  # who is refused is told at once
        for gate in gates:
            gate.open()
        answers = [each.result() for each in asked]
    wait_for_states(first, here, SETTLED)
    assert sorted(each.is_success for each in answers) == [False, True], [each.text for each in answers]
    refused: Any = next(each for each in answers if not each.is_success).json()
    assert "limit" in str(refused)
    assert len(fake.chats) == 1
    assert sum(each["costUsd"] or 0 for each in replies(first, here)) <= ONE


def replies(client: httpx2.Client, here: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(here).json()["messages"][0]["replies"]
    return found
