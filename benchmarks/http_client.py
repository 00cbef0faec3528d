"""Streams over HTTP, on a bare socket: POST /api/chat and POST /v1/chat/completions.

As with pages, what comes is only noted with its time and read afterwards. Each stream has a connection of
its own.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from benchmarks.measures import Reading, Seen, Sightings
from benchmarks.speech import Order, letters

PERSONA = "bench"
READ_BYTES = 2**18
PATIENCE_SECONDS = 300.0


class RequestRefused(Exception):
    """The endpoint answered with another status than 200."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a reply is asked for, with what, and where its text is in an event."""

    path: str
    body: Callable[[str], dict[str, Any]]
    text: Callable[[dict[str, Any]], str]


def _chat_body(prompt: str) -> dict[str, Any]:
    return {"message": prompt, "personaId": PERSONA}


def _completion_body(prompt: str) -> dict[str, Any]:
    return {"model": PERSONA, "stream": True, "messages": [{"role": "user", "content": prompt}]}


def _completion_text(event: dict[str, Any]) -> str:
    choices = event.get("choices") or [{}]
    return choices[0].get("delta", {}).get("content") or ""


CHAT = Endpoint("/api/chat", _chat_body, lambda event: event.get("content", ""))
COMPLETIONS = Endpoint("/v1/chat/completions", _completion_body, _completion_text)


class HttpSession:
    """Asks one endpoint; every reply on a connection of its own."""

    def __init__(self, url: str, endpoint: Endpoint) -> None:
        self._address = urlsplit(url)
        self._endpoint = endpoint

    async def ask(self, order: Order) -> Reading:
        """Raises RequestRefused once it is read."""
        submitted_ns = time.monotonic_ns()
        reads = await asyncio.wait_for(self._exchange(self._endpoint.body(order.prompt)), PATIENCE_SECONDS)
        return lambda: self._seen(order, submitted_ns, reads)

    async def close(self) -> None:
        """Nothing stays open."""

    async def _exchange(self, body: dict[str, Any]) -> list[tuple[int, bytes]]:
        reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        data = json.dumps(body).encode()
        head = (
            f"POST {self._endpoint.path} HTTP/1.1\r\nHost: {self._address.netloc}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        writer.write(head.encode() + data)
        reads = []
        while received := await reader.read(READ_BYTES):
            reads.append((time.monotonic_ns(), received))
        writer.close()
        await writer.wait_closed()
        return reads

    def _seen(self, order: Order, submitted_ns: int, reads: list[tuple[int, bytes]]) -> Seen:
        sightings, count = Sightings(order), 0
        for at_ns, event in events(reads):
            count += len(letters(self._endpoint.text(event)))
            sightings.see(at_ns, count)
        return Seen(order, submitted_ns, sightings.grown, sum(len(data) for _, data in reads))


def events(reads: list[tuple[int, bytes]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON of each server-sent event in a chunked answer, with the time of the read that ended it."""
    raw, body = b"", b""
    head_over = False
    for at_ns, data in reads:
        raw += data
        if not head_over:
            head, head_over_mark, rest = raw.partition(b"\r\n\r\n")
            if not head_over_mark:
                continue
            if head.split()[1] != b"200":
                everything = b"".join(part for _, part in reads)
                raise RequestRefused(everything.partition(b"\r\n\r\n")[2][:300].decode(errors="replace"))
            raw, head_over = rest, True
        chunk, raw = _dechunked(raw)
        body += chunk
        *lines, body = body.split(b"\n")
        for line in lines:
            if line.startswith(b"data: {"):
                yield at_ns, json.loads(line[6:])


def _dechunked(raw: bytes) -> tuple[bytes, bytes]:
    """The content of all chunks that are whole, and what is left."""
    found, at = [], 0
    while (end := raw.find(b"\r\n", at)) >= 0:
        size = int(raw[at:end], 16)
        if len(raw) < end + 2 + size + 2:
            break
        found.append(raw[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return b"".join(found), raw[at:]
