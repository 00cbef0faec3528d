"""Large bodies: taken on /v1, held only so many at once; small ones never wait."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message

from personachat.api import large_bodies
from personachat.api.errors import Refused
from personachat.api.large_bodies import SMALL_BYTES, IncomingBody, Room
from personachat.services import Services
from tests.api.conftest import served
from tests.fake_provider import FakeProvider, Gate, tokens

MB = 1024 * 1024
MOST = 50 * MB


@pytest.fixture
def v1(services: Services) -> Iterator[str]:
    with served(services) as client:
        yield str(client.base_url).replace("/api/", "/v1")


def photo(size: int) -> dict[str, Any]:
    url = f"data:image/jpeg;base64,{'A' * size}"
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is it?"}]
    return {"model": "tester", "messages": [{"role": "user", "content": content}]}


def test_an_ordinary_photo_reaches_the_model_whole(v1: str, fake: FakeProvider) -> None:
    body = photo(6 * MB)
    answer = httpx2.post(f"{v1}/chat/completions", json=body, timeout=60)
    assert answer.status_code == 200
    assert fake.chats[-1].body["messages"][-1] == body["messages"][0]
    item = {"type": "input_image", "image_url": body["messages"][0]["content"][0]["image_url"]["url"]}
    said = [{"role": "user", "content": [item]}]
    answer = httpx2.post(f"{v1}/responses", json={"model": "tester", "input": said}, timeout=60)
    assert answer.status_code == 200
    assert len(fake.chats[-1].body["messages"][-1]["content"][0]["image_url"]["url"]) > 6 * MB


def test_the_operator_says_how_large_a_body_may_be(make_services: Any) -> None:
    with served(make_services(v1_body_mb=3)) as client:
        url = str(client.base_url).replace("/api/", "/v1/chat/completions")
        assert httpx2.post(url, json=photo(2 * MB), timeout=60).status_code == 200
        large = httpx2.post(url, json=photo(3 * MB), timeout=60)
        assert large.status_code == 413
        assert large.json()["error"]["type"] == "invalid_request_error"
        pieces = (b" " * MB for _ in range(4))
        endless = httpx2.post(url, content=pieces, headers={"Content-Type": "application/json"}, timeout=60)
        assert endless.status_code == 413


def test_who_waits_too_long_is_told_to_come_again_and_small_ones_do_not_wait(
    v1: str, fake: FakeProvider, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_bodies, "AT_ONCE", 0.1)
    monkeypatch.setattr(large_bodies, "WAIT_SECONDS", 0.05)
    fake.enqueue(tokens(["one", Gate()]))
    body = photo(4 * MB) | {"stream": True}
    with httpx2.stream("POST", f"{v1}/chat/completions", json=body, timeout=60) as held:
        assert held.status_code == 200
        refused = httpx2.post(f"{v1}/chat/completions", json=photo(3 * MB), timeout=60)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json()["error"]["type"] == "server_error"
        kind = {"Content-Type": "application/json"}
        pieces = (b" " * MB for _ in range(4))
        unannounced = httpx2.post(f"{v1}/chat/completions", content=pieces, headers=kind, timeout=60)
        assert unannounced.status_code == 503
        assert unannounced.headers["Retry-After"]
        small = httpx2.post(f"{v1}/chat/completions", json=photo(MB), timeout=60)
        assert small.status_code == 200
    again = httpx2.post(f"{v1}/chat/completions", json=photo(3 * MB), timeout=60)
    assert again.status_code == 200


pytestmark = pytest.mark.anyio


async def test_there_is_never_more_than_the_room_and_everybody_gets_in_in_their_order() -> None:
    room, most, order, held = Room(), 100, [], []

    async def one(number: int, size: int) -> None:
        await room.take(size, most=most)
        order.append(number)
        held.append(room.held_bytes)
        await asyncio.sleep(0)
        room.give_back(size)

    async with asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(one(number, 10 + number % 7 * 10))
    assert order == list(range(50))
    assert max(held) <= most
    assert room.held_bytes == 0


async def test_one_that_is_larger_than_all_the_room_gets_in_alone() -> None:
    room = Room()
    await room.take(500, most=100)
    with pytest.raises(TimeoutError):
        await room.take(1, most=100, wait_seconds=0)
    room.give_back(500)
    await room.take(1, most=100)


@pytest.mark.parametrize("leaving", [0, 1, 2])
async def test_who_leaves_while_waiting_takes_no_room_and_holds_nobody_up(leaving: int) -> None:
    room = Room()
    await room.take(100, most=100)
    waiting = [asyncio.create_task(room.take(50, most=100)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[leaving].cancel()
    room.give_back(100)
    await asyncio.wait(waiting)
    assert room.held_bytes == 100
    assert [task.cancelled() for task in waiting] == [number == leaving for number in range(3)]


async def test_who_is_cancelled_at_the_moment_of_being_let_in_gives_the_room_back() -> None:
    room = Room()
    await room.take(100, most=100)
    waiting = asyncio.create_task(room.take(50, most=100))
    await asyncio.sleep(0)
    room.give_back(100)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert room.held_bytes == (0 if waiting.cancelled() else 50)


def receiving(*sizes: int) -> Any:
    messages = [{"type": "http.request", "body": b"x" * size, "more_body": True} for size in sizes]
    messages[-1]["more_body"] = False
    coming = iter(messages)

    async def receive() -> Message:
        return next(coming)

    return receive


async def test_a_body_that_does_not_say_its_length_takes_the_most_until_it_is_there() -> None:
    room = Room()
    body = IncomingBody(room, MOST)
    with body.with_room():
        receive = body.counted(receiving(SMALL_BYTES, MB, MB))
        await receive()
        assert room.held_bytes == 0
        await receive()
        assert room.held_bytes == MOST
        await receive()
        assert room.held_bytes == SMALL_BYTES + 2 * MB
    assert room.held_bytes == 0


async def test_a_body_that_grows_beyond_the_most_is_refused_and_gives_its_room_back() -> None:
    room = Room()
    body = IncomingBody(room, 3 * MB)
    with body.with_room():
        receive = body.counted(receiving(SMALL_BYTES + 1, MB))
        await receive()
        with pytest.raises(HTTPException) as refused:
            await receive()
        assert refused.value.status_code == 413
    assert room.held_bytes == 0


async def test_a_small_body_needs_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_bodies, "WAIT_SECONDS", 0)
    room = Room()
    await room.take(1000 * MB, most=1)
    await IncomingBody(room, MOST).announce(SMALL_BYTES)
    with pytest.raises(Refused) as refused:
        await IncomingBody(room, MOST).announce(SMALL_BYTES + 1)
    assert refused.value.status == 503
