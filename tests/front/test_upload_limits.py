"""Files that are sent to pages: a session and all sessions together hold only so much of them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from personachat.front import uploads
from personachat.front.uploads import UploadLimits

pytestmark = pytest.mark.anyio


class Store:
    """Keeps files as Streamlit does."""

    def __init__(self) -> None:
        self.file_storage: dict[str, dict[str, Any]] = {}

    def add(self, session_id: str, file_id: str, data: bytes) -> None:
        self.file_storage.setdefault(session_id, {})[file_id] = SimpleNamespace(data=data)

    def remove_file(self, session_id: str, file_id: str) -> None:
        self.file_storage.get(session_id, {}).pop(file_id, None)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    monkeypatch.setattr(uploads, "file_store", lambda: made)
    monkeypatch.setattr(uploads, "MOST_SESSION_BYTES", 100)
    monkeypatch.setattr(uploads, "MOST_BYTES", 250)
    monkeypatch.setattr(uploads, "MOST_SESSION_FILES", 5)
    return made


def client(
    store: Store, *, begun: asyncio.Event | None = None, gate: asyncio.Event | None = None
) -> httpx2.AsyncClient:
    async def put(request: Request) -> Response:
        if begun is not None and gate is not None:
            begun.set()
            await gate.wait()
        store.add(request.path_params["session"], request.path_params["file"], await request.body())
        return Response(status_code=204)

    path = "/_stcore/upload_file/{session}/{file}"
    app = UploadLimits(Starlette(routes=[Route(path, put, methods=["PUT", "DELETE"])]))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://localhost")


def path_of(session: str, file: str) -> str:
    return f"/_stcore/upload_file/{session}/{file}"


async def test_a_session_that_sends_more_loses_its_oldest_files(store: Store) -> None:
    async with client(store) as asking:
        for number in range(20):
            answer = await asking.put(path_of("a", f"f{number}"), content=b"x" * 40)
            assert answer.status_code == 204
    assert list(store.file_storage["a"]) == ["f18", "f19"]


async def test_a_session_holds_only_so_many_files(store: Store) -> None:
    async with client(store) as asking:
        for number in range(20):
            assert (await asking.put(path_of("a", f"f{number}"), content=b"")).status_code == 204
    assert len(store.file_storage["a"]) == 5


async def test_what_has_no_room_among_everybodys_is_refused_and_costs_nobody_a_file(store: Store) -> None:
    async with client(store) as asking:
        for session in ("a", "b"):
            assert (await asking.put(path_of(session, "f"), content=b"x" * 100)).status_code == 204
        refused = await asking.put(path_of("c", "f"), content=b"x" * 60)
        assert refused.status_code == 503
        assert refused.headers["Retry-After"]
        assert (await asking.put(path_of("c", "f"), content=b"x" * 50)).status_code == 204
    assert [list(store.file_storage[session]) for session in "abc"] == [["f"]] * 3


async def test_what_is_on_its_way_counts(store: Store) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()
    async with client(store, begun=begun, gate=gate) as asking:
        first = asyncio.create_task(asking.put(path_of("a", "f1"), content=b"x" * 80))
        await begun.wait()
        assert (await asking.put(path_of("a", "f2"), content=b"x" * 80)).status_code == 503
        gate.set()
        assert (await first).status_code == 204
        assert (await asking.put(path_of("a", "f2"), content=b"x" * 80)).status_code == 204
    assert list(store.file_storage["a"]) == ["f2"]


async def test_a_file_whose_size_nobody_says_counts_as_the_largest(store: Store) -> None:
    async def pieces() -> Any:
        yield b"x"

    async with client(store) as asking:
        assert (await asking.put(path_of("a", "f"), content=pieces())).status_code == 503
        assert (await asking.request("DELETE", path_of("a", "f"))).status_code == 204


def test_the_bounds_let_the_largest_file_through(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    largest = uploads._size({"type": "http", "headers": []})
    assert uploads.MOST_BYTES > uploads.MOST_SESSION_BYTES > largest > 0
