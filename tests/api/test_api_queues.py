"""Messages to a conversation whose last reply is still coming: they wait in line, and none gets lost."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from personachat.api import queues
from personachat.services import Services
from tests.api.wire import Event, chatting, left, problem_of, said, text_of
from tests.conftest import local
from tests.fake_provider import FakeProvider, Gate, tokens


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released each time somebody who is first in a line begins to wait."""
    seen = threading.Semaphore(0)
    over = queues.over

    async def watched(live_reply: Any, request: Any) -> bool:
        seen.release()
        return await over(live_reply, request)

    monkeypatch.setattr("personachat.api.chat.over", watched)
    return seen


def until(events: Iterator[Event], name: str) -> Event:
    return next(event for event in events if event.name == name)


def begun(client: httpx2.Client) -> str:
    conversation_id: str = said(client, "zero")[0].data["conversationId"]
    return conversation_id


def contents(client: httpx2.Client, conversation_id: str) -> list[str]:
    messages = client.get(f"/conversations/{conversation_id}").json()["messages"]
    return [message["content"] for message in messages]


def test_a_message_waits_for_the_reply_that_runs(
    client: httpx2.Client, fake: FakeProvider, looks: threading.Semaphore
) -> None:
    gate = Gate()
    conversation_id = begun(client)
    fake.enqueue(tokens(["one", gate, " whole"]))
    with (
        ThreadPoolExecutor() as pool,
        chatting(client, "first", conversationId=conversation_id) as (_, stream),
    ):
        until(stream, "delta")
        waiting = pool.submit(said, client, "second", conversationId=conversation_id)
        assert looks.acquire(timeout=10)
        assert len(fake.chats) == 2
        gate.open()
        assert text_of(list(stream)) == " whole"
        assert text_of(waiting.result(20)) == "You said: second"
    assert contents(client, conversation_id)[2:] == ["first", "one whole", "second", "You said: second"]


def test_many_messages_at_once_all_become_turns(client: httpx2.Client, fake: FakeProvider) -> None:
    conversation_id = begun(client)
    words = [f"number {number}" for number in range(8)]
    with ThreadPoolExecutor(len(words)) as pool:
        replies = list(pool.map(lambda word: said(client, word, conversationId=conversation_id), words))
    assert [text_of(reply) for reply in replies] == [f"You said: {word}" for word in words]
    kept = contents(client, conversation_id)
    assert len(kept) == 2 * (1 + len(words))
    assert sorted(kept[2::2]) == words
    assert kept[3::2] == [f"You said: {word}" for word in kept[2::2]]


def test_a_message_to_a_paused_reply_is_refused_at_once(client: httpx2.Client, fake: FakeProvider) -> None:
    conversation_id = begun(client)
    fake.enqueue(tokens(["one", Gate()]))
    with chatting(client, "first", conversationId=conversation_id) as (_, stream):
        message_id = next(stream).data["messageId"]
        until(stream, "delta")
        assert client.post(f"/chat/{message_id}/pause").json()["state"] == "paused"
        body = {"message": "second", "personaId": "tester", "conversationId": conversation_id}
        problem_of(client.post("/chat", json=body), 409, "reply_in_progress")
        client.post(f"/chat/{message_id}/stop")


def test_who_waits_is_refused_when_the_reply_is_paused(
    client: httpx2.Client, fake: FakeProvider, looks: threading.Semaphore
) -> None:
    conversation_id = begun(client)
    fake.enqueue(tokens(["one", Gate()]))
    body = {"message": "second", "personaId": "tester", "conversationId": conversation_id}
    with (
        ThreadPoolExecutor() as pool,
        chatting(client, "first", conversationId=conversation_id) as (_, stream),
    ):
        message_id = next(stream).data["messageId"]
        waiting = [pool.submit(client.post, "/chat", json=body) for _ in range(3)]
        assert looks.acquire(timeout=10)
        client.post(f"/chat/{message_id}/pause")
        for refused in waiting:
            problem_of(refused.result(10), 409, "reply_in_progress")
        client.post(f"/chat/{message_id}/stop")
    assert contents(client, conversation_id)[2:] == ["first", "one"]


def test_a_client_that_leaves_the_line_has_said_nothing(
    client: httpx2.Client, fake: FakeProvider, looks: threading.Semaphore
) -> None:
    gate = Gate()
    conversation_id = begun(client)
    fake.enqueue(tokens(["one", gate]))
    body = {"message": "never", "personaId": "tester", "conversationId": conversation_id}
    with chatting(client, "first", conversationId=conversation_id) as (_, stream):
        until(stream, "delta")
        left(client, body, when=lambda: looks.acquire(timeout=10))
        gate.open()
        list(stream)
    said(client, "third", conversationId=conversation_id)
    assert contents(client, conversation_id)[2::2] == ["first", "third"]
    assert len(fake.chats) == 3


def test_lines_of_other_conversations_do_not_wait(client: httpx2.Client, fake: FakeProvider) -> None:
    busy, free = begun(client), begun(client)
    fake.enqueue(tokens(["one", Gate()]))
    with chatting(client, "first", conversationId=busy) as (_, stream):
        message_id = next(stream).data["messageId"]
        assert text_of(said(client, "hello", conversationId=free)) == "You said: hello"
        client.post(f"/chat/{message_id}/stop")


def test_waiting_holds_no_thread(
    client: httpx2.Client, fake: FakeProvider, looks: threading.Semaphore
) -> None:
    count = 60  # more than the server has threads for requests
    gate = Gate()
    conversation_id = begun(client)
    fake.enqueue(tokens(["one", gate]))
    body = b'{"message": "x", "personaId": "tester", "conversationId": "%s"}' % conversation_id.encode()
    head = b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    address = client.base_url.host, client.base_url.port or 80
    with chatting(client, "first", conversationId=conversation_id) as (_, stream):
        until(stream, "delta")
        waiting = [socket.create_connection(address) for _ in range(count)]
        for each in waiting:
            each.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert looks.acquire(timeout=10)
        assert client.get("/personas").status_code == 200
        for each in waiting:
            each.close()
        gate.open()
        list(stream)
    assert text_of(said(client, "last", conversationId=conversation_id)) == "You said: last"


def test_the_page_may_be_what_is_waited_for(
    client: httpx2.Client, fake: FakeProvider, services: Services, looks: threading.Semaphore
) -> None:
    gate = Gate()
    chat = local(services).chat
    conversation_id = chat.start().id
    fake.enqueue(tokens(["one", gate]))
    chat.send(conversation_id, "from the page", persona_id="tester")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(said, client, "from the API", conversationId=conversation_id)
        assert looks.acquire(timeout=10)
        gate.open()
        assert text_of(waiting.result(20)) == "You said: from the API"
    assert contents(client, conversation_id)[::2] == ["from the page", "from the API"]
