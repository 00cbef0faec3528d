"""Browser programs of other origins: with a token, from origins the operator names, and only then."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.api.conftest import standing
from tests.api.wire import problem_of

TOKEN = "a-token-of-many-letters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
APP = "https://app.example.com"
PREFLIGHT = {
    "Origin": APP,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,if-match",
}
PATHS = ["/api/personas", "/v1/models"]


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    origins = f"{APP}, http://localhost:5173"
    folder = tmp_path_factory.mktemp("named")
    with standing(folder, api_tokens=TOKEN, allowed_origins=origins) as made:
        yield made


@pytest.fixture(scope="module")
def anyone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with standing(tmp_path_factory.mktemp("anyone"), api_tokens=TOKEN, allowed_origins="*") as made:
        yield made


@pytest.fixture(scope="module")
def without_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    with standing(tmp_path_factory.mktemp("without"), allowed_origins="*") as made:
        yield made


def root(client: httpx2.Client, path: str) -> httpx2.URL:
    return client.base_url.copy_with(path=path)


def cors_of(response: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control")}


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_of_a_named_origin_is_answered(named: httpx2.Client, path: str) -> None:
    answer = named.options(root(named, path), headers=PREFLIGHT)
    assert answer.status_code == 204
    told = cors_of(answer)
    assert told["access-control-allow-origin"] == APP
    assert "POST" in told["access-control-allow-methods"]
    assert told["access-control-allow-headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    assert "access-control-allow-credentials" not in told
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", [APP, "http://localhost:5173"])
def test_a_named_origin_may_call_with_a_token_and_read_what_it_gets(
    named: httpx2.Client, path: str, origin: str
) -> None:
    answer = named.get(root(named, path), headers=BEARER | {"Origin": origin})
    assert answer.status_code == 200
    assert cors_of(answer)["access-control-allow-origin"] == origin
    assert "ETag" in cors_of(answer)["access-control-expose-headers"]


@pytest.mark.parametrize("authorization", [{}, {"Authorization": "Bearer no-such-token-at-all"}])
def test_without_a_right_token_it_reads_why_not(named: httpx2.Client, authorization: dict[str, str]) -> None:
    answer = named.get("/personas", headers={"Origin": APP} | authorization)
    assert answer.status_code == 401
    assert cors_of(answer)["access-control-allow-origin"] == APP


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "http://app.example.com", "https://app.example.com:8443", "null"),
        *("https://app.example.com.evil.example", "https://xapp.example.com", "http://localhost:5174", ""),
    ],
)
def test_any_other_origin_is_refused_with_a_token_too(named: httpx2.Client, origin: str) -> None:
    for answer in (
        named.get("/personas", headers=BEARER | {"Origin": origin}),
        named.options("/personas", headers=PREFLIGHT | {"Origin": origin}),
    ):
        problem_of(answer, 403, "origin_refused")
        assert not cors_of(answer)
        assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("origin", [APP, "null", "http://127.0.0.1:1"])
def test_a_star_is_every_origin(anyone: httpx2.Client, origin: str) -> None:
    answer = anyone.get("/personas", headers=BEARER | {"Origin": origin})
    assert (answer.status_code, cors_of(answer)["access-control-allow-origin"]) == (200, "*")
    preflight = anyone.options("/personas", headers=PREFLIGHT | {"Origin": origin})
    assert (preflight.status_code, cors_of(preflight)["access-control-allow-origin"]) == (204, "*")
    problem_of(anyone.get("/personas", headers={"Origin": origin}), 401, "token_missing")


def test_open_loopback_stays_closed_to_other_origins(without_tokens: httpx2.Client) -> None:
    for answer in (
        without_tokens.get("/personas", headers={"Origin": APP}),
        without_tokens.options("/personas", headers=PREFLIGHT),
    ):
        problem_of(answer, 403, "origin_refused")
        assert not cors_of(answer)
    assert without_tokens.get("/personas").status_code == 200


def test_a_stream_can_be_read_by_a_named_origin(named: httpx2.Client) -> None:
    body = {"message": "Hi", "personaId": "tester"}
    with named.stream("POST", "/chat", json=body, headers=BEARER | {"Origin": APP}) as answer:
        assert cors_of(answer)["access-control-allow-origin"] == APP
        assert "[DONE]" in "".join(answer.iter_text())
