"""The way out of the whole server: real signals to a real process, with replies on their way."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import APIError, OpenAI

from personachat.conversations.sql import SqlConversations
from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER
from personachat.settings import load_settings
from tests.api.wire import Event, chatting, problem_of, streamed, text_of
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.test_server import PYTHON, SECONDS, WAYS, Running, environment, running

__all__ = ["environment"]  # a fixture

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")

ACCEPT = {"Accept": "application/json, text/event-stream"}


def v1(server: Running) -> str:
    return str(server.client.base_url.copy_with(path="/v1/"))


def until_draining(server: Running) -> None:
    while server.client.get("/health").json()["status"] != "draining":
        pass


def until_said(server: Running, words: str) -> None:
    """Wait until the terminal has them; fails with the test's own time limit."""
    while words not in "".join(server.output):
        server.ended.join(0.05)


def ends(server: Running) -> str:
    """Wait for the end of the process; returns what it has written."""
    server.process.wait(SECONDS)
    server.ended.join(SECONDS)
    return "".join(server.output)


def called(server: Running, message: str) -> Any:
    """The result of a call of the MCP tool `chat`."""
    url = server.client.base_url.copy_with(path="/mcp")
    call = {"name": "chat", "arguments": {"persona": "tester", "message": message}}
    meta = {"io.modelcontextprotocol/protocolVersion": "2025-06-18"}
    client = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    }
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client | {"_meta": meta}}
    session = httpx2.post(url, json=hello, headers=ACCEPT, timeout=SECONDS).headers["mcp-session-id"]
    body = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}
    answer = httpx2.post(url, json=body, headers={**ACCEPT, "Mcp-Session-Id": session}, timeout=SECONDS)
    (data,) = [line[5:] for line in answer.text.splitlines() if line.startswith("data:")]
    return json.loads(data)["result"]


def asked(server: Running, path: str, body: dict[str, Any]) -> socket.socket:
    """A connection on which this was asked; nobody has read the answer yet."""
    url = server.client.base_url
    connection = socket.create_connection((url.host, url.port or 0), timeout=SECONDS)
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    connection.sendall(head.encode() + content)
    return connection


def answered_on(connection: socket.socket) -> str:
    return b"".join(iter(lambda: connection.recv(65_536), b"")).decode()


def in_the_background(events: Iterator[Event]) -> Callable[[], list[Event]]:
    """Collect them; returns what gives all of them once the last has come, and none before."""
    collected: list[Event] = []
    thread = threading.Thread(target=lambda: collected.extend(events))
    thread.start()

    def whole() -> list[Event]:
        thread.join(0.1)
        return [] if thread.is_alive() else collected

    return whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("way", WAYS)
