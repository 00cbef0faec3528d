"""Personas as files over real HTTP: out in every format, a word before they come in, hostile ones refused."""

from __future__ import annotations

import io
import json
import socket
import zipfile
from typing import Any

import httpx2
import pytest

from personachat.api.auth import IMPORTS
from personachat.personas.formats.catalogue import FORMATS, Format
from tests.api.test_api_personas import body
from tests.api.wire import problem_of

MAX_IMPORT_BYTES = IMPORTS["/personas/import"]
FILE = {"Content-Type": "application/octet-stream"}


def imported(client: httpx2.Client, content: bytes, **query: Any) -> httpx2.Response:
    return client.post("/personas/import", content=content, params=query, headers=FILE)


@pytest.mark.parametrize("kind", list(FORMATS))
def test_a_persona_is_exported_in_every_format(client: httpx2.Client, kind: Format) -> None:
    answer = client.get("/personas/tester/export", params={"format": kind})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(FORMATS[kind].media_type)
    assert FORMATS[kind].ending in answer.headers["content-disposition"]
    report = client.get("/personas/tester/export", params={"format": kind, "report": True}).json()
    assert (report["format"], len(report["losses"])) == (kind, int(answer.headers["x-export-losses"]))


@pytest.mark.parametrize("kind", ["json", "card-v2", "card-v3", "card-png", "charx", "bundle"])
def test_what_was_exported_comes_back_the_same(client: httpx2.Client, kind: str) -> None:
    client.post("/personas", json=body(greeting="Hello {{user}}", temperature=0.3, extensions={"x": [1]}))
    before = client.get("/personas/made").json()
    content = client.get("/personas/made/export", params={"format": kind}).content
    client.delete("/personas/made")
    report = imported(client, content).json()
    (item,) = report["items"]
    assert (item["action"], item["result"], item["savedId"]) == ("new", "created", "made")
    assert client.get("/personas/made").json() == before


def test_several_personas_are_a_bundle(client: httpx2.Client) -> None:
    client.post("/personas", json=body())
    bundle = client.get("/personas/export", params={"ids": "made,tester"}).content
    names = zipfile.ZipFile(io.BytesIO(bundle)).namelist()
    assert {"manifest.json", "personas/made.json", "personas/tester.json"} == set(names)
    assert len(client.get("/personas/export").content) > 100
    problem_of(client.get("/personas/export", params={"ids": "nobody"}), 404, "persona_not_found")
    problem_of(client.get("/personas/export", params={"ids": ","}), 422, "request_invalid")


def test_a_dry_run_tells_and_saves_nothing(client: httpx2.Client) -> None:
    content = json.dumps([body("fresh"), body("tester", temperature=0.1)]).encode()
    report = imported(client, content, dryRun=True).json()
    assert report["dryRun"] is True
    assert [(item["id"], item["action"], item["result"]) for item in report["items"]] == [
        ("fresh", "new", None),
        ("tester", "conflict", None),
    ]
    assert "temperature" in [each["path"][0] for each in report["items"][1]["differences"]]
    assert [persona["id"] for persona in client.get("/personas").json()] == ["tester"]


def test_a_conflict_imports_nothing_unless_that_was_chosen(client: httpx2.Client) -> None:
    content = json.dumps([body("fresh"), body("tester", temperature=0.1)]).encode()
    refused = problem_of(imported(client, content), 409, "import_conflict")
    assert [item["action"] for item in refused["items"]] == ["new", "conflict"]
    assert [persona["id"] for persona in client.get("/personas").json()] == ["tester"]
    renamed = imported(client, content, onConflict="rename").json()["items"]
    assert [item["result"] for item in renamed] == ["created", "renamed"]
    assert client.get("/personas/tester").json()["temperature"] == 0.7
    replaced = imported(client, content, onConflict="replace").json()["items"]
    assert [item["result"] for item in replaced] == ["kept", "updated"]
    assert client.get("/personas/tester").json()["temperature"] == 0.1


def test_a_character_card_becomes_a_persona(client: httpx2.Client) -> None:
    card = {
        "spec": "chara_card_v2",
        "spec_version": "2.0",
        "data": {
            "name": "Nell",
            "description": "A baker.",
            "personality": "",
            "scenario": "",
            "first_mes": "Good morning, {{user}}!",
            "mes_example": "<START>\n{{user}}: Bread?\n{{char}}: Fresh.",
            "creator_notes": "For the morning.",
            "system_prompt": "",
            "post_history_instructions": "",
            "alternate_greetings": ["Still here?"],
            "tags": ["food"],
            "creator": "someone",
            "character_version": "1",
            "extensions": {"other/tool": {"kept": True}},
        },
    }
    (item,) = imported(client, json.dumps(card).encode(), filename="nell.json").json()["items"]
    persona = client.get(f"/personas/{item['savedId']}").json()
    assert "A baker." in persona["systemPrompt"]
    assert persona["greeting"] == "Good morning, {{user}}!"
    assert persona["alternateGreetings"] == ["Still here?"]
    assert persona["examples"] == [{"user": "Bread?", "assistant": "Fresh."}]
    assert persona["description"] == "For the morning."
    assert persona["extensions"]["other/tool"] == {"kept": True}
    (newest,) = client.get("/personas/nell/revisions").json()["revisions"]
    assert (newest["action"], newest["note"]) == ("imported", "From nell.json")


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"{", b"[]", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b'{"spec": "chara_card_v9"}']
)
def test_what_cannot_be_read_is_refused_in_a_sentence(client: httpx2.Client, content: bytes) -> None:
    answer = imported(client, content)
    assert answer.json()["code"] in {"import_refused", "persona_invalid"}
    assert answer.status_code == 422


