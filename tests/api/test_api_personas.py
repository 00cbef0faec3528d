"""Personas over real HTTP: what is saved, how versions guard it, and what is refused."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from personachat.services import Services
from tests.api.wire import problem_of
from tests.conftest import persona_text

JSON = {"Content-Type": "application/json"}


def body(persona_id: str = "made", **keys: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(persona_text(persona_id, **keys))
    return value


def test_the_list_holds_whole_personas(client: httpx2.Client) -> None:
    response = client.get("/personas")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-broken-personas"] == "0"
    (one,) = response.json()
    assert one == body("tester") | {
        "description": "",
        "temperature": 0.7,
        "maxTokens": 1000,
        "model": "gpt-4",
        "personality": {"tone": "", "style": "", "formality": ""},
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "BETA"}, ["b"]),
        ({"q": "about soup"}, ["a"]),
        ({"q": "kitchen"}, ["a", "b"]),
        ({"q": "beta TEST"}, ["b"]),
        ({"id": "b"}, ["b"]),
        ({"id": "nobody"}, []),
        ({"tag": "Kitchen"}, ["a", "b"]),
        ({"tag": "kit"}, []),
        ({"tag": "kitchen", "q": "soup"}, ["a"]),
        ({"q": "\x00"}, []),
    ],
)
def test_the_list_can_be_filtered(client: httpx2.Client, query: dict[str, str], found: list[str]) -> None:
    client.post("/personas", json=body("a", name="Alpha", description="All about soup", tags=["kitchen"]))
    client.post("/personas", json=body("b", name="Beta", tags=["kitchen"]))
    assert [persona["id"] for persona in client.get("/personas", params=query).json()] == found


def test_post_creates_and_then_updates(client: httpx2.Client) -> None:
    created = client.post("/personas", json=body())
    assert created.status_code == 201
    assert created.headers["location"] == "/api/personas/made"
    assert created.json()["systemPrompt"] == "You are a test."
    updated = client.post("/personas", json=body(name="Other"))
    assert updated.status_code == 200
    assert updated.headers["etag"] != created.headers["etag"]
    assert client.get("/personas/made").json()["name"] == "Other"


def test_a_text_keeps_its_layout_and_a_single_line_is_laid_out(
    client: httpx2.Client, services: Services
) -> None:
    text = '{ "id": "made",\n      "name":"Made", "systemPrompt": "caf\u00e9", "temperature": 0.70 }\n'
    client.post("/personas", content=text.encode(), headers=JSON)
    assert services.personas.get("made").text == text
    client.post("/personas", json=body("flat", extensions={"x": [1, {"y": None}]}))
    saved = services.personas.get("flat")
    assert saved.text.startswith('{\n  "id": "flat",\n')
    assert saved.persona.extensions == {"x": [1, {"y": None}]}


def test_create_only_never_overwrites(client: httpx2.Client) -> None:
    create_only = {"If-None-Match": "*"}
    assert client.post("/personas", json=body(), headers=create_only).status_code == 201
    problem_of(client.post("/personas", json=body(name="Mine"), headers=create_only), 412, "persona_exists")
    problem_of(
        client.put("/personas/made", json=body(name="Mine"), headers=create_only), 412, "persona_exists"
    )
    assert client.get("/personas/made").json()["name"] == "Made"


def test_an_etag_guards_an_update_and_a_stale_one_shows_both_versions(client: httpx2.Client) -> None:
    first = client.put("/personas/made", json=body()).headers["etag"]
    assert first.startswith('"')
    second = client.put("/personas/made", json=body(name="Second"), headers={"If-Match": first})
    assert second.status_code == 200
    stale = client.put("/personas/made", json=body(name="Third"), headers={"If-Match": first})
    problem = problem_of(stale, 412, "persona_changed")
    assert problem["stored"]["name"] == "Second"
    assert problem["sent"]["name"] == "Third"
    assert f'"{problem["etag"]}"' == stale.headers["etag"] == second.headers["etag"]
    assert client.get("/personas/made").json()["name"] == "Second"


def test_any_of_several_etags_and_a_star_will_do(client: httpx2.Client) -> None:
    etag = client.put("/personas/made", json=body()).headers["etag"]
    several = client.put("/personas/made", json=body(name="B"), headers={"If-Match": f'"no", {etag}'})
    assert several.status_code == 200
    assert client.put("/personas/made", json=body(name="C"), headers={"If-Match": "*"}).status_code == 200
    none = client.put("/personas/made", json=body(name="D"), headers={"If-Match": '"no", "neither"'})
    problem_of(none, 412, "persona_changed")


@pytest.mark.parametrize("guard", ["*", '"anything"', '"a", "b"'])
def test_a_guarded_update_of_nothing_is_refused(client: httpx2.Client, guard: str) -> None:
    problem = problem_of(
        client.put("/personas/made", json=body(), headers={"If-Match": guard}), 412, "persona_changed"
    )
    assert problem["stored"] is None
    assert problem["etag"] is None


def test_neither_a_weak_etag_nor_a_quoted_star_fits(client: httpx2.Client) -> None:
    etag = client.put("/personas/made", json=body()).headers["etag"]
    for unfit in (f"W/{etag}", '"*"'):
        refused = client.put("/personas/made", json=body(name="B"), headers={"If-Match": unfit})
        problem_of(refused, 412, "persona_changed")


@pytest.mark.parametrize("header", ['"open', 'a"b"c', '"a" "b"', "\xff\xfe"])
def test_an_etag_that_is_none_is_refused(client: httpx2.Client, header: str) -> None:
    headers = {b"If-Match": header.encode("latin-1"), b"Content-Type": b"application/json"}
    response = client.put("/personas/made", content=json.dumps(body()), headers=headers)
    assert response.status_code in {400, 412}
    problem_of(response, response.status_code, response.json()["code"])


def test_what_has_not_changed_is_not_sent_again(client: httpx2.Client) -> None:
    etag = client.get("/personas/tester").headers["etag"]
    for given in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        unchanged = client.get("/personas/tester", headers={"If-None-Match": given})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == etag
    assert client.get("/personas/tester", headers={"If-None-Match": '"other"'}).status_code == 200


def test_concurrent_updates_lose_none(client: httpx2.Client) -> None:
    client.put("/personas/made", json=body(description=""))
    base_url = client.base_url

    def add(number: int) -> None:
        with httpx2.Client(base_url=base_url, timeout=30) as own:
            while True:
                read = own.get("/personas/made")
                value = read.json()
                value["description"] += f"{number},"
                saved = own.put("/personas/made", json=value, headers={"If-Match": read.headers["etag"]})
                if saved.status_code == 200:
                    return
                problem_of(saved, 412, "persona_changed")

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(add, range(18)))
    added = client.get("/personas/made").json()["description"]
    assert sorted(added.strip(",").split(","), key=int) == [str(number) for number in range(18)]


@pytest.mark.parametrize("address", ["/personas/made", "/personas?id=made"])
def test_a_persona_can_be_deleted(client: httpx2.Client, address: str) -> None:
    client.post("/personas", json=body())
    assert client.delete(address).status_code == 204
    problem_of(client.get("/personas/made"), 404, "persona_not_found")
    problem_of(client.delete(address), 404, "persona_not_found")


@pytest.mark.parametrize("address", ["/personas/made", "/personas?id=made"])
def test_a_deletion_can_be_guarded(client: httpx2.Client, address: str) -> None:
    etag = client.post("/personas", json=body()).headers["etag"]
    client.post("/personas", json=body(name="Newer"))
    problem = problem_of(client.delete(address, headers={"If-Match": etag}), 412, "persona_changed")
    assert problem["stored"]["name"] == "Newer"
    newer = client.get("/personas/made").headers["etag"]
    assert client.delete(address, headers={"If-Match": newer}).status_code == 204


def test_a_deletion_needs_an_id(client: httpx2.Client) -> None:
    problem_of(client.delete("/personas"), 422, "request_invalid")
    problem_of(client.delete("/personas?id="), 422, "request_invalid")


def test_the_id_in_the_address_is_the_one_in_the_body(client: httpx2.Client) -> None:
    problem_of(client.put("/personas/other", json=body("made")), 422, "persona_id_mismatch")
    assert client.get("/personas/made").status_code == 404


def test_a_fault_is_named_with_its_place(client: httpx2.Client) -> None:
    text = '{\n  "id": "made",\n  "name": "Made",\n  "systemPromt": "x"\n}'
    problem = problem_of(
        client.post("/personas", content=text.encode(), headers=JSON), 422, "persona_invalid"
    )
    first = problem["problems"][0]
    assert first["line"] in {1, 4}
    assert any("systemPrompt" in found["message"] for found in problem["problems"])


@pytest.mark.parametrize(
    ("raw", "expected", "code"),
    [
        (b"\xff\xfe", 400, "body_not_utf8"),
        (b"", 422, "persona_invalid"),
        (b"[]", 422, "persona_invalid"),
        (b"null", 422, "persona_invalid"),
        (b"[" * 50_000, 422, "persona_invalid"),
        (b'{"id": "x", "id": "y"}', 422, "persona_invalid"),
        (b'{"id": "x", "name": "X", "systemPrompt": "p", "temperature": NaN}', 422, "persona_invalid"),
        (b'{"id": "x", "name": "X", "systemPrompt": "\\ud800"}', 422, "persona_invalid"),
        (b'{"id": "../x", "name": "X", "systemPrompt": "p"}', 422, "persona_invalid"),
        (b'{"id": "con", "name": "X", "systemPrompt": "p"}', 422, "persona_invalid"),
        (b'{"id": "x", "name": "X", "systemPrompt": "p", "baseUrl": "http://e"}', 422, "persona_invalid"),
    ],
)
def test_a_hostile_body_is_refused_and_saves_nothing(
    client: httpx2.Client, raw: bytes, expected: int, code: str
) -> None:
    problem_of(client.post("/personas", content=raw, headers=JSON), expected, code)
    assert [persona["id"] for persona in client.get("/personas").json()] == ["tester"]


@pytest.mark.parametrize(
    "persona_id",
    ["%2e%2e", "..%2f..%2fetc%2fpasswd", "a%00b", "%ff", "con", "TESTER", "tester.json", "x" * 5000, "%20"],
)
def test_a_hostile_id_is_not_found(client: httpx2.Client, persona_id: str) -> None:
    for method in ("GET", "DELETE"):
        response = client.request(method, f"/personas/{persona_id}")
        problem_of(response, 404, response.json()["code"])


def test_a_broken_file_is_told_and_can_be_mended(client: httpx2.Client, services: Services) -> None:
    file = services.settings.personas_dir / "broken.json"
    file.write_text('{\n  "id": "broken",,\n}', "utf-8")
    listed = client.get("/personas")
    assert [persona["id"] for persona in listed.json()] == ["tester"]
    assert listed.headers["x-broken-personas"] == "1"
    (told,) = client.get("/health").json()["brokenPersonas"]
    assert (told["filename"], told["line"]) == ("broken.json", 2)
    broken = client.get("/personas/broken")
    assert problem_of(broken, 409, "persona_broken")["problems"][0]["line"] == 2
    problem_of(client.put("/personas/broken", json=body("broken")), 409, "persona_broken")
    problem_of(client.delete("/personas/broken"), 409, "persona_broken")
    assert file.read_text("utf-8").startswith('{\n  "id": "broken",,')
    mended = client.put("/personas/broken", json=body("broken"), headers={"If-Match": broken.headers["etag"]})
    assert mended.status_code == 200
    assert client.get("/personas/broken").json()["name"] == "Broken"


def test_the_schema_is_the_personas(client: httpx2.Client) -> None:
    schema = client.get("/personas/schema").json()
    assert {"id", "name", "systemPrompt"} <= set(schema["required"])
    assert schema["additionalProperties"] is False


def test_a_write_that_wants_a_new_persona_and_a_certain_version_is_refused(client: httpx2.Client) -> None:
    headers = {"If-Match": '"abc"', "If-None-Match": "*"}
    refused = client.post("/personas", json=json.loads(persona_text("fresh")), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "condition_invalid")
    assert client.get("/personas/fresh").status_code == 404
