"""Conversations over HTTP: found, read, arranged, forked, exported, imported and shared."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from personachat.api.auth import IMPORTS, MAX_BODY_BYTES
from personachat.api.schemas import disposition
from personachat.history.sharing import SharedConversations
from personachat.services import Services
from tests.api.wire import chatting, problem_of, said, streamed
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, Gate, chunk, events, tokens

JSON = {"Content-Type": "application/json"}

MAX_IMPORT_BYTES = IMPORTS["/conversations/import"]


def begun(client: httpx2.Client, message: str = "Hi", **body: Any) -> str:
    conversation_id: str = said(client, message, **body)[0].data["conversationId"]
    return conversation_id


def listed(client: httpx2.Client, **query: Any) -> list[str]:
    response = client.get("/conversations", params=query)
    assert response.status_code == 200, response.text
    return [each["id"] for each in response.json()["conversations"]]


# --- lists ----------------------------------------------------------------------------------------


def test_the_list_is_newest_first_and_says_what_each_is(client: httpx2.Client) -> None:
    first, second = begun(client, "About cats"), begun(client, "About dogs")
    assert listed(client) == [second, first]
    said(client, "More of cats", conversationId=first)
    newest = client.get("/conversations").json()["conversations"][0]
    assert (newest["id"], newest["personaId"], newest["personaName"]) == (first, "tester", "Tester")
    assert newest["title"]
    assert (newest["pinned"], newest["archived"], newest["shared"]) == (False, False, False)
    assert newest["messageCount"] == 4
    for key in ("createdAt", "updatedAt"):
        moment = datetime.fromisoformat(newest[key])
        assert abs(datetime.now(UTC) - moment) < timedelta(minutes=5)


def test_a_list_comes_in_pages_that_have_each_conversation_once(client: httpx2.Client) -> None:
    ids = [begun(client, f"number {number}") for number in range(5)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = client.get("/conversations", params={"limit": "2"} | cursor).json()
        assert len(page["conversations"]) <= 2
        found += [each["id"] for each in page["conversations"]]
        if page["nextCursor"] is None:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert found == ids[::-1]


def test_a_search_gives_the_conversations_with_the_words_around_the_hit(client: httpx2.Client) -> None:
    cats, _ = begun(client, "Tell me of cats"), begun(client, "Tell me of dogs")
    found = client.get("/conversations", params={"q": "cats"}).json()["conversations"]
    assert [each["id"] for each in found] == [cats]
    assert "cats" in found[0]["excerpt"]
    messages = client.get(f"/conversations/{cats}").json()["messages"]
    assert found[0]["messageId"] in [message["id"] for message in messages]


def test_filters_narrow_the_list(client: httpx2.Client, services: Services) -> None:
    services.personas.save(persona_text("other", model="fake-2"))
    mine, other = begun(client), begun(client, personaId="other")
    reply = client.get(f"/conversations/{other}").json()["messages"][-1]["id"]
    client.patch(f"/messages/{reply}", json={"rating": "down"})
    today = datetime.now(UTC).date()
    assert listed(client, personaId="other") == [other]
    assert listed(client, model="fake-2") == [other]
    assert listed(client, rating="down") == [other]
    assert listed(client, rating="up") == []
    assert listed(client, personaId="nobody") == []
    near = {"since": str(today - timedelta(days=1)), "until": str(today + timedelta(days=1))}
    assert set(listed(client, **near)) == {mine, other}
    assert listed(client, since=str(today + timedelta(days=1))) == []
    assert listed(client, until=str(today - timedelta(days=1))) == []
    assert set(listed(client, since="0001-01-01", until="9999-12-31")) == {mine, other}
    assert listed(client, q="Hi", personaId="other") == [other]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "0"}, "request_invalid"),
        ({"limit": "101"}, "request_invalid"),
        ({"limit": "many"}, "request_invalid"),
        ({"rating": "1"}, "request_invalid"),
        ({"since": "yesterday"}, "request_invalid"),
        ({"since": "1700000000"}, "request_invalid"),
        ({"until": "2026-02-30"}, "request_invalid"),
        ({"cursor": "nonsense"}, "cursor_invalid"),
        ({"cursor": "nonsense", "q": "words"}, "cursor_invalid"),
        ({"archived": "perhaps"}, "request_invalid"),
        ({"q": "x" * 1001}, "request_invalid"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    client: httpx2.Client, query: dict[str, str], code: str
) -> None:
    problem_of(client.get("/conversations", params=query), 422, code)


@pytest.mark.parametrize(
    "q", ['"', "* OR", "a' OR 1=1 --", "NEAR(", "%_\\", "\0", "\ufffd", "日本", "🤔", "-"]
)
def test_any_text_can_be_searched(client: httpx2.Client, q: str) -> None:
    begun(client, "About cats")
    assert client.get("/conversations", params={"q": q}).status_code == 200


# --- one conversation -----------------------------------------------------------------------------


def test_a_conversation_is_read_with_all_that_is_known(client: httpx2.Client, fake: FakeProvider) -> None:
    usage = {
        "object": "chat.completion.chunk",
        "choices": [],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2},
    }
    fake.enqueue(events(chunk({"reasoning_content": "Hm."}), chunk("Yes."), chunk({}, finish="stop"), usage))
    conversation_id = begun(client, "Really?")
    read = client.get(f"/conversations/{conversation_id}").json()
    assert (read["id"], read["personaId"], read["temporary"]) == (conversation_id, "tester", False)
    asked, answered = read["messages"]
    assert (asked["role"], asked["content"], asked["parentId"], asked["state"]) == (
        "user",
        "Really?",
        None,
        None,
    )
    assert answered == answered | {
        "parentId": asked["id"],
        "role": "assistant",
        "content": "Yes.",
        "state": "finished",
        "reasoning": "Hm.",
        "personaId": "tester",
        "personaName": "Tester",
        "model": "gpt-4",
        "provider": "openai",
        "usage": {"promptTokens": 7, "completionTokens": 2},
        "costUsd": pytest.approx(0.00033),
        "finishReason": "stop",
        "error": None,
        "edited": False,
        "rating": None,
        "siblings": [],
    }
    assert read["leafId"] == answered["id"]


def test_a_live_reply_is_read_as_it_is_now(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["so far", Gate()]))
    with chatting(client) as (_, stream):
        start = next(stream).data
        next(event for event in stream if event.name == "delta")
        live = client.get(f"/conversations/{start['conversationId']}").json()["messages"][-1]
        assert (live["state"], live["content"], live["id"]) == ("running", "so far", start["messageId"])
        client.post(f"/chat/{start['messageId']}/stop")


def test_the_tree_has_the_messages_of_every_branch(client: httpx2.Client) -> None:
    start = said(client, "Hi")[0].data
    path = f"/conversations/{start['conversationId']}"
    with streamed(client, "POST", f"/chat/{start['messageId']}/regenerate") as (_, stream):
        second = next(stream).data["messageId"]
        list(stream)
    tree = client.get(path, params={"tree": "true"}).json()
    assert {message["id"] for message in tree["messages"]} >= {start["messageId"], second}
    assert tree["leafId"] == second
    assert len(tree["messages"]) == 3
    assert tree["messages"][-1]["siblings"] == [start["messageId"], second]
    assert len(client.get(path).json()["messages"]) == 2


def test_a_conversation_is_renamed_pinned_and_archived(client: httpx2.Client) -> None:
    conversation_id = begun(client)
    path = f"/conversations/{conversation_id}"
    changed = client.patch(path, json={"title": "  Grüße \U0001f600 ", "pinned": True}).json()
    assert (changed["title"], changed["pinned"], changed["archived"]) == ("Grüße \U0001f600", True, False)
    assert client.patch(path, json={"archived": True}).json()["pinned"] is True
    assert listed(client) == []
    assert listed(client, archived="true") == [conversation_id]
    assert client.patch(path, json={}).json()["title"] == "Grüße \U0001f600"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"title": ""}, "request_invalid"),
        ({"title": "x" * 201}, "request_invalid"),
        ({"title": " \n "}, "message_invalid"),
        ({"pinned": "yes"}, "request_invalid"),
        ({"owner": "local"}, "request_invalid"),
        ([], "request_invalid"),
    ],
)
def test_a_change_that_is_wrong_is_refused(client: httpx2.Client, body: Any, code: str) -> None:
    path = f"/conversations/{begun(client)}"
    before = client.get(path).json()
    problem_of(client.patch(path, json=body), 422, code)
    assert client.get(path).json() == before


def test_a_deleted_conversation_is_gone_until_it_is_restored(client: httpx2.Client) -> None:
    conversation_id = begun(client, "Hello cats")
    path = f"/conversations/{conversation_id}"
    before = client.get(path).json()
    deleted = client.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    problem_of(client.get(path), 404, "conversation_not_found")
    problem_of(client.delete(path), 404, "conversation_not_found")
    assert listed(client) == listed(client, q="cats") == []
    body = {"message": "Hi", "personaId": "tester", "conversationId": conversation_id}
    problem_of(client.post("/chat", json=body), 404, "conversation_not_found")
    assert client.post(f"{path}/restore").json()["id"] == conversation_id
    assert client.get(path).json() == before
    assert client.post(f"{path}/restore").status_code == 200


def test_deleting_a_conversation_stops_the_reply_that_runs_in_it(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["one", Gate()]))
    with chatting(client) as (_, stream):
        start = next(stream).data
        client.delete(f"/conversations/{start['conversationId']}")
        assert list(stream)[-2].data == {"finishReason": "stopped"}
    assert fake.wait_for_disconnect()


def test_a_fork_has_copies_down_to_a_message(client: httpx2.Client) -> None:
    conversation_id = begun(client, "one")
    said(client, "two", conversationId=conversation_id)
    messages = client.get(f"/conversations/{conversation_id}").json()["messages"]
    forked = client.post(f"/conversations/{conversation_id}/fork", json={"messageId": messages[1]["id"]})
    assert forked.status_code == 201
    copy = forked.json()
    assert copy["id"] != conversation_id
    assert [message["content"] for message in copy["messages"]] == ["one", "You said: one"]
    assert not {message["id"] for message in copy["messages"]} & {message["id"] for message in messages}
    said(client, "three", conversationId=copy["id"])
    assert len(client.get(f"/conversations/{conversation_id}").json()["messages"]) == 4


def test_a_fork_needs_a_message_of_that_conversation(client: httpx2.Client) -> None:
    one, other = begun(client), begun(client)
    foreign = client.get(f"/conversations/{other}").json()["messages"][0]["id"]
    for message_id in (foreign, "nothing"):
        refused = client.post(f"/conversations/{one}/fork", json={"messageId": message_id})
        problem_of(refused, 404, "turn_not_found")
    problem_of(client.post(f"/conversations/{one}/fork", json={}), 422, "request_invalid")


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file_format", "media_type", "suffix"),
    [
        ("markdown", "text/markdown", ".md"),
        ("json", "application/json", ".json"),
        ("csv", "text/csv", ".csv"),
    ],
)
def test_a_conversation_is_exported_as_a_file(
    client: httpx2.Client, file_format: str, media_type: str, suffix: str
) -> None:
    conversation_id = begun(client, "Export me")
    response = client.get(f"/conversations/{conversation_id}/export", params={"format": file_format})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(media_type)
    header = response.headers["content-disposition"]
    assert re.fullmatch(
        rf"""attachment; filename="[^"\\]+{suffix}"; filename\*=UTF-8''[!-~]+{suffix}""", header
    )
    assert "Export me" in response.text


