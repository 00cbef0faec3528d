"""Renamed personas and labelled revisions over real HTTP."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from personachat.api.app import create_api
from personachat.personas.fields import RESERVED_IDS
from personachat.services import Services
from tests.api.test_api_personas import body
from tests.api.wire import problem_of


@pytest.fixture
def made(client: httpx2.Client) -> str:
    """A persona of two revisions; its ETag."""
    client.post("/personas", json=body(temperature=0.1))
    return client.post("/personas", json=body(temperature=0.2)).headers["etag"]


def rename(client: httpx2.Client, old: str, new: str, **headers: str) -> httpx2.Response:
    return client.post(f"/personas/{old}/rename", json={"id": new}, headers=headers)


def test_the_old_address_leads_to_the_new_one_until_it_is_taken(client: httpx2.Client, made: str) -> None:
    renamed = rename(client, "made", "fresh")
    assert renamed.status_code == 200
    assert renamed.json()["id"] == "fresh"
    assert renamed.headers["location"] == "/api/personas/fresh"

    for method, path in (
        ("GET", "/personas/made"),
        ("DELETE", "/personas/made"),
        ("GET", "/personas/made/revisions?limit=1"),
        ("GET", "/personas/made/revisions/1"),
        ("GET", "/personas/made/diff?from=1"),
        ("GET", "/personas/made/export?format=card-v2"),
        ("GET", "/personas/made/labels"),
        ("POST", "/personas/made/share"),
    ):
        moved = client.request(method, path)
        assert moved.status_code == 308, path
        assert moved.json()["status"] == 308, path
        assert moved.headers["location"] == "/api" + path.replace("/made", "/fresh", 1)
        assert moved.json()["renamedTo"] == "fresh"
    assert client.get("/personas/made", follow_redirects=True).json()["id"] == "fresh"
    problem_of(client.get("/personas/made2"), 404, "persona_not_found")

    assert client.post("/personas", json=body(name="Another")).status_code == 201
    assert client.get("/personas/made").json()["name"] == "Another"
    assert client.get("/personas/fresh").json()["temperature"] == 0.2


def test_renaming_keeps_to_the_rules_of_etags(client: httpx2.Client, made: str) -> None:
    problem_of(rename(client, "made", "fresh", **{"If-Match": '"older"'}), 412, "persona_changed")
    assert rename(client, "made", "fresh", **{"If-Match": made}).status_code == 200


@pytest.mark.parametrize("new", ["Not An Id", "con", *sorted(RESERVED_IDS)])
def test_an_id_that_cannot_be_one_is_refused_with_a_sentence(
    client: httpx2.Client, made: str, new: str
) -> None:
    assert new in problem_of(rename(client, "made", new), 422, "persona_invalid")["detail"]


def test_an_id_that_is_taken_is_refused(client: httpx2.Client, made: str) -> None:
    client.post("/personas", json=body(id="other"))
    problem_of(rename(client, "made", "other"), 412, "persona_exists")
    problem_of(rename(client, "nobody", "fresh"), 404, "persona_not_found")


def test_every_address_that_is_no_persona_is_reserved() -> None:
    paths = create_api().openapi()["paths"]
    literal = {path.split("/")[2] for path in paths if path.startswith("/personas/")}
    assert {each for each in literal if not each.startswith("{")} == RESERVED_IDS


def test_a_chat_goes_on_with_the_renamed_persona(client: httpx2.Client, made: str) -> None:
    said = {"message": "Hello", "personaId": "made"}
    first = client.post("/chat", json=said, headers={"Accept": "application/json"}).json()
    rename(client, "made", "fresh")
    conversation = client.get(f"/conversations/{first['conversationId']}").json()
    assert {message["personaId"] for message in conversation["messages"]} == {"fresh"}
    again = client.post("/chat", json=said, headers={"Accept": "application/json"})
    assert again.status_code == 200


# --- labels -------------------------------------------------------------------------------------------


def label(client: httpx2.Client, name: str, revision: int | None = None) -> httpx2.Response:
    return client.put(
        f"/personas/made/labels/{name}", json={} if revision is None else {"revision": revision}
    )


def test_a_label_is_on_one_revision_and_its_moves_are_recorded(client: httpx2.Client, made: str) -> None:
    assert label(client, "production", 1).status_code == 200
    label(client, "staging")
    answer = label(client, "production", 2).json()
    label(client, "production", 2)

    assert [(each["label"], each["revision"]) for each in answer["labels"]] == [
        ("production", 2),
        ("staging", 2),
    ]
    listed = client.get("/personas/made/revisions").json()["revisions"]
    assert [each["labels"] for each in listed] == [["production", "staging"], []]
    assert client.delete("/personas/made/labels/staging").status_code == 204
    moves = client.get("/personas/made/labels").json()["moves"]
    assert [(each["label"], each["revision"]) for each in moves] == [
        ("staging", None),
        ("production", 2),
        ("staging", 2),
        ("production", 1),
    ]
    assert all(each["movedBy"] and each["movedAt"] for each in moves)


def test_what_cannot_be_labelled_is_refused(client: httpx2.Client, made: str) -> None:
    for name in ("Production", "a b", "7", "x" * 33, "-a"):
        problem_of(label(client, name, 1), 422, "label_invalid")
    problem_of(label(client, "production", 9), 404, "revision_not_found")
    problem_of(client.delete("/personas/made/labels/production"), 404, "label_not_found")
    problem_of(client.put("/personas/nobody/labels/a", json={}), 404, "persona_not_found")


def test_a_labelled_revision_is_read_and_answers(client: httpx2.Client, made: str, fake: Any) -> None:
    label(client, "production", 1)

    assert client.get("/personas/made@production").json()["temperature"] == 0.1
    for persona_id, temperature in (("made", 0.2), ("made@production", 0.1)):
        said = {"message": "Hello", "personaId": persona_id}
        answer = client.post("/chat", json=said, headers={"Accept": "application/json"})
        assert answer.status_code == 200
        assert fake.requests[-1].body["temperature"] == temperature
    unknown = problem_of(client.get("/personas/made@nope"), 404, "label_not_found")
    assert "production" in unknown["hint"]
    problem_of(client.post("/chat", json={"message": "Hi", "personaId": "made@"}), 404, "label_not_found")
    problem_of(client.get("/personas/nobody@production"), 404, "persona_not_found")


def test_a_label_goes_along_when_the_persona_is_renamed(client: httpx2.Client, made: str) -> None:
    label(client, "production", 1)
    rename(client, "made", "fresh")

    found = client.get("/personas/fresh@production").json()
    assert (found["id"], found["temperature"]) == ("fresh", 0.1)
    assert client.get("/personas/made@production").json() == found


def test_a_label_answers_while_the_file_is_broken(
    client: httpx2.Client, made: str, services: Services
) -> None:
    label(client, "production", 1)
    (services.settings.personas_dir / "made.json").write_text("{")
    problem_of(client.get("/personas/made"), 409, "persona_broken")
    assert client.get("/personas/made@production").json()["temperature"] == 0.1
