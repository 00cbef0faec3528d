"""Server-sent events out of raw bytes, as tolerant as browsers are.

Follows the event stream format of the HTML standard (section 9.2.6): lines end with CR, LF or CRLF,
wherever the network cuts them; a byte order mark, comments, `id:`, `retry:` and unknown fields are
passed over; an event without data is none. Data stays bytes: whether they are UTF-8 is the reader's
question, so that one broken event does not take the good ones of the same read with it.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""Bytes; far above any real event. A server that never ends a line must not fill the memory."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """`name` is empty if the server gave none; `data` has its lines joined by newlines."""

    name: bytes
    data: bytes


class EventTooLarge(ValueError):
    """One event is larger than the decoder may hold."""


class SSEDecoder:
    """Feed it what the network delivers, in order; it returns the complete events."""

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._line: list[bytes] = []
        self._line_bytes = 0
        self._name = b""
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Return the events that this chunk completes. Raises EventTooLarge."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk[0] == 0x0A:  # the second half of a CRLF that the network cut
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk[-1] == 0x0D
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._line.append(chunk)
        self._line_bytes += len(chunk)
        if b"\n" not in chunk:
            self._check_size()
            return []
        *lines, rest = b"".join(self._line).split(b"\n")
        self._line, self._line_bytes = [rest], len(rest)
        events = self._take(lines)
        self._check_size()
        return events

    def finish(self) -> list[ServerSentEvent]:
        """Return the event at the end of the stream that lacks its blank line, if it has data.

        The standard drops it, but real servers forget the last newline of a complete event.
        """
        line, self._line, self._line_bytes = b"".join(self._line), [], 0
        return self._take([line, b""])

    def _take(self, lines: list[bytes]) -> list[ServerSentEvent]:
        if self._at_start and lines:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        events: list[ServerSentEvent] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data:"):
                value = line[6:] if line.startswith(b"data: ") else line[5:]
                data.append(value)
                self._data_bytes += len(value)
            elif not line:
                if data:
                    whole = data[0] if len(data) == 1 else b"\n".join(data)
                    if whole.strip():
                        events.append(ServerSentEvent(self._name, whole))
                    data.clear()
                    self._data_bytes = 0
                self._name = b""
            elif line.startswith(b"event:"):
                self._name = line[6:].strip()
        return events

    def _check_size(self) -> None:
        if self._line_bytes + self._data_bytes > self._max_event_bytes:
            raise EventTooLarge
