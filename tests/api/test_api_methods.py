"""Every route with every method: a wrong one is 405 and names the right ones, HEAD is GET without a body."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest

from personachat.services import Services
from tests.api.descriptions import descriptions
from tests.api.mcp.conftest import serving
from tests.migrated import put_database_in

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")

HIDDEN = {"/openapi.json": {"GET"}, "/docs": {"GET"}, "/": {"GET"}}
"""What the description does not describe."""


def described(paths: dict[str, dict[str, object]]) -> dict[str, set[str]]:
    known = {method.lower() for method in METHODS}
    return {path: {name.upper() for name in found if name in known} for path, found in paths.items()}


ROUTES = {
    "/api": described(descriptions()["/api"]["paths"]) | HIDDEN,
    "/v1": described(descriptions()["/v1"]["paths"]) | {"/openapi.json": {"GET"}},
    "/mcp": {"": {"GET", "POST", "DELETE"}, "/": {"GET", "POST", "DELETE"}},
}
PATHS = [(base, path) for base, routes in ROUTES.items() for path in routes]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from personachat.services import build_services
    from personachat.settings import load_settings
    from tests.conftest import persona_text
    from tests.fake_provider import FakeProvider

    folder = tmp_path_factory.mktemp("methods")
    put_database_in(folder / "data")
    with FakeProvider() as fake:
        services: Services = build_services(
            load_settings(
                openai_base_url=fake.base_url,
                openai_api_key="sk-test",
                personas_dir=folder / "personas",
                data_dir=folder / "data",
            )
        )
        services.personas.save(persona_text())
        try:
            with serving(services) as server:
                yield server.url.removesuffix("/mcp")
        finally:
            services.close()


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "tester", path)


def allowed(base: str, path: str) -> set[str]:
    """The methods of the route that is this path to the letter, else of all that it fits."""
    found = set(ROUTES[base].get(path, ()))
    if found:
        return found | {"HEAD"} if "GET" in found else found
    for template, methods in ROUTES[base].items():
        if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", template), path):
            found |= methods
    return found | {"HEAD"} if "GET" in found else found


@pytest.mark.parametrize(("base", "template"), PATHS)
def test_a_wrong_method_is_405_and_the_right_ones_are_named(address: str, base: str, template: str) -> None:
    path = filled(template)
    right = allowed(base, path)
    for method in METHODS:
        if method in right:
            continue
        answer = httpx2.request(method, f"{address}{base}{path}", timeout=20)
        assert answer.status_code == 405, (method, answer.text)
        assert set(answer.headers["allow"].split(", ")) == right
        if method == "HEAD":
            assert not answer.content
        elif base == "/v1":
            assert answer.json()["error"]["type"] == "invalid_request_error"
        else:
            assert answer.json().get("code", "method_not_allowed") == "method_not_allowed"


@pytest.mark.parametrize(
    ("base", "template"), [(base, path) for base, path in PATHS if "GET" in ROUTES[base][path]]
)
def test_head_is_get_without_a_body(address: str, base: str, template: str) -> None:
    url = f"{address}{base}{filled(template)}"
    got, head = httpx2.get(url, timeout=20), httpx2.head(url, timeout=20)
    assert (head.status_code, head.content) == (got.status_code, b"")
    for name in ("content-type", "content-length", "etag", "location"):
        assert head.headers.get(name) == got.headers.get(name), name


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/api/nothing", "/api/personas/tester/nothing", "/v1/nothing"])
def test_where_there_is_nothing_no_method_is_possible(address: str, path: str, method: str) -> None:
    answer = httpx2.request(method, f"{address}{path}", timeout=20)
    assert answer.status_code == 404
    assert "allow" not in answer.headers


def test_head_of_a_stream_does_not_wait_for_its_end(address: str) -> None:
    begun = httpx2.post(f"{address}/api/chat", json={"message": "Hi", "personaId": "tester"}, timeout=20)
    message_id = re.search('"messageId": ?"([^"]+)"', begun.text)
    assert message_id
    head = httpx2.head(f"{address}/api/chat/{message_id[1]}/events", timeout=20)
    assert head.status_code == 200
    assert head.headers["content-type"].startswith("text/event-stream")
    assert not head.content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_the_front_door_of_the_api_takes_get_alone(address: str, method: str) -> None:
    answer = httpx2.request(method, f"{address}/api", timeout=20)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
