"""A fake OpenAI-compatible provider that remembers when each token left it.

`python -m benchmarks.provider PORT` serves POST /v1/chat/completions, GET /v1/models, and GET
/emitted/NUMBER, the record of an order's reply. It is written upon sockets, so that it takes as little of
the machine as it can from those who are measured; each token is a write of its own, as from a model.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from typing import Any

from benchmarks.speech import Order

HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%s\r\n\r\n"
KEPT_RECORDS = 5000


class Provider:
    """Its records are those of measures.Emission, by the number of the order."""

    def __init__(self) -> None:
        self._records: dict[str, dict[str, Any]] = {}

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection, for as many requests as it likes."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            kept = True
            while kept:
                path, body, kept = await _request(reader)
                await self._answer(path, body, writer)
        with suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    async def _answer(self, path: str, body: dict[str, Any], writer: StreamWriter) -> None:
        if path.endswith("/chat/completions"):
            order = _order_of(body) or Order(5, 0, "none")
            if body.get("stream"):
                await self._stream(order, body, writer)
            else:
                _write_json(writer, _whole(order, body))
        elif path.startswith("/emitted/"):
            _write_json(writer, self._records.get(path.removeprefix("/emitted/"), {}))
        else:
            models = [{"id": "bench", "object": "model", "created": 0, "owned_by": "bench"}]
            _write_json(writer, {"object": "list", "data": models})
        await writer.drain()

    async def _stream(self, order: Order, body: dict[str, Any], writer: StreamWriter) -> None:
        emitted: list[int] = []
        record = {"emitted_ns": emitted, "sent_bytes": 0}
        self._remember(order, record)
        frame = _Frame(order, str(body.get("model")))
        writer.write(HEADERS % (b"text/event-stream", b"Transfer-Encoding: chunked"))
        sent = _write_chunk(writer, frame.around({"role": "assistant", "content": ""}))
        start = time.monotonic()
        for place, token in enumerate(order.reply):
            if order.per_second:
                await asyncio.sleep(max(0.0, start + place / order.per_second - time.monotonic()))
            emitted.append(time.monotonic_ns())
            sent += _write_chunk(writer, frame.with_token(token))
            await writer.drain()
            if not order.per_second:
                await asyncio.sleep(0)  # the others' turn
        sent += _write_chunk(writer, frame.around({}, finish_reason="stop"))
        if (body.get("stream_options") or {}).get("include_usage"):
            sent += _write_chunk(writer, frame.usage())
        sent += _write_chunk(writer, b"data: [DONE]\n\n")
        record["sent_bytes"] = sent
        writer.write(b"0\r\n\r\n")

    def _remember(self, order: Order, record: dict[str, Any]) -> None:
        self._records[order.number] = record
        if len(self._records) > KEPT_RECORDS:
            del self._records[next(iter(self._records))]


class _Frame:
    """The JSON around each token, made once."""

    def __init__(self, order: Order, model: str) -> None:
        self._order = order
        self._base = {
            "id": f"chatcmpl-{order.number}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._head, self._tail = self.around({"content": "?"}).split(b'"?"')

    def with_token(self, token: str) -> bytes:
        return self._head + json.dumps(token).encode() + self._tail

    def around(self, delta: dict[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _event(self._base | {"choices": [choice]})

    def usage(self) -> bytes:
        return _event(self._base | {"choices": [], "usage": _usage(self._order)})


def _event(value: dict[str, Any]) -> bytes:
    return b"data: %s\n\n" % json.dumps(value, separators=(",", ":")).encode()


def _usage(order: Order) -> dict[str, int]:
    return {"prompt_tokens": 10, "completion_tokens": order.tokens, "total_tokens": order.tokens + 10}


def _whole(order: Order, body: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": "".join(order.reply)}
    return {
        "id": f"chatcmpl-{order.number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _usage(order),
    }


def _order_of(body: dict[str, Any]) -> Order | None:
    """What the last thing the person said orders."""
    said = [message["content"] for message in body.get("messages", ()) if message["role"] == "user"]
    return Order.found_in(json.dumps(said[-1])) if said else None


async def _request(reader: StreamReader) -> tuple[str, dict[str, Any], bool]:
    """Path, JSON body, and whether another request may follow on the connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *headers = head.lower().split("\r\n")
    fields = dict(header.split(": ", 1) for header in headers if ": " in header)
    body = await reader.readexactly(int(fields.get("content-length", 0)))
    return line.split()[1], json.loads(body) if body else {}, fields.get("connection") != "close"


def _write_chunk(writer: StreamWriter, data: bytes) -> int:
    chunk = b"%x\r\n%s\r\n" % (len(data), data)
    writer.write(chunk)
    return len(chunk)


def _write_json(writer: StreamWriter, value: dict[str, Any]) -> None:
    data = json.dumps(value).encode()
    writer.write(HEADERS % (b"application/json", b"Content-Length: %d" % len(data)) + data)


async def _main(port: int) -> None:
    server = await asyncio.start_server(Provider().serve, "127.0.0.1", port, backlog=1024, limit=2**22)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(int(sys.argv[1])))
