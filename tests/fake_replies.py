"""What the fake provider can be told to send: replies as lists of steps, and builders for the usual ones.

A Reply is a pure value, except that a Gate in it is opened by the test. Bytes are sent as they stand,
so that a reply can be as broken as those of real servers.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias


class Gate:
    """A step that holds the reply until the test opens it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened = False
        self._reached = threading.Event()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def open(self) -> None:
        with self._lock:
            self._opened = True
            waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            with suppress(RuntimeError):  # the server has gone
                loop.call_soon_threadsafe(event.set)

    def wait_reached(self, timeout_seconds: float = 10) -> None:
        """Block until the reply has come to this gate; raises TimeoutError."""
        if not self._reached.wait(timeout_seconds):
            raise TimeoutError("the reply never came to the gate")

    async def passed(self) -> None:
        event = asyncio.Event()
        with self._lock:
            if not self._opened:
                self._waiting.append((asyncio.get_running_loop(), event))
            else:
                event.set()
        self._reached.set()
        await event.wait()


@dataclass(frozen=True)
class Hang:
    """A step: nothing more, the connection stays open."""


@dataclass(frozen=True)
class Reset:
    """A step: the connection is reset (TCP RST)."""


@dataclass(frozen=True)
class Cut:
    """A step: the connection is closed in the middle of the body."""


@dataclass(frozen=True)
class Repeat:
    """A step: the same bytes again and again until the client has gone."""

    data: bytes
    every_seconds: float = 0.01


@dataclass(frozen=True)
class Pause:
    """A step for looking at with one's own eyes; tests use a Gate."""

    seconds: float


Step: TypeAlias = bytes | Gate | Hang | Reset | Cut | Repeat | Pause
"""Bytes are one write; the body ends after the last step."""


@dataclass(frozen=True)
class Reply:
    """What one request gets. `early` steps come before the status line is sent."""

    steps: Sequence[Step] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/event-stream"})
    early: Sequence[Step] = ()


def sse(data: Any, *, event: str | None = None) -> bytes:
    """One server-sent event; `data` is JSON unless it is a string or bytes."""
    raw = data if isinstance(data, bytes) else (data if isinstance(data, str) else json.dumps(data)).encode()
    return (f"event: {event}\n".encode() if event else b"") + b"data: " + raw + b"\n\n"


DONE = sse("[DONE]")


def chunk(delta: Any = None, *, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chat.completion.chunk as a value; `delta` is a string of content or the delta itself."""
    delta = {"content": delta} if isinstance(delta, str) else delta
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "model": "fake-1",
        "choices": [choice],
        **more,
    }


def tokens(
    content: Iterable[str | Step],
    *,
    finish: str | None = "stop",
    usage: tuple[int, int] | None = (3, 2),
    done: bool = True,
) -> Reply:
    """A well-formed stream, one write a token; steps such as a Gate may stand between tokens."""
    steps: list[Step] = [sse(chunk({"role": "assistant", "content": ""}))]
    steps += [sse(chunk(part)) if isinstance(part, str) else part for part in content]
    if finish:
        steps.append(sse(chunk({}, finish=finish)))
    if usage:
        counts = dict(zip(("prompt_tokens", "completion_tokens"), usage, strict=True))
        steps.append(sse({"object": "chat.completion.chunk", "choices": [], "usage": counts}))
    if done:
        steps.append(DONE)
    return Reply(steps)


def events(*values: Any, done: bool = True) -> Reply:
    """A stream of these events, given as values; steps may stand between them."""
    steps = [
        value if isinstance(value, (bytes, Gate, Hang, Reset, Cut, Repeat, Pause)) else sse(value)
        for value in values
    ]
    return Reply([*steps, DONE] if done else steps)


def raw(*writes: Step, content_type: str = "text/event-stream") -> Reply:
    """These very bytes with status 200, one write each."""
    return Reply(writes, headers={"Content-Type": content_type})


def status(code: int, headers: Mapping[str, str] | None = None, body: Any = b"") -> Reply:
    """An answer that is no stream; `body` is JSON unless it is a string or bytes."""
    if isinstance(body, (str, bytes)):
        data, kind = (body.encode() if isinstance(body, str) else body), "text/html"
    else:
        data, kind = json.dumps(body).encode(), "application/json"
    return Reply([data] if data else [], code, {"Content-Type": kind, **(headers or {})})


def failure(code: int, message: str, *, error_code: str | None = None, param: str | None = None) -> Reply:
    """An error as OpenAI writes it."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": error_code}
    return status(code, body={"error": error})


def hang() -> Reply:
    """The request is taken and never answered."""
    return Reply(early=[Hang()])


def reset() -> Reply:
    """The connection is reset before a status comes."""
    return Reply(early=[Reset()])
