"""Under a path: the same addresses as at the root, each below it, and nothing that leads out of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from personachat.api.app import ApiFirst, create_api
from personachat.api.metrics import Metrics
from personachat.api.v1.app import create_v1
from personachat.errors import SettingsInvalid
from personachat.front.base_path import BasePath
from personachat.services import build_services
from personachat.settings import APP, load_settings
from personachat.settings.values import TAKEN_PATHS
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.migrated import put_database_in

BASE = "/tools/personas-tool"
TOKEN = {"Authorization": "Bearer a-token-of-many-letters"}
KEPT, STRIPPED = BASE, ""
"""What a proxy lets through of the path."""


async def page(request: Request) -> Response:
    answer = PlainTextResponse(request.url.path)
    answer.set_cookie("all", "1", path="/")
    answer.set_cookie("some", "1", path="/elsewhere")
    return answer


async def leads_away(request: Request) -> Response:
    return RedirectResponse(request.query_params["to"])


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(socket.url.path)
    await socket.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with FakeProvider() as fake, serving(tmp_path_factory, fake.base_url) as made:
        yield made


@contextmanager
def serving(tmp_path_factory: pytest.TempPathFactory, provider: str) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("base_path")
    put_database_in(folder / "data")
    token = TOKEN["Authorization"].partition(" ")[2]
    services = build_services(
        load_settings(
            openai_base_url=provider,
            openai_api_key="sk-test",
            data_dir=folder / "data",
            personas_dir=folder / "personas",
            api_tokens=token,
            metrics_token=token,
            base_path=BASE,
        )
    )
    services.personas.save(persona_text())
    routes = [
        Route("/leads", leads_away),
        WebSocketRoute("/_stcore/stream", echo),
        Route("/{rest:path}", page),
    ]
    apps: dict[str, Any] = {
        "api": create_api(lambda: services, base_path=BASE),
        "v1": create_v1(lambda: services),
        "metrics": Metrics(lambda: services),
    }
    app = BasePath(ApiFirst(Starlette(routes=routes), **apps), base_path=BASE)
    with TestClient(app, headers=TOKEN, follow_redirects=False) as made:
        yield made
    services.close()


@pytest.mark.parametrize("before", [KEPT, STRIPPED])
@pytest.mark.parametrize("path", ["/api/personas", "/api/health", "/v1/models", "/metrics"])
def test_programs_find_their_addresses_below_it(client: TestClient, before: str, path: str) -> None:
    assert client.get(before + path).status_code == 200


@pytest.mark.parametrize("before", [KEPT, STRIPPED])
def test_what_answers_say_of_addresses_is_below_it(client: TestClient, before: str) -> None:
    made = client.post(f"{before}/api/personas", json=json.loads(persona_text("fresh")))
    assert made.headers["location"] == f"{BASE}/api/personas/fresh"
    renamed = client.post(f"{before}/api/personas/fresh/rename", json={"id": "renamed"})
    assert renamed.headers["location"] == f"{BASE}/api/personas/renamed"
    moved = client.get(f"{before}/api/personas/fresh?pretty=1")
    assert moved.headers["location"] == f"{BASE}/api/personas/renamed?pretty=1"
    assert client.get(f"{before}/api").headers["location"] == f"{BASE}/api/docs"
    assert client.get(f"{before}/api/openapi.json").json()["servers"] == [{"url": f"{BASE}/api"}]
    client.delete(f"{before}/api/personas/renamed")


def test_share_links_are_below_it(client: TestClient) -> None:
    whole, short = (
        client.post("/api/personas/tester/share", params={"short": short}).json()["path"]
        for short in (False, True)
    )
    assert whole.startswith(f"{BASE}/received?persona=")
    assert short.startswith(f"{BASE}/received?token=")
    client.post("/api/chat", json={"message": "Hi", "personaId": "tester"})
    chat = client.get("/api/conversations").json()["conversations"][0]["id"]
    assert client.post(f"/api/conversations/{chat}/share").json()["url"].startswith(f"{BASE}/shared?token=")


@pytest.mark.parametrize("query", ["", "?chat=1&edit=a%20b"])
def test_without_its_slash_it_leads_to_the_pages_once(client: TestClient, query: str) -> None:
    answer = client.get(BASE + query)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{BASE}/{query}")
    assert client.get(answer.headers["location"]).text == "/"


@pytest.mark.parametrize("path", [f"{BASE}er", "/tools", "/tools/other", f"/x{BASE}/history"])
def test_only_the_whole_path_counts(client: TestClient, path: str) -> None:
    assert client.get(path).text == path


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("/history", f"{BASE}/history"),
        ("docs", "docs"),
        ("../mcp", "../mcp"),
        ("https://login.example/start", "https://login.example/start"),
        ("//evil.example/x", "//evil.example/x"),
    ],
)
def test_redirects_stay_below_it_and_foreign_ones_as_they_are(
    client: TestClient, to: str, location: str
) -> None:
    assert client.get(f"{BASE}/leads", params={"to": to}).headers["location"] == location


def test_cookies_are_not_shown_to_what_else_is_on_the_host(client: TestClient) -> None:
    paths = [
        cookie.partition("Path=")[2].partition(";")[0]
        for cookie in client.get("/").headers.get_list("set-cookie")
    ]
    assert paths == [BASE, "/elsewhere"]


@pytest.mark.parametrize("before", [KEPT, STRIPPED])
def test_the_pages_connection_is_below_it(client: TestClient, before: str) -> None:
    with client.websocket_connect(f"{before}/_stcore/stream") as socket:
        assert socket.receive_text() == "/_stcore/stream"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", ""),
        ("/", ""),
        ("personas-tool", "/personas-tool"),
        ("/personas-tool/", "/personas-tool"),
        (" /a/b.c/~d/ ", "/a/b.c/~d"),
    ],
)
def test_slashes_around_it_do_not_matter(written: str, meant: str, tmp_path: Path) -> None:
    assert load_settings(base_path=written).base_path == meant


NO_PATHS = ("https://a.example/x", "/a b", "/a//b", "/../x", "/./x", "/a?b", "/a#b", "/%61", "/ä", "/x\ny")
OUR_OWN = ("/api", "/API/x", "/v1", "mcp", "/history", "/_stcore/x", "/static", "/personas")


@pytest.mark.parametrize("value", NO_PATHS + OUR_OWN)
def test_what_is_no_path_or_one_of_our_own_stops_the_start(value: str) -> None:
    with pytest.raises(SettingsInvalid, match="PERSONACHAT_BASE_PATH can't be used"):
        load_settings(base_path=value)


def test_every_address_of_the_pages_is_our_own() -> None:
    pages = {page.stem for page in (APP / "pages").glob("*.py")}
    assert pages <= TAKEN_PATHS
