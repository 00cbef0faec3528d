"""A provider that misbehaves on demand: a real HTTP server on loopback, driven by a queue of replies.

Each chat request takes the next Reply from the queue, so that a test says byte by byte what comes back;
with an empty queue the server streams "You said: ..." like a good one. Everything asked is recorded.
It runs in a thread of its own and serves sync and async tests alike; nothing in it guesses at time.

    with FakeProvider() as fake:
        fake.enqueue(tokens(["Hel", "lo"]), status(429, {"Retry-After": "7"}), reset())
        ... OpenAICompatibleProvider("fake", base_url=fake.base_url, ...) ...
        assert fake.chats[0].body["model"] == "fake-1"

`python -m tests.fake_provider --port 0` serves alone and prints its URL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from tests.fake_replies import (
    DONE,
    Cut,
    Gate,
    Hang,
    Pause,
    Repeat,
    Reply,
    Reset,
    Step,
    chunk,
    events,
    failure,
    hang,
    raw,
    reset,
    sse,
    status,
    tokens,
)

__all__ = [
    "DONE",
    "Cut",
    "FakeProvider",
    "Gate",
    "Hang",
    "Pause",
    "Recorded",
    "Repeat",
    "Reply",
    "Reset",
    "Step",
    "chunk",
    "events",
    "failure",
    "hang",
    "raw",
    "reset",
    "sse",
    "status",
    "tokens",
]

MODELS = ("fake-1", "fake-2")


@dataclass
class Recorded:
    """One request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    hung_up: threading.Event = field(default_factory=threading.Event)
    """Set when the client leaves before the reply's end."""
    answered: threading.Event = field(default_factory=threading.Event)
    """Set when the whole reply is written."""


class _Ended(Exception):
    """A step has ended the connection."""


