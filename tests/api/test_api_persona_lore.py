"""A lore book by itself is taken into a persona, handed out again, and tried with a sentence."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.personas.lorebook.books import book, entry

WORLD = {
    "entries": {
        "0": {
            "uid": 0,
            "key": ["pier"],
            "keysecondary": [],
            "comment": "The pier",
            "content": "Rotten.",
            "order": 1,
        },
        "1": {
            "uid": 1,
            "key": ["/(?<=a)b/"],
            "content": "Never. {{setvar::a::b}}",
            "order": 2,
            "disable": False,
        },
    }
}


@pytest.fixture
def nell(client: httpx2.Client) -> str:
    client.post("/personas", json={"id": "nell", "name": "Nell", "systemPrompt": "You are {{char}}."})
    return "/personas/nell/lore"


def keys(client: httpx2.Client) -> list[Any]:
    stored = client.get("/personas/nell").json()["extensions"]["character_book"]["entries"]
    return [
        each.get("key") or each.get("keys")
        for each in (stored.values() if isinstance(stored, dict) else stored)
    ]


def test_world_info_is_taken_into_a_persona(client: httpx2.Client, nell: str) -> None:
    report = client.post(nell, json=WORLD, params={"filename": "world.json"})
    assert report.status_code == 200
    assert report.json()["entries"] == 2
    assert report.json()["warnings"] == [
        "These placeholders are not supported here and stay as written: {{setvar}}.",
        "The key /(?<=a)b/ in its lore uses lookahead, lookbehind or backreferences, so it never matches.",
    ]
    assert report.json()["etag"] in client.get("/personas/nell").headers["etag"]
    assert keys(client) == [["pier"], ["/(?<=a)b/"]]
    (revision, *_) = client.get("/personas/nell/revisions").json()["revisions"]
    assert (revision["action"], revision["note"]) == ("imported", "Lore from world.json")


def test_a_dry_run_changes_nothing(client: httpx2.Client, nell: str) -> None:
    before = client.get("/personas/nell").headers["etag"]
    assert client.post(nell, json=WORLD, params={"dryRun": "true"}).json()["dryRun"] is True
    assert client.get("/personas/nell").headers["etag"] == before
    assert client.post("/personas/nobody/lore", json=WORLD, params={"dryRun": "true"}).status_code == 404


def test_entries_are_added_once_or_put_in_place(client: httpx2.Client, nell: str) -> None:
    client.post(nell, json=WORLD)
    client.post(nell, json=WORLD)
    client.post(nell, json={"spec": "lorebook_v3", "data": book(entry("c", "boat"))})
    assert keys(client) == [["pier"], ["/(?<=a)b/"], ["boat"]]
    client.post(nell, json=book(entry("c", "sail")), params={"mode": "replace"})
    assert keys(client) == [["sail"]]


def test_a_card_s_book_is_taken(client: httpx2.Client, nell: str) -> None:
    data = {"name": "Bo", "character_book": book(entry("c", "boat"))}
    client.post(nell, json={"spec": "chara_card_v2", "data": data})
    assert keys(client) == [["boat"]]


def test_a_book_is_handed_out_as_lorebook_v3(client: httpx2.Client, nell: str) -> None:
    assert client.get(nell).status_code == 404
    client.post(nell, json=book(entry("c", "boat"), scan_depth=2))
    answer = client.get(nell)
    assert answer.json() == {"spec": "lorebook_v3", "data": book(entry("c", "boat"), scan_depth=2)}
    assert "nell-lore.json" in answer.headers["content-disposition"]


def test_a_sentence_is_tried(client: httpx2.Client, nell: str) -> None:
    assert client.post(f"{nell}/test", json={"text": "x"}).json() == {"told": [], "noRoom": []}
    client.post(nell, json=WORLD)
    told = client.post(f"{nell}/test", json={"text": "On the pier"}).json()["told"]
    assert told == [{"number": 0, "name": "The pier", "key": "pier", "text": "Rotten."}]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b'{"entries": 3}', b'{"name": "Ada"}'])
def test_what_is_no_book_is_refused(client: httpx2.Client, nell: str, content: bytes) -> None:
    answer = client.post(nell, content=content, headers={"Content-Type": "application/octet-stream"})
    assert (answer.status_code, answer.json()["code"]) == (422, "import_refused")


def test_a_book_is_no_persona_and_the_way_is_said(client: httpx2.Client) -> None:
    for value in (WORLD, {"spec": "lorebook_v3", "data": book(entry("c", "boat"))}):
        answer = client.post("/personas/import", json=value)
        assert answer.json()["detail"] == "This looks like a lore book (World Info). It contains no persona."
        assert "Lore" in answer.json()["hint"]
