"""Whose is what: every caller sees their own, and what is another's is what does not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from personachat.services import Services
from tests.api.conftest import served
from tests.api.wire import said, streamed
from tests.fake_provider import FakeProvider, Gate, tokens

ONE, TWO = (
    {"X-Forwarded-For": "203.0.113.9", "Authorization": f"Bearer the-token-number-{number}"}
    for number in ("one", "two")
)


@pytest.fixture
def client(make_services: Callable[..., Services]) -> Iterator[httpx2.Client]:
    tokens = "the-token-number-one the-token-number-two"
    with served(make_services(api_tokens=tokens, trust_loopback=True)) as made:
        yield made


def begun(client: httpx2.Client, headers: dict[str, str]) -> dict[str, str]:
    """The ids of a conversation begun with these headers, and of its two messages."""
    body = {"message": "a secret", "personaId": "tester"}
    with streamed(client, "POST", "/chat", json=body, headers=headers) as (_, stream):
        start = next(stream).data
        list(stream)
    read = client.get(f"/conversations/{start['conversationId']}", headers=headers).json()
    words, reply = (message["id"] for message in read["messages"])
    return {"conversation": start["conversationId"], "words": words, "reply": reply}


def listed(client: httpx2.Client, headers: dict[str, str] | None = None, **query: str) -> list[str]:
    found = client.get("/conversations", headers=headers, params=query).json()["conversations"]
    return [each["id"] for each in found]


CALLS: list[tuple[str, str, Any]] = [
    ("POST", "/chat", {"message": "x", "personaId": "tester", "conversationId": "{conversation}"}),
    ("GET", "/chat/{reply}/events", None),
    ("POST", "/chat/{reply}/pause", None),
    ("POST", "/chat/{reply}/resume", None),
    ("POST", "/chat/{reply}/stop", None),
    ("POST", "/chat/{reply}/continue", None),
    ("POST", "/chat/{reply}/regenerate", None),
    ("POST", "/chat/{reply}/regenerate", {"personaId": "nobody"}),
    ("GET", "/conversations/{conversation}", None),
    ("GET", "/conversations/{conversation}?tree=true", None),
    ("PATCH", "/conversations/{conversation}", {"title": "mine"}),
    ("PATCH", "/conversations/{conversation}", {"pinned": True}),
    ("PATCH", "/conversations/{conversation}", {}),
    ("DELETE", "/conversations/{conversation}", None),
    ("POST", "/conversations/{conversation}/restore", None),
    ("GET", "/conversations/{conversation}/export", None),
    ("GET", "/conversations/export?ids={conversation}", None),
    ("POST", "/conversations/{conversation}/share", None),
    ("GET", "/conversations/{conversation}/share", None),
    ("DELETE", "/conversations/{conversation}/share", None),
    ("POST", "/conversations/{conversation}/fork", {"messageId": "{words}"}),
    ("POST", "/conversations/{own}/fork", {"messageId": "{words}"}),
    ("PATCH", "/messages/{reply}", {"rating": "up"}),
    ("POST", "/messages/{words}/edit", {"content": "x"}),
    ("POST", "/messages/{reply}/edit", {"content": "x"}),
    ("POST", "/messages/{reply}/show", None),
    ("DELETE", "/messages/{words}", None),
    ("POST", "/messages/{words}/restore", {"leafId": "{reply}"}),
    ("GET", "/messages/{reply}/request", None),
]


def test_what_is_anothers_is_answered_like_what_does_not_exist(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    theirs = begun(client, ONE)
    before = client.get(f"/conversations/{theirs['conversation']}?tree=true", headers=ONE).content
    for stranger in (TWO, {}):
        own = begun(client, stranger)["conversation"]
        unknown = dict.fromkeys(theirs, "0123456789abcdef" * 2)
        asked = len(fake.chats)
        for method, path, body in CALLS:
            answers = []
            for ids in (theirs, unknown):
                filled = {"own": own} | ids
                sent = _filled(body, filled)
                options = {} if sent is None else {"json": sent}
                answers.append(client.request(method, path.format(**filled), headers=stranger, **options))
            foreign, missing = answers
            assert foreign.status_code == 404, f"{method} {path}"
            assert foreign.content == missing.content, f"{method} {path}"
            assert _telling(foreign) == _telling(missing), f"{method} {path}"
        assert len(fake.chats) == asked
    assert client.get(f"/conversations/{theirs['conversation']}?tree=true", headers=ONE).content == before


def test_every_endpoint_with_an_id_is_among_the_calls(client: httpx2.Client) -> None:
    described = client.get("/openapi.json").json()["paths"]
    private = {
        (method.upper(), path)
        for path, methods in described.items()
        for method in methods
        if "{" in path and path.startswith(("/chat", "/conversations", "/messages"))
    }
    called = {(method, path.partition("?")[0]) for method, path, _ in CALLS}

    def plain(path: str) -> str:
        for name in ("{messageId}", "{id}", "{reply}", "{words}", "{conversation}", "{own}"):
            path = path.replace(name, "{}")
        return path

    assert {(method, plain(path)) for method, path in private} <= {
        (method, plain(path)) for method, path in called
    }


def test_lists_searches_and_exports_hold_ones_own_alone(client: httpx2.Client) -> None:
    owners = {"one": ONE, "two": TWO, "here": {}}
    ids = {name: begun(client, headers)["conversation"] for name, headers in owners.items()}
    for name, headers in owners.items():
        assert listed(client, headers) == [ids[name]]
        assert listed(client, headers, q="secret") == [ids[name]]
        exported = client.get("/conversations/export?format=csv", headers=headers).text
        assert len(exported.splitlines()) == 3  # the header, the words and the echo of them


def test_a_token_is_the_same_owner_however_it_is_sent(client: httpx2.Client) -> None:
    conversation_id = begun(client, ONE)["conversation"]
    again = ONE | {"Authorization": "bearer   the-token-number-one", "Host": "chat.example.com"}
    assert listed(client, again) == [conversation_id]


def test_on_loopback_a_token_is_who_it_is_everywhere(client: httpx2.Client) -> None:
    here = said(client)[0].data["conversationId"]
    with_token = begun(client, ONE)["conversation"]
    assert listed(client, {"Authorization": ONE["Authorization"]}) == [with_token]
    assert listed(client) == [here]


def test_a_token_is_never_stored(client: httpx2.Client, make_services: Any) -> None:
    begun(client, ONE)
    folder = make_services(api_tokens="the-token-number-one the-token-number-two").settings.data_dir
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    assert not any(b"number-one" in file.read_bytes() for file in files)


def test_imported_conversations_belong_to_who_imports_them(client: httpx2.Client) -> None:
    begun(client, ONE)
    document = client.get("/conversations/export", headers=ONE).content
    imported = client.post(
        "/conversations/import", content=document, headers=TWO | {"Content-Type": "application/json"}
    ).json()["ids"]
    assert listed(client, TWO) == imported
    assert not set(imported) & set(listed(client, ONE))


def test_a_temporary_conversation_has_an_owner_too(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["psst", Gate()]))
    body = {"message": "a secret", "personaId": "tester", "temporary": True}
    with streamed(client, "POST", "/chat", json=body, headers=ONE) as (_, stream):
        start = next(stream).data
        for method, path in (("GET", "events"), ("POST", "pause"), ("POST", "stop")):
            foreign = client.request(method, f"/chat/{start['messageId']}/{path}", headers=TWO)
            assert foreign.json()["code"] == "reply_not_found"
        read = f"/conversations/{start['conversationId']}"
        assert client.get(read, headers=TWO).json()["code"] == "conversation_not_found"
        assert client.get(read, headers=ONE).status_code == 200


def _filled(body: Any, ids: dict[str, str]) -> Any:
    if isinstance(body, dict):
        return {key: _filled(value, ids) for key, value in body.items()}
    return body.format(**ids) if isinstance(body, str) else body


def _telling(response: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in {"date", "x-request-id"}}