class FakeProvider:
    """The server; `base_url` ends in /v1. Use it in a `with`, or call start() and close()."""

    def __init__(self, *, port: int = 0, pace_seconds: float = 0, models: Sequence[str] = MODELS) -> None:
        self.models: Sequence[str] | Reply = models
        """What GET /v1/models lists, or the Reply it gives."""
        self.pace_seconds = pace_seconds
        """Time between the words of the default reply."""
        self.requests: list[Recorded] = []
        self.connections = 0
        self._queue: deque[Reply] = deque()
        self._by_model: dict[str, deque[Reply]] = {}
        self._port = port
        self._arrived = threading.Condition()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-provider", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def chats(self) -> list[Recorded]:
        """The chat requests among `requests`, in order."""
        return [request for request in self.requests if request.path.endswith("/chat/completions")]

    def enqueue(self, *replies: Reply) -> None:
        self._queue.extend(replies)

    def answer_by_model(self, replies: Mapping[str, Reply]) -> None:
        """The next reply of each of these models, whichever is asked first."""
        for model, reply in replies.items():
            self._by_model.setdefault(model, deque()).append(reply)

    def forget(self) -> None:
        """Begin anew: nothing asked, nothing to answer."""
        self.requests.clear()
        self._queue.clear()
        self._by_model.clear()

    def wait_for_chats(self, count: int = 1, *, timeout_seconds: float = 10) -> list[Recorded]:
        """Block until so many chat requests have come; raises TimeoutError."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.chats) >= count, timeout_seconds):
                raise TimeoutError(f"{len(self.chats)} of {count} chat requests came")
        return self.chats

    def wait_for_disconnect(self, timeout_seconds: float = 10) -> bool:
        """Whether the client of the last chat request hung up before its reply's end, within this time."""
        return self.wait_for_chats()[-1].hung_up.wait(timeout_seconds)

    def wait_for_no_connection(self, timeout_seconds: float = 10) -> bool:
        """Whether all connections are closed within this time."""
        with self._arrived:
            return self._arrived.wait_for(lambda: not self._writers, timeout_seconds)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        (listening,) = self._server.sockets
        self._loop.remove_reader(listening.fileno())  # nobody else is accepted
        await asyncio.sleep(0)  # a closed server leaves open what it had accepted without a transport yet
        self._server.close()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.sleep(0)  # each takes its first step: cancelled before, it closes nothing
            for writer in list(self._writers):
                writer.transport.abort()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        ahead = b""
        try:
            while True:
                request = await _read_request(reader, ahead)
                with self._arrived:
                    self.requests.append(request)
                    self._arrived.notify_all()
                ahead = await self._answer(request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, _Ended):
            pass  # one of the two has gone
        finally:
            with self._arrived:
                self._writers.discard(writer)
                self._arrived.notify_all()
            writer.transport.abort()

    async def _answer(
        self, request: Recorded, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        """Play the reply while listening for a hang-up; returns what was read of the next request."""
        playing = asyncio.create_task(self._play(self._reply_to(request), writer))
        listening = asyncio.create_task(_heard(reader))
        try:
            await asyncio.wait({playing, listening}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done() and not listening.result():
                raise ConnectionResetError
            await playing
            request.answered.set()
            return listening.result() if listening.done() else b""
        except ConnectionError:
            request.hung_up.set()
            raise
        finally:
            for task in (playing, listening):
                task.cancel()
            await asyncio.gather(playing, listening, return_exceptions=True)

    def _reply_to(self, request: Recorded) -> Reply:
        if request.path.endswith("/models"):
            if isinstance(self.models, Reply):
                return self.models
            return status(
                200, body={"object": "list", "data": [{"id": m, "object": "model"} for m in self.models]}
            )
        if not request.path.endswith("/chat/completions"):
            return failure(404, f"There is no {request.path}.")
        own = self._by_model.get(request.body.get("model", ""))
        if own:
            return own.popleft()
        return self._queue.popleft() if self._queue else self._echo(request.body)

    def _echo(self, body: Mapping[str, Any]) -> Reply:
        said = [m["content"] for m in body.get("messages", []) if m.get("role") == "user"]
        text = f"You said: {said[-1] if said else ''}"
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            return status(200, body={"object": "chat.completion", "choices": [choice]})
        words = re.findall(r"\s*\S+", text)
        pauses = [Pause(self.pace_seconds)] * len(words) if self.pace_seconds else []
        paced = [part for pair in zip(words, pauses, strict=True) for part in pair] if pauses else words
        return tokens(paced, usage=(len(said), len(words)))

    async def _play(self, reply: Reply, writer: asyncio.StreamWriter) -> None:
        for step in reply.early:
            await _take(step, writer)
        head = {"Transfer-Encoding": "chunked", **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} Fake", *(f"{name}: {value}" for name, value in head.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        for step in reply.steps:
            await _take(step, writer)
        writer.write(b"0\r\n\r\n")
        await writer.drain()


async def _heard(reader: asyncio.StreamReader) -> bytes:
    """The first byte of a next request, or nothing where the client has gone."""
    with suppress(ConnectionError):
        return await reader.read(1)
    return b""


async def _read_request(reader: asyncio.StreamReader, ahead: bytes) -> Recorded:
    ahead = ahead or await reader.readexactly(1)
    if not ahead.isalpha():
        raise _Ended  # not HTTP: somebody tries TLS
    head = (ahead + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Recorded(method, path, headers, json.loads(body) if body else None)


async def _take(step: Step, writer: asyncio.StreamWriter) -> None:
    match step:
        case bytes():
            await _write(step, writer)
        case Gate():
            await step.passed()
        case Pause(seconds):
            await asyncio.sleep(seconds)
        case Repeat(data, every_seconds):
            while True:
                await _write(data, writer)
                await asyncio.sleep(every_seconds)
        case Hang():
            await asyncio.Event().wait()
        case Reset():
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise _Ended
        case Cut():
            raise _Ended


async def _write(data: bytes, writer: asyncio.StreamWriter) -> None:
    """One chunk of the body, with a turn of the loop of its own so that it leaves by itself."""
    if data:
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await writer.drain()
        await asyncio.sleep(0)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--pace", type=float, default=0.05, help="seconds between the words of a reply")
    chosen = options.parse_args()
    with FakeProvider(port=chosen.port, pace_seconds=chosen.pace) as fake:
        print(fake.base_url, flush=True)  # noqa: T201  # whoever started it reads it
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
