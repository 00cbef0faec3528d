"""Limits on the arrival of a request, which uvicorn lacks: of its head in size, of all of it in time.

uvicorn waits for ever for the rest of what was begun, and for a connection's first byte. Whoever opens many
such connections takes the server's files from everybody. A connection that is too late is told so (408) and
closed; one whose body we do not read at the moment is not, for then we are the slow ones. A head without end
would be copied again with every piece that arrives, and so hold up everybody: it is refused (431). A message
over a WebSocket that Streamlit would refuse for its size is not unpacked first: a few hundred kilobytes can
become hundreds of megabytes.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import websockets.http11
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_SECONDS = 20.0
BODY_SECONDS = 30.0
"""What every body may take; beyond it has to keep the pace."""

LEAST_BYTES_A_SECOND = 4_096

MOST_HEAD_BYTES = 65_536
"""Of a head, or of what follows a body in pieces; one read more is let pass if it is whole with it."""


def _answer(status: int, sentence: bytes) -> bytes:
    return b"".join(
        (
            STATUS_LINE[status],
            b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\n",
            b"content-length: %d\r\n\r\n" % len(sentence),
            sentence,
        )
    )


_UNREADABLE = _answer(400, b"The head of the request can't be read.")
_TOO_LATE = _answer(408, b"The request took too long to arrive.")
_TOO_LARGE = _answer(431, b"The head of the request is too large.")


def limit(server: Config, *, most_message_bytes: int) -> None:
    """Have a server that is about to start use the limits; one that reads HTTP otherwise is left alone."""
    server.ws_max_size = min(server.ws_max_size, most_message_bytes)
    # It reads the head once more, and would leave one with 9 KB of cookies without an answer.
    websockets.http11.MAX_LINE_LENGTH = websockets.http11.MAX_NUM_HEADERS = 4 * MOST_HEAD_BYTES
    if server.http_protocol_class is HttpToolsProtocol:
        server.http_protocol_class = TimedHttpProtocol


class TimedHttpProtocol(HttpToolsProtocol):
    """One connection. The clock runs while a request is awaited or under way, never while it is answered."""

    head_seconds: ClassVar[float] = HEAD_SECONDS
    body_seconds: ClassVar[float] = BODY_SECONDS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._clock: asyncio.TimerHandle | None = None
        self._began = 0.0
        self._received = 0
        self._unread = 0
        """Bytes since the last head or piece of a body that was whole."""
        self._in_body = False
        self._is_websocket = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        super().data_received(data)
        if self._is_websocket:
            return  # another protocol reads this connection now
        if self._unread > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._close_with(_TOO_LARGE)
            return
        if self._clock is None and self._is_idle and self.timeout_keep_alive_task is None:
            self._start_clock()  # what came began no request, and ended the wait for the next one

    def handle_websocket_upgrade(self) -> None:
        self._is_websocket = True
        self._stop_clock()
        super().handle_websocket_upgrade()
        connection = getattr(self.transport.get_protocol(), "conn", None)
        if getattr(connection, "handshake_exc", None) and not self.transport.is_closing():
            self._close_with(_UNREADABLE)  # nobody else would answer, or ever close it

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._clock is None:
            self._start_clock()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._unread = 0
        self._in_body = True
        self._received = 0
        self._began = self.loop.time()

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        self._received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread = 0
        self._stop_clock()
        super().on_message_complete()

    @property
    def _is_idle(self) -> bool:
        return (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing()

    @property
    def _has_begun_an_answer(self) -> bool:
        """To the request that is late, or to one before it."""
        if self.cycle is None or not self.cycle.response_started:
            return False
        return self._in_body or not self.cycle.response_complete

    def _start_clock(self) -> None:
        self._in_body = False
        self._began = self.loop.time()
        self._clock = self.loop.call_later(self.head_seconds, self._look)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        self._in_body = False

    def _look(self) -> None:
        """Close the connection if its time is up, else look again when it will be."""
        self._clock = None
        if self.transport.is_closing():
            return
        if self._in_body and self.flow.read_paused:
            self._began, self._received = self.loop.time(), 0  # it is we who do not read
        allowed = self.head_seconds
        if self._in_body:
            allowed = self.body_seconds + self._received / LEAST_BYTES_A_SECOND
        left = self._began + allowed - self.loop.time()
        if left > 0:
            self._clock = self.loop.call_later(left, self._look)
            return
        self._close_with(_TOO_LATE)

    def _close_with(self, answer: bytes) -> None:
        if not self._has_begun_an_answer:
            self.transport.write(answer)
        self.transport.close()
