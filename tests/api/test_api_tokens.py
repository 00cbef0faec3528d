"""Tokens: needed everywhere once they are set, judged whatever the name, and wrong ones slowed and logged."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import anyio
import httpx2
import pytest

from personachat.api.wrong_tokens import (
    FORGOTTEN_AFTER_SECONDS,
    MOST_ADDRESSES,
    MOST_WAITING,
    UNSLOWED,
    WrongTokens,
)
from tests.api.conftest import standing
from tests.api.wire import problem_of

TOKEN = "a-token-of-many-letters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
WRONG = {"Authorization": "Bearer a-token-that-was-guessed"}
NAMES = ["localhost:8501", "127.0.0.1", "chat.example.com", "evil.example:8501", "192.0.2.1:80"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with standing(tmp_path_factory.mktemp("guarded"), api_tokens=TOKEN) as made:
        yield made


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    folder = tmp_path_factory.mktemp("trusting")
    with standing(folder, api_tokens=TOKEN, trust_loopback=True) as made:
        yield made


def root(client: httpx2.Client, path: str) -> httpx2.URL:
    return client.base_url.copy_with(path=path)


@pytest.mark.parametrize("path", ["/api/personas", "/v1/models"])
@pytest.mark.parametrize("host", NAMES)
def test_every_call_needs_a_token_over_loopback_too(guarded: httpx2.Client, path: str, host: str) -> None:
    assert guarded.get(root(guarded, path), headers={"Host": host}).status_code == 401


@pytest.mark.parametrize("path", ["/api/personas", "/v1/models"])
@pytest.mark.parametrize("host", NAMES)
def test_a_right_token_is_enough_under_any_name(guarded: httpx2.Client, path: str, host: str) -> None:
    assert guarded.get(root(guarded, path), headers=BEARER | {"Host": host}).status_code == 200


def test_local_callers_may_be_trusted(trusting: httpx2.Client) -> None:
    assert trusting.get("/personas").status_code == 200
    for more in ({"Host": "chat.example.com"}, {"X-Forwarded-For": "203.0.113.9"}, {"Via": "1.1 x"}):
        problem_of(trusting.get("/personas", headers=more), 401, "token_missing")


def test_a_wrong_token_is_refused_where_none_would_be_needed(trusting: httpx2.Client) -> None:
    problem_of(trusting.get("/personas", headers=WRONG), 401, "token_refused")
    assert trusting.get("/personas", headers=BEARER).status_code == 200


def test_public_paths_say_little_without_a_token(guarded: httpx2.Client) -> None:
    assert guarded.get("/health").json() == {"status": "ok"}
    assert guarded.get("/docs").status_code == 200


def test_a_wrong_token_is_logged_without_itself(
    guarded: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "personachat"):
        for _ in range(UNSLOWED):
            problem_of(guarded.get("/personas", headers=WRONG), 401, "token_refused")
    said = [record.getMessage() for record in caplog.records if "token" in record.getMessage()]
    assert any("127.0.0.1" in line for line in said)
    assert len(said) < UNSLOWED
    assert "guessed" not in caplog.text


class Slept:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.now = 0.0
        self.woken = anyio.Event()

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await self.woken.wait()


@pytest.mark.anyio
async def test_wrong_tokens_are_slowed_by_address_and_forgotten_in_time() -> None:
    slept = Slept()
    slept.woken.set()
    wrong = WrongTokens(sleep=slept.sleep, now=lambda: slept.now)
    for _ in range(UNSLOWED):
        assert await wrong.came_from("192.0.2.7")
    assert not slept.seconds
    assert await wrong.came_from("192.0.2.7")
    assert len(slept.seconds) == 1
    assert await wrong.came_from("192.0.2.8")
    assert len(slept.seconds) == 1
    slept.now += FORGOTTEN_AFTER_SECONDS + 1
    assert await wrong.came_from("192.0.2.7")
    assert len(slept.seconds) == 1


@pytest.mark.anyio
async def test_one_network_of_many_addresses_counts_as_one() -> None:
    slept = Slept()
    slept.woken.set()
    wrong = WrongTokens(sleep=slept.sleep)
    for number in range(UNSLOWED + 1):
        await wrong.came_from(f"2001:db8::{number:x}")
    assert len(slept.seconds) == 1


@pytest.mark.anyio
async def test_only_so_many_answers_are_held_back_at_a_time() -> None:
    slept = Slept()
    wrong = WrongTokens(sleep=slept.sleep)
    for _ in range(UNSLOWED):
        await wrong.came_from("192.0.2.7")
    async with anyio.create_task_group() as tasks:
        for _ in range(MOST_WAITING):
            tasks.start_soon(wrong.came_from, "192.0.2.7")
        await anyio.wait_all_tasks_blocked()
        assert not await wrong.came_from("192.0.2.7")
        assert await wrong.came_from("192.0.2.8")
        slept.woken.set()


@pytest.mark.anyio
async def test_the_table_of_addresses_is_bounded() -> None:
    wrong = WrongTokens()
    for number in range(MOST_ADDRESSES * 2):
        await wrong.came_from(f"10.0.{number // 250}.{number % 250}")
    assert len(wrong._attempts) == MOST_ADDRESSES


def test_others_wrong_tokens_lock_nobody_out(guarded: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr("personachat.api.wrong_tokens.DELAY_SECONDS", 0.0)
    for _ in range(UNSLOWED * 3):
        assert guarded.get("/personas", headers=WRONG).status_code in {401, 429}
        assert guarded.get("/personas", headers=BEARER).status_code == 200
