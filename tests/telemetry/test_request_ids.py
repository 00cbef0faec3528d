"""Every answer of the API names its request; the caller's own name for it is kept where it is safe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from personachat.api.app import create_api
from personachat.api.v1.app import create_v1
from personachat.request_context import context_of
from personachat.services import Services
from tests.api.conftest import served, standing

OURS = re.compile(r"req_[0-9a-f]{32}")
TOKEN = "a-token-that-is-long-enough"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with standing(tmp_path_factory.mktemp("ids")) as made:
        yield made


@pytest.mark.parametrize("given", ["abc-1", "01J9ZQ", "Root=1-67891233-abcdef012345678912345678", "a" * 128])
def test_a_safe_id_is_kept(client: httpx2.Client, given: str) -> None:
    assert client.get("/health", headers={"X-Request-Id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given", ["", "a b", "a" * 129, 'a"b', "a\tb", "<script>", "$(id)", "a;b", "-rf", "ü", "a,b"]
)
def test_an_unsafe_one_is_replaced(client: httpx2.Client, given: str) -> None:
    answer = client.get("/health", headers=[(b"X-Request-Id", given.encode("latin-1"))])
    assert OURS.fullmatch(answer.headers["x-request-id"])


@pytest.mark.parametrize("given", [b"a\nb", b"a\r\nSet-Cookie: x", b"a\x00", b"\xff", b"a\x1b[31m"])
def test_what_no_server_should_pass_on_is_replaced_too(given: bytes) -> None:
    assert OURS.fullmatch(context_of([(b"x-request-id", given)]).id)


@pytest.mark.parametrize(
    "path", ["/health", "/nothing-here", "/conversations/none", "/openapi.json", "/docs"]
)
def test_every_answer_has_one_and_each_another(client: httpx2.Client, path: str) -> None:
    ids = [client.get(path).headers["x-request-id"] for _ in range(2)]
    assert all(map(OURS.fullmatch, ids))
    assert ids[0] != ids[1]


@pytest.mark.anyio
@pytest.mark.parametrize("create", [create_api, create_v1])
async def test_a_failure_that_nobody_foresaw_has_one(create: Callable[..., Any]) -> None:
    def broken() -> Services:
        raise RuntimeError("a secret")

    transport = httpx2.ASGITransport(create(broken), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/personas", headers={"X-Request-Id": "mine"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "mine")
    assert "secret" not in answer.text


def test_refusals_have_one_as_well(make_services: Callable[..., Services]) -> None:
    with served(make_services(api_tokens=(TOKEN,))) as guarded:
        for path in ("/api/personas", "/v1/models", "/v1/nothing"):
            answer = guarded.get(str(guarded.base_url.join(path)), headers={"X-Request-Id": "mine"})
            assert (answer.status_code, answer.headers["x-request-id"]) == (401, "mine")