def test_what_was_exported_is_imported_as_the_same_conversations(client: httpx2.Client) -> None:
    ids = [begun(client, "Grüße \U0001f600"), begun(client, "Second")]
    first = client.get(f"/conversations/{ids[0]}").json()["messages"][-1]["id"]
    client.patch(f"/messages/{first}", json={"rating": "up", "note": "good"})
    exported = client.get("/conversations/export", params={"ids": ",".join(ids)})
    back = client.post("/conversations/import", content=exported.content, headers=JSON)
    assert back.status_code == 201
    new = back.json()["ids"]
    assert len(new) == 2
    assert not set(new) & set(ids)
    same = ("role", "content", "state", "model", "usage", "costUsd", "rating", "note", "createdAt")

    def known(conversation_id: str) -> list[Any]:
        read = client.get(f"/conversations/{conversation_id}").json()
        return [read["title"], *[{key: each[key] for key in same} for each in read["messages"]]]

    assert sorted(map(known, new), key=str) == sorted(map(known, ids), key=str)


def test_everything_can_be_exported_at_once(client: httpx2.Client) -> None:
    ids = {begun(client, "one"), begun(client, "two")}
    as_csv = client.get("/conversations/export", params={"format": "csv"}).text
    rows = list(csv.DictReader(io.StringIO(as_csv.removeprefix("\ufeff"))))
    assert len(rows) == 4
    assert json.loads(client.get("/conversations/export").content)
    archive = client.get("/conversations/export", params={"format": "markdown"})
    assert archive.headers["content-type"] == "application/zip"
    assert ids <= set(listed(client))


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"ids": "nothing"}, 404, "conversation_not_found"),
        ({"ids": ","}, 422, "request_invalid"),
        ({"format": "pdf"}, 422, "request_invalid"),
    ],
)
def test_an_export_of_what_is_not_there_is_refused(
    client: httpx2.Client, query: dict[str, str], status: int, code: str
) -> None:
    problem_of(client.get("/conversations/export", params=query), status, code)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff", b'{"a": 1}', b"[" * 100_000, b'{"conversations": [{}]}']
)
def test_what_is_no_export_is_refused_and_nothing_is_imported(client: httpx2.Client, data: bytes) -> None:
    problem_of(client.post("/conversations/import", content=data, headers=JSON), 422, "import_refused")
    assert listed(client) == []


