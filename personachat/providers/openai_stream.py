"""The body of a chat completion, read as it comes: bytes in, events out.

It never trusts a shape. Whatever text came is given out before the error that ended it, all text of
one read is one delta, and an end counts as good only if the server said so. A body that is no event
stream is looked at too: a whole completion is a reply like any other, a page is not.

The bytes are decoded here and not by the SDK: one jiter call instead of a pydantic model a token, the
SDK's decoder refuses legal streams, and it hides `[DONE]`, without which a truncated reply looks whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jiter

from personachat.errors import BrokenStream, NotAStream, ProviderError, ReplyEmpty, ReplyTruncated
from personachat.messages import (
    Finished,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    ToolCallsDelta,
    Usage,
    UsageReported,
)
from personachat.providers.openai_deltas import DeltaRuns
from personachat.providers.openai_errors import Server, from_stream
from personachat.providers.openai_report import read_report
from personachat.providers.sse import MAX_EVENT_BYTES, EventTooLarge, SSEDecoder

StreamEvent = TextDelta | ReasoningDelta | ToolCallsDelta | UsageReported | Finished

_FINISH_REASONS: dict[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "refusal": "refusal",
}


_CALLED = frozenset({"tool_calls", "function_call", "stop"})
"""What servers say at the end of a reply that calls tools."""


class ReplyReader:
    """Reads one reply of `model` from `server`: feed() each read, then end() once.

    Calls of tools are given out only where the request offered `tools`.
    """

    def __init__(self, server: Server, model: str, *, tools: bool = False) -> None:
        self.done = False
        """[DONE] has come: nothing of interest follows."""
        self.finish_reason: FinishReason | None = None
        """Set once the server has said why the reply ended; usage may still follow."""
        self._server = server
        self._model = model
        self._decoder = SSEDecoder()
        self._runs = DeltaRuns()
        self._usage: Usage | None = None
        self._has_text = False
        self._has_reasoning = False
        self._offers_tools = tools
        self._calls: list[dict[str, Any]] = []
        self._called_tools = False
        self._has_events = False
        self._head = bytearray()
        self._is_stream: bool | None = None

    def feed(self, data: bytes) -> Iterator[StreamEvent]:
        """Give out what this read brought, then raise a ProviderError if something in it ends the reply."""
        failure: ProviderError | None = None
        try:
            self._read(data)
        except ProviderError as error:
            failure = error
        yield from self._deltas()
        if failure:
            raise failure

    def end(self) -> Iterator[StreamEvent]:
        """Give out what is left and Finished, or raise the ProviderError that says what is missing."""
        failure: ProviderError | None = None
        try:
            self._read_rest()
        except ProviderError as error:
            failure = error
        yield from self._deltas(final=True)
        if self._usage:
            yield UsageReported(self._usage)
        failure = failure or self._missing()
        if failure:
            raise failure
        yield Finished(self.finish_reason or "stop")

    def _read(self, data: bytes) -> None:
        if not self._is_stream:
            self._head += data
            if self._is_stream is None and not self._recognise():
                return
            if len(self._head) > MAX_EVENT_BYTES:
                raise self._not_a_stream("something far too long")
            if not self._is_stream:
                return
            data = bytes(self._head)
            self._head.clear()
        try:
            events = self._decoder.feed(data)
        except EventTooLarge:
            raise self._broken("an event of more than 8 MB") from None
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
                raise self._not_a_stream("something that is no reply") from None
            self._has_events = True
            if type(value) is dict:
                self._take_value(value)
            self.done = bool(self._runs)
            if not self.done and not self.finish_reason:
                raise self._not_a_stream("JSON without a reply")

    def _recognise(self) -> bool:
        """Tell an event stream from JSON and pages by its first character; False while there is none."""
        start = bytes(self._head[:64]).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not start:
            self._head.clear()  # blank lines ahead of the reply, sent to keep the connection open
            return False
        if start.startswith(b"<"):
            raise self._not_a_stream("a web page")
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
            raise self._reported(value)
        self._take_value(value)

    def _take_value(self, value: Any) -> None:
        if type(value) is not dict:
            raise self._broken("an event that is no object")
        choices = value.get("choices")
        if choices and type(choices) is list and type(choices[0]) is dict:
            self._take_choice(choices[0])
            if choices[0].get("finish_reason") == "error" and not value.get("error"):
                raise self._reported(choices[0])
        usage = value.get("usage")
        if usage or "x_groq" in value:
            self._take_usage(usage or value["x_groq"])
        if value.get("error") or value.get("type") == "error" or value.get("object") == "error":
            raise self._reported(value)

    def _take_choice(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta") or choice.get("message") or choice
        if type(delta) is dict:
            reasoning = delta.get("reasoning_content") or delta.get("reasoning")
            if reasoning and (text := _text_of(reasoning)):
                self._runs.add(ReasoningDelta, text)
                self._has_reasoning = True
            content = delta.get("content")
            if content is None and delta is choice:
                content = delta.get("text")
            if content is not None and (text := content if type(content) is str else _text_of(content)):
                self._runs.add(TextDelta, text)
            refusal = delta.get("refusal")
            if refusal and (text := _text_of(refusal)):
                self._runs.add(TextDelta, text)
                self.finish_reason = "refusal"
            if delta.get("tool_calls") or delta.get("function_call"):
                self._called_tools = True
                if self._offers_tools and type(calls := delta.get("tool_calls")) is list:
                    self._calls += [call for call in calls if type(call) is dict]
        reason = choice.get("finish_reason")
        if reason and self.finish_reason != "refusal":
            self.finish_reason = _FINISH_REASONS.get(str(reason).lower(), "stop")
            if self._offers_tools and self._called_tools and reason in _CALLED:
                self.finish_reason = "tool_calls"

    def _take_usage(self, usage: Any) -> None:
        if type(usage) is dict and type(usage.get("usage")) is dict:
            usage = usage["usage"]
        if type(usage) is dict:
            found = Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
            self._usage = self._usage if found == Usage() else found

    def _deltas(self, *, final: bool = False) -> Iterator[TextDelta | ReasoningDelta | ToolCallsDelta]:
        for delta in self._runs.take(final=final):
            if type(delta) is TextDelta and not self._has_text:
                self._has_text = not delta.content.isspace()
            yield delta
        if self._calls:
            calls, self._calls = self._calls, []
            yield ToolCallsDelta(tuple(calls))

    def _lenient(self, data: bytes) -> Any:
        """Parse what jiter refuses and Python reads: single surrogates."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            raise self._broken("an event that cannot be read") from None
        self._runs.has_surrogates = True
        return value

    def _reported(self, value: Any) -> ProviderError:
        return from_stream(self._server, read_report(value), model=self._model)

    def _missing(self) -> ProviderError | None:  # noqa: PLR0911  # one return a kind of end
        title = self._server.title
        if self._has_text or self.finish_reason in {"length", "content_filter", "tool_calls"}:
            if self.done or self.finish_reason:
                return None
            return ReplyTruncated(
                f"{title} stopped in the middle of the reply.", hint="Continue the reply, or try again."
            )
        if not self._has_events and not self.done:
            return self._not_a_stream("nothing" if self._is_stream is None else "no reply")
        if not self.done and not self.finish_reason:
            return ReplyTruncated(f"{title} stopped before the reply began.", hint="Try again.")
        if self._has_reasoning:
            return ReplyEmpty(
                f"{self._model} thought, but wrote no answer.", hint="Try again with a higher maxTokens."
            )
        if self._called_tools:
            return ReplyEmpty(f"{self._model} wanted to call a tool instead of answering.", hint="Try again.")
        return ReplyEmpty(
            f"{self._model} ended its reply without a word.", hint="Try again, or choose another model."
        )

    def _broken(self, what: str) -> BrokenStream:
        return BrokenStream(
            f"{self._server.title} sent {what} in the middle of the reply.",
            hint="Try again; what had arrived is kept.",
        )

    def _not_a_stream(self, what: str) -> NotAStream:
        return NotAStream(
            f"{self._server.title} answered with {what} instead of a reply.",
            hint=f"Check {self._server.url_setting}: it usually ends in /v1.",
        )


def _text_of(value: Any) -> str:
    """The text in a content that is no string: parts, an object with a text, a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_text_of, value))
    if isinstance(value, dict):
        return _text_of(value.get("text") or value.get("content") or value.get("summary") or "")
    if isinstance(value, bool) or value is None:
        return ""
    return str(value)


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
