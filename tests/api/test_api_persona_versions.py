"""Revisions over real HTTP: listed, compared, restored; and what was deleted comes back."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.api.test_api_personas import body
from tests.api.wire import problem_of


@pytest.fixture
def thrice(client: httpx2.Client) -> dict[int, str]:
    """A persona of three revisions; the ETag of each."""
    etags = {}
    for number, temperature in ((1, 0.1), (2, 0.2), (3, 0.3)):
        saved = client.post("/personas", json=body(temperature=temperature), params={"note": f"Try {number}"})
        etags[number] = saved.headers["etag"]
    return etags


def numbers(client: httpx2.Client, **query: Any) -> list[int]:
    return [
        each["number"] for each in client.get("/personas/made/revisions", params=query).json()["revisions"]
    ]


def test_every_save_is_listed_with_its_note(client: httpx2.Client, thrice: dict[int, str]) -> None:
    page = client.get("/personas/made/revisions").json()
    assert [(each["number"], each["action"], each["note"]) for each in page["revisions"]] == [
        (3, "saved", "Try 3"),
        (2, "saved", "Try 2"),
        (1, "created", "Try 1"),
    ]
    assert page["nextBefore"] is None
    assert page["revisions"][0]["author"]
    assert f'"{page["revisions"][0]["etag"]}"' == thrice[3]


def test_the_list_comes_in_pages(client: httpx2.Client, thrice: dict[int, str]) -> None:
    first = client.get("/personas/made/revisions", params={"limit": 2}).json()
    assert [each["number"] for each in first["revisions"]] == [3, 2]
    assert numbers(client, before=first["nextBefore"]) == [1]


def test_a_revision_is_read_with_its_text(client: httpx2.Client, thrice: dict[int, str]) -> None:
    found = client.get("/personas/made/revisions/1").json()
    assert found["persona"]["temperature"] == 0.1
    assert '"temperature": 0.1' in found["text"]
    problem_of(client.get("/personas/made/revisions/9"), 404, "revision_not_found")
    problem_of(client.get("/personas/nobody/revisions"), 404, "persona_not_found")


def test_two_revisions_are_compared(client: httpx2.Client, thrice: dict[int, str]) -> None:
    found = client.get("/personas/made/diff", params={"from": 1, "to": 2}).json()
    assert (found["from"], found["to"]) == (1, 2)
    (difference,) = found["differences"]
    assert (difference["path"], difference["kind"]) == (["temperature"], "changed")
    assert (difference["before"], difference["after"]) == (0.1, 0.2)
    now = client.get("/personas/made/diff", params={"from": 1}).json()
    assert (now["to"], now["differences"][0]["after"]) == (None, 0.3)


def test_restoring_makes_a_new_revision(client: httpx2.Client, thrice: dict[int, str]) -> None:
    answer = client.post("/personas/made/restore", json={"revision": 1})
    assert (answer.status_code, answer.json()["temperature"]) == (200, 0.1)
    assert answer.headers["etag"] == thrice[1]
    assert numbers(client) == [4, 3, 2, 1]


def test_restoring_is_guarded_by_the_version_that_was_seen(
    client: httpx2.Client, thrice: dict[int, str]
) -> None:
    stale = {"If-Match": thrice[2]}
    refused = client.post("/personas/made/restore", json={"revision": 1}, headers=stale)
    assert problem_of(refused, 412, "persona_changed")["stored"]["temperature"] == 0.3
    fresh = {"If-Match": f"{thrice[2]}, {thrice[3]}"}
    assert client.post("/personas/made/restore", json={"revision": 1}, headers=fresh).status_code == 200


def test_what_was_deleted_is_listed_and_comes_back(client: httpx2.Client, thrice: dict[int, str]) -> None:
    client.delete("/personas/made")
    (deleted,) = client.get("/personas/deleted").json()["deleted"]
    assert (deleted["personaId"], deleted["number"], deleted["action"]) == ("made", 4, "deleted")
    guarded = client.post("/personas/made/restore", json={"revision": 4}, headers={"If-Match": thrice[3]})
    problem_of(guarded, 412, "persona_changed")
    back = client.post("/personas/made/restore", json={"revision": 4})
    assert (back.status_code, back.headers["location"]) == (201, "/api/personas/made")
    assert client.get("/personas/made").json()["temperature"] == 0.3
    assert client.get("/personas/deleted").json() == {"deleted": []}


@pytest.mark.parametrize("revision", [0, -1, "1", None, 2**40])
def test_what_is_no_number_of_a_revision_is_refused(
    client: httpx2.Client, thrice: dict[int, str], revision: Any
) -> None:
    problem_of(client.post("/personas/made/restore", json={"revision": revision}), 422, "request_invalid")
