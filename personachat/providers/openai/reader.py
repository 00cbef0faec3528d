"""The body of a chat completion, read as it arrives: bytes in, events out.

No shape is trusted. Any text that came is returned before the error that ended it, all text of one read is
one delta, and an end is good only if the server said so. A body that isn't an event stream is read too: a
complete completion is a reply like any other, a page isn't.

The bytes are decoded here and not by the SDK: that takes one jiter call instead of a pydantic model per
token. The SDK's decoder also refuses legal streams and hides `[DONE]`, without which a truncated reply looks
complete.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jiter

from personachat.errors import ProviderError
from personachat.messages import (
    Finished,
    FinishReason,
    Noticed,
    ToolCallsDelta,
    UsageReported,
)
from personachat.providers.openai.completion import Completion
from personachat.providers.openai.errors import broken_stream, not_a_stream
from personachat.providers.openai.reports import Report
from personachat.providers.openai.server import Server
from personachat.providers.openai.sse import MAX_EVENT_BYTES, EventTooLarge, SSEDecoder
from personachat.providers.openai.thinking import ThinkingEvent

StreamEvent = ThinkingEvent | ToolCallsDelta | Noticed | UsageReported | Finished


class ReplyReader:
    """Reads one reply of `model` from `server`: feed() each read, then end() once.

    Tool calls are only returned if the request offered `tools`.
    """

    def __init__(
        self, server: Server, model: str, *, tools: bool = False, thinks_first: bool = False
    ) -> None:
        self.done = False
        """[DONE] has come: nothing relevant follows."""
        self._server = server
        self._completion = Completion(server, model, tools=tools, thinks_first=thinks_first)
        self._decoder = SSEDecoder()
        self._has_events = False
        self._head = bytearray()
        self._is_stream: bool | None = None

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the reply ended, once the server has said so; usage may still follow."""
        return self._completion.finish_reason

    @property
    def closed_alone(self) -> bool | None:
        """Whether the model closed thoughts that nothing had opened; None if that isn't clear."""
        return self._completion.closed_alone

    @property
    def refusal(self) -> Report | None:
        """The error that the answer consisted of; None if there was none or something else came first."""
        return self._completion.refusal

    def feed(self, data: bytes) -> Iterator[StreamEvent]:
        """Return what this read brought, then raise a ProviderError if something in it ends the reply."""
        failure: ProviderError | None = None
        try:
            self._read(data)
        except ProviderError as error:
            failure = error
        yield from self._completion.deltas()
        if failure:
            raise failure

    def end(self) -> Iterator[StreamEvent]:
        """Return what is left and Finished, or raise the ProviderError that says what is missing."""
        failure: ProviderError | None = None
        try:
            self._read_rest()
        except ProviderError as error:
            failure = error
        yield from self._completion.deltas(final=True, done=self.done and failure is None)
        if reason := self._completion.unknown_reason:
            yield Noticed(
                f"The model ended its reply for an unknown reason ({reason}), so it may be "
                "incomplete. If it is, regenerate it."
            )
        if self._completion.usage:
            yield UsageReported(self._completion.usage)
        failure = failure or self._missing()
        if failure:
            raise failure
        yield Finished(self._completion.end_reason)

    def _read(self, data: bytes) -> None:
        if not self._is_stream:
            self._head += data
            if self._is_stream is None and not self._recognise():
                return
            if len(self._head) > MAX_EVENT_BYTES:
                raise not_a_stream(self._server, "something far too long")
            if not self._is_stream:
                return
            data = bytes(self._head)
            self._head.clear()
        try:
            events = self._decoder.feed(data)
        except EventTooLarge:
            raise broken_stream(self._server, "an event of more than 8 MB") from None
        for name, value in events:
            self._take(name, value)
            if self.done:
                return

    def _read_rest(self) -> None:
        if self._is_stream:
            for name, value in [] if self.done else self._decoder.finish():
                self._take(name, value)
        elif body := bytes(self._head).strip():
            try:
                value = jiter.from_json(body)
            except ValueError:
                raise not_a_stream(self._server, "something that is not a reply") from None
            self._has_events = True
            if type(value) is dict:
                self._completion.take(value)
            self.done = bool(self._completion.runs)
            if not self.done and not self.finish_reason:
                raise not_a_stream(self._server, "JSON that contains no reply")

    def _recognise(self) -> bool:
        """Tell an event stream from JSON and pages by its first character; False while there is none."""
        start = bytes(self._head[:64]).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not start:
            self._head.clear()  # blank lines before the reply, sent to keep the connection open
            return False
        if start.startswith(b"<"):
            raise not_a_stream(self._server, "a web page")
        self._is_stream = start[:1] not in b"{["
        return True

    def _take(self, name: bytes, data: bytes) -> None:
        if data.startswith(b"[DONE]"):
            self.done = self._has_events = True
            return
        self._has_events = True
        try:
            value = jiter.from_json(data)
        except ValueError:
            value = data.decode(errors="replace") if name == b"error" else self._lenient(data)
        if name == b"error":
            raise self._completion.reported(value)
        self._completion.take(value)

    def _lenient(self, data: bytes) -> Any:
        """Parse what jiter refuses and Python reads: lone surrogates."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            raise broken_stream(self._server, "an event that can't be read") from None
        self._completion.runs.has_surrogates = True
        return value

    def _missing(self) -> ProviderError | None:
        if not self._has_events and not self.done:
            return not_a_stream(self._server, "nothing" if self._is_stream is None else "no reply")
        return self._completion.missing(done=self.done)