def test_a_form_with_a_file_is_taken_as_curl_sends_it(client: httpx2.Client) -> None:
    agent = {"name": "Clerk", "instructions": "You are a clerk.", "tools": [], "model": "fake-2"}
    answer = client.post("/personas/import", files={"file": ("clerk.json", json.dumps(agent).encode())})
    (item,) = answer.json()["items"]
    assert (item["result"], item["looksLike"]) == ("created", "an OpenAI assistant")
    (newest,) = client.get("/personas/clerk/revisions").json()["revisions"]
    assert newest["note"] == "From clerk.json"
    problem_of(client.post("/personas/import", files={"a": (None, "b")}), 422, "request_invalid")


def test_one_broken_file_does_not_refuse_the_others_unless_that_is_asked(client: httpx2.Client) -> None:
    files = [
        ("file", ("one.json", json.dumps(body("one")).encode())),
        ("file", ("two.json", b'{"id": ')),
        ("file", ("three.md", b"---\nname: three\n---\nYou are the third.")),
    ]
    refused = client.post("/personas/import", files=files, params={"allOrNothing": True})
    problem_of(refused, 422, "import_refused")
    assert [persona["id"] for persona in client.get("/personas").json()] == ["tester"]
    report = client.post("/personas/import", files=files).json()
    assert [item["id"] for item in report["items"]] == ["one", "three"]
    assert [(each["file"], each["broken"]) for each in report["skipped"]] == [("two.json", True)]


def test_a_long_archive_is_read_from_the_disk(client: httpx2.Client) -> None:
    card = {"spec": "chara_card_v3", "data": {"name": "Big", "description": "d", "first_mes": "Hi"}}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("card.json", json.dumps(card))
        packed.writestr("assets/a.bin", bytes(40_000_000))
    answer = client.post("/personas/import", files={"file": ("big.charx", made.getvalue())}, timeout=60)
    assert [item["id"] for item in answer.json()["items"]] == ["big"]


def test_columns_of_a_table_can_be_chosen(client: httpx2.Client) -> None:
    content = b"who,what\nAnn,You are the first\nBen,You are the second\n"
    report = imported(client, content, dryRun=True).json()
    assert report["columns"] == {"names": ["who", "what"], "chosen": {"prompt": "what", "name": "who"}}
    chosen = imported(client, content, dryRun=True, columns="prompt=who,name=what").json()
    assert chosen["items"][0]["name"] == "You are the first"
    problem_of(imported(client, content, columns="nonsense=who"), 422, "request_invalid")


def test_a_conflict_names_what_it_collides_with(client: httpx2.Client) -> None:
    client.post("/personas", json=body("clerk", name="Clerk"))
    agent = {"name": "Clerk", "instructions": "You are a clerk.", "tools": []}
    refused = problem_of(imported(client, json.dumps(agent).encode()), 409, "import_conflict")
    assert refused["items"][0]["collidesWith"] == "Clerk (clerk)"
    assert "Clerk (clerk)" in refused["detail"]


def test_a_text_of_another_program_is_named_where_a_persona_is_expected(client: httpx2.Client) -> None:
    agent = {"name": "Clerk", "instructions": "You are a clerk.", "tools": []}
    refused = problem_of(client.post("/personas", json=agent), 422, "persona_invalid")
    assert refused["hint"] == "This looks like an OpenAI assistant. Import it instead."


def test_a_file_that_is_too_large_is_refused(client: httpx2.Client) -> None:
    problem_of(imported(client, b"x" * (MAX_IMPORT_BYTES + 1)), 413, "body_too_large")


def test_a_file_that_says_it_is_too_large_is_refused_before_any_of_it_has_come(client: httpx2.Client) -> None:
    head = (
        "POST /api/personas/import HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: {FILE['Content-Type']}\r\nContent-Length: {MAX_IMPORT_BYTES + 1}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=20) as line:
        line.sendall(head.encode())
        assert line.recv(100).startswith(b"HTTP/1.1 413 ")


def test_other_endpoints_still_take_json_alone(client: httpx2.Client) -> None:
    problem_of(client.post("/personas", content=b"{}", headers=FILE), 415, "not_json")


def test_a_link_carries_a_persona_and_a_short_one_can_be_revoked(client: httpx2.Client) -> None:
    link = client.post("/personas/tester/share").json()
    assert link["kind"] == "link"
    assert link["path"].startswith("/received?persona=")
    short = client.post("/personas/tester/share", params={"short": True}).json()
    token = short["path"].partition("token=")[2]
    assert client.get(f"/personas/shared/{token}").json()["id"] == "tester"
    assert client.delete("/personas/tester/share").status_code == 204
    problem_of(client.get(f"/personas/shared/{token}"), 404, "share_not_found")
    problem_of(client.post("/personas/nobody/share"), 404, "persona_not_found")