def test_replies_are_finished_before_the_server_ends(
    way: str, number: signal.Signals, environment: dict[str, str], tmp_path: Path, fake: FakeProvider
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one ", gate, "two"]))
    with running(way, environment, tmp_path) as server, chatting(server.client) as (_, events):
        start = next(events).data
        next(event for event in events if event.name == "delta")
        server.process.send_signal(number)
        until_draining(server)
        until_said(server, "Finishing 1 reply; press Ctrl-C again to stop now.")
        path = f"/chat/{start['messageId']}/events"
        with streamed(server.client, "GET", path, headers={"Last-Event-ID": "1"}) as (_, followed):
            gate.open()
            rest, others = list(events), list(followed)
        for seen in (rest, others):
            assert [event.data for event in seen[-2:]] == [{"finishReason": "stop"}, "[DONE]"]
        assert text_of(others) == "one two"
        written = ends(server)
        assert way == "serve" or "Traceback" not in written


def test_while_it_ends_what_is_there_is_served_and_nothing_new_begins(
    environment: dict[str, str], tmp_path: Path, fake: FakeProvider
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one ", gate, "two"]))
    with running("serve", environment, tmp_path) as server, chatting(server.client) as (_, events):
        client, start = server.client, next(events).data
        conversation_id = start["conversationId"]
        next(event for event in events if event.name == "delta")
        server.process.send_signal(signal.SIGTERM)
        until_draining(server)
        new = {"message": "Hi", "personaId": "tester"}
        for body in (new, new | {"temporary": True}, new | {"conversationId": conversation_id}):
            refused = client.post("/chat", json=body)
            assert int(refused.headers["retry-after"]) >= 1
            problem_of(refused, 503, "shutting_down")
        said = [{"role": "user", "content": "Hi"}]
        for path, asking in (
            ("chat/completions", {"messages": said}),
            ("chat/completions", {"messages": said, "stream": True}),
            ("responses", {"input": "Hi"}),
            ("responses", {"input": "Hi", "stream": True}),
        ):
            answer = httpx2.post(f"{v1(server)}{path}", json={"model": "tester"} | asking, timeout=SECONDS)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "shutting_down")
            assert int(answer.headers["retry-after"]) >= 1
        result = called(server, "Hi")
        assert result["isError"]
        assert "shutting down" in result["content"][0]["text"]
        assert client.get("/personas").json()[0]["id"] == "tester"
        messages = client.get(f"/conversations/{conversation_id}").json()["messages"]
        assert [message["role"] for message in messages] == ["user", "assistant"]
        assert httpx2.get(f"{v1(server)}models", timeout=SECONDS).status_code == 200
        page = httpx2.get(client.base_url.copy_with(path="/"), timeout=SECONDS)
        assert '<div id="root">' in page.text
        gate.open()
        assert list(events)[-1].data == "[DONE]"
        ends(server)
    assert len(fake.chats) == 1


def test_a_message_that_waits_for_a_reply_is_refused_when_the_server_ends(
    environment: dict[str, str], tmp_path: Path, fake: FakeProvider
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one ", gate, "two"]))
    with running("serve", environment, tmp_path) as server, chatting(server.client) as (_, events):
        conversation_id = next(events).data["conversationId"]
        next(event for event in events if event.name == "delta")
        body = {"message": "And?", "personaId": "tester", "conversationId": conversation_id}
        with asked(server, "/api/chat", body) as waiting:
            server.client.get("/health")
            server.process.send_signal(signal.SIGTERM)
            answered = answered_on(waiting)
        assert answered.startswith("HTTP/1.1 503 ")
        assert "shutting_down" in answered
        gate.open()
        assert list(events)[-1].data == "[DONE]"
        ends(server)


def test_what_is_not_done_in_time_is_interrupted_for_everybody(
    environment: dict[str, str], tmp_path: Path, fake: FakeProvider
) -> None:
    fake.enqueue(*[tokens(["one ", Gate(), "two"]) for _ in range(5)], tokens(["two"]))
    short = environment | {"PERSONACHAT_SHUTDOWN_SECONDS": "0.5"}
    with running("uvicorn", short, tmp_path) as server, ExitStack() as open_streams:
        _, events = open_streams.enter_context(chatting(server.client))
        start = next(events).data
        next(event for event in events if event.name == "delta")
        sdk = open_streams.enter_context(OpenAI(base_url=v1(server), api_key="none", max_retries=0))
        said: Any = [{"role": "user", "content": "Hi"}]
        chunks = sdk.chat.completions.create(model="tester", messages=said, stream=True)
        next(chunk for chunk in chunks if chunk.choices[0].delta.content)
        response = sdk.responses.create(model="tester", input="Hi", stream=True)
        next(event for event in response if event.type == "response.output_text.delta")
        wholes = [
            open_streams.enter_context(asked(server, f"/v1/{path}", body))
            for path, body in (
                ("chat/completions", {"model": "tester", "messages": said}),
                ("responses", {"model": "tester", "input": "Hi"}),
            )
        ]
        fake.wait_for_chats(5)
        server.process.send_signal(signal.SIGTERM)
        error, closing = list(events)
        assert (error.name, error.data["code"], closing.data) == ("error", "interrupted", "[DONE]")
        with pytest.raises(APIError, match="The server stopped"):
            list(chunks)
        assert list(response)[-1].type == "response.incomplete"
        for answer in map(answered_on, wholes):
            assert answer.startswith("HTTP/1.1 503 ")
            assert '"code": "interrupted"' in answer
            assert "retry-after: " in answer.lower()
        assert "Traceback" not in ends(server)
    assert fake.wait_for_disconnect()
    with running("uvicorn", environment, tmp_path) as server:
        kept = server.client.get(f"/conversations/{start['conversationId']}").json()["messages"][-1]
        assert (kept["content"], kept["state"]) == ("one ", "interrupted")
        with streamed(server.client, "POST", f"/chat/{start['messageId']}/continue") as (_, events):
            assert text_of(list(events)) == "two"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_it_at_once_however_often_it_is_sent(
    number: signal.Signals, environment: dict[str, str], tmp_path: Path, fake: FakeProvider
) -> None:
    """Somebody who keeps pressing Ctrl-C is heard, though the first of them might be echoes."""
    fake.enqueue(tokens(["one ", Gate()]))
    long = environment | {"PERSONACHAT_SHUTDOWN_SECONDS": "3600"}
    with running("serve", long, tmp_path) as server, chatting(server.client) as (_, events):
        next(event for event in events if event.name == "delta")
        ended = in_the_background(events)
        server.process.send_signal(number)
        until_said(server, "Finishing")
        while not ended():
            server.process.send_signal(number)
        ends(server)
        assert ended()[0].data["code"] == "interrupted"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_echo_of_a_signal_is_no_second_one(
    number: signal.Signals, environment: dict[str, str], tmp_path: Path, fake: FakeProvider
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one ", gate, "two"]))
    with running("serve", environment, tmp_path) as server, chatting(server.client) as (_, events):
        next(event for event in events if event.name == "delta")
        for _ in range(2):  # as `uv run` does: what the terminal or the system sent, and its own
            server.process.send_signal(number)
        until_said(server, "Finishing")
        gate.open()
        assert [event.data for event in events][-2:] == [{"finishReason": "stop"}, "[DONE]"]
        ends(server)


def test_a_paused_reply_does_not_hold_up_the_end(
    environment: dict[str, str], tmp_path: Path, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["one ", Gate()]))
    long = environment | {"PERSONACHAT_SHUTDOWN_SECONDS": "3600"}
    with running("serve", long, tmp_path) as server, chatting(server.client) as (_, events):
        start = next(events).data
        next(event for event in events if event.name == "delta")
        paused = server.client.post(f"/chat/{start['messageId']}/pause").json()
        assert paused["state"] == "paused"
        server.process.send_signal(signal.SIGTERM)
        assert next(events).data["code"] == "interrupted"
        ends(server)


def test_a_client_who_does_not_read_does_not_hold_up_the_end(
    environment: dict[str, str], tmp_path: Path, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["many words " * 1_000_000] * 3))
    code = (
        "import personachat.services.shutdown as shutdown; shutdown.CLOSING_SECONDS = 0.5;"
        "from personachat.server import serve; serve(host='127.0.0.1', port={port}, headless=True)"
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(WAYS, "serve", ("-c", code))
        with running("serve", environment, tmp_path) as server:
            body = {"model": "tester", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
            with asked(server, "/v1/chat/completions", body) as deaf:
                assert deaf.recv(1)
                while server.client.get("/health").json()["repliesRunning"]:
                    pass
                server.process.send_signal(signal.SIGTERM)
                ends(server)


def test_a_process_that_nobody_drains_interrupts_its_replies_as_it_ends(
    environment: dict[str, str], tmp_path: Path, fake: FakeProvider
) -> None:
    """As a command does that is ended in the middle of a reply."""
    fake.enqueue(tokens(["one ", Gate(), "two"]))
    code = (
        "from personachat.services import get_services\n"
        "here = get_services().of('local').chat\n"
        "reply = here.begin('Hi', persona_id='tester')\n"
        "while reply.snapshot().text != 'one ': reply.wait(1, timeout_seconds=1)\n"
        "print(reply.conversation_id)"
    )
    ended = subprocess.run(
        [*PYTHON, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    database = Database.of(load_settings(data_dir=tmp_path / "data"))
    with closing(database):
        kept = SqlConversations(database).get(LOCAL_OWNER, ended.stdout.strip()).path[-1].reply
    assert kept
    assert (kept.state, kept.text) == ("interrupted", "one ")