def test_an_import_may_be_larger_than_other_bodies_but_not_endless(client: httpx2.Client) -> None:
    padded = b" " * (MAX_BODY_BYTES + 1) + b"{}"
    problem_of(client.post("/conversations/import", content=padded, headers=JSON), 422, "import_refused")
    problem_of(client.post("/chat", content=padded, headers=JSON), 413, "body_too_large")
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as raw:
        head = "POST /api/conversations/import HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
        raw.sendall(f"{head}\r\nContent-Length: {MAX_IMPORT_BYTES + 1}\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")

    def pieces() -> Iterator[bytes]:
        for _ in range(MAX_IMPORT_BYTES // 1_000_000 + 1):
            yield b" " * 1_000_000

    endless = client.post("/conversations/import", content=pieces(), headers=JSON)
    problem_of(endless, 413, "body_too_large")


@pytest.mark.parametrize(
    "filename", ['../a"b\r\nX: y.md', "C:\\x.md", "....", "", "ü%41.md", "日本.md", "a;b.md"]
)
def test_a_file_name_can_neither_leave_its_folder_nor_the_header(filename: str) -> None:
    header = disposition(filename)
    found = re.fullmatch(
        r"""attachment; filename="([^"\\]+)"; filename\*=UTF-8''([A-Za-z0-9._~%-]+)""", header
    )
    assert found
    assert header.isascii()
    assert not set(found[1]) & set("/\\%:")
    assert "%2F" not in found[2]
    assert not found[1].startswith(".")


# --- shares ---------------------------------------------------------------------------------------


def test_a_share_is_a_link_that_can_be_revoked(client: httpx2.Client, services: Services) -> None:
    conversation_id = begun(client, "For all to see")
    path = f"/conversations/{conversation_id}/share"
    problem_of(client.get(path), 404, "share_not_found")
    link = client.post(path).json()
    assert link["url"] == f"/shared?token={link['token']}"
    assert client.get(path).json() == link == client.post(path).json()
    assert client.get("/conversations").json()["conversations"][0]["shared"] is True
    shown = SharedConversations(services.database).read(link["token"])
    assert [turn.text for turn in shown.turns] == ["For all to see", "You said: For all to see"]
    assert client.delete(path).status_code == 204
    problem_of(client.get(path), 404, "share_not_found")
    assert client.delete(path).status_code == 204


def test_a_conversation_without_words_is_not_shared(client: httpx2.Client, services: Services) -> None:
    empty = local(services).chat.start().id
    problem_of(client.post(f"/conversations/{empty}/share"), 422, "message_invalid")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/restore"),
        ("POST", "/share"),
        ("GET", "/share"),
        ("DELETE", "/share"),
        ("GET", "/export"),
    ],
)
@pytest.mark.parametrize("conversation_id", ["nothing", "%00", "..%5c", "'%20OR%201=1", "%F0%9F%98%80"])
def test_an_unknown_conversation_is_not_found(
    client: httpx2.Client, method: str, path: str, conversation_id: str
) -> None:
    body = {"title": "x"} if method == "PATCH" else None
    response = client.request(method, f"/conversations/{conversation_id}{path}", json=body)
    problem_of(response, 404, "conversation_not_found")
