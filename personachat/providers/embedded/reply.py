"""One reply of llama.cpp: its chunks as events, and each of its failures as one ProviderError."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from personachat.errors import (
    ContextTooLong,
    ProviderError,
    ReplyEmpty,
    ReplyTruncated,
    RequestRefused,
    StreamFailed,
)
from personachat.messages import (
    Finished,
    FinishReason,
    ReasoningDelta,
    Started,
    TextDelta,
    Usage,
    UsageReported,
    storable,
)
from personachat.providers.base import ChatRequest, ProviderEvent
from personachat.providers.embedded.llama import Chunk

LEAST_REPLY_TOKENS = 128
"""Tokens that a prompt must leave free, unless the reply is to be shorter: it would end in mid-sentence."""


class LlamaReply:
    """llama.cpp's chunks as events: Started once there is room for a reply, then one text per arrival."""

    def __init__(self, request: ChatRequest, *, provider: str, model: str, context_tokens: int) -> None:
        self._provider = provider
        self._model = model
        self._context_tokens = context_tokens
        self._least_tokens = min(request.max_tokens or LEAST_REPLY_TOKENS, LEAST_REPLY_TOKENS)
        self._started = False
        self._said_something = False
        self._usage: Usage | None = None
        self._finish_reason: FinishReason | None = None

    def feed(self, chunks: list[Chunk]) -> Iterator[ProviderEvent]:
        texts: list[str] = []
        thoughts: list[str] = []
        fault: Chunk | None = None
        for chunk in chunks:
            fault = fault or chunk.get("error")
            if (progress := chunk.get("prompt_progress")) and not self._started:
                self._check_room(progress["total"])
            if usage := chunk.get("usage"):
                self._usage = Usage(usage["prompt_tokens"], usage["completion_tokens"])
            for choice in _of_index_0(chunk.get("choices", ())):
                texts.append(choice["delta"].get("content") or "")
                thoughts.append(choice["delta"].get("reasoning_content") or "")
                if reason := choice["finish_reason"]:
                    self._finish_reason = "length" if reason == "length" else "stop"
        if not self._started and not fault:
            self._started = True
            yield Started(self._provider, self._model)
        if thought := storable("".join(thoughts)):
            yield ReasoningDelta(thought)
        if text := storable("".join(texts)):
            self._said_something = True
            yield TextDelta(text)
        if fault:
            raise self._failure(fault)

    def end(self) -> Iterator[ProviderEvent]:
        if self._finish_reason is None:
            raise ReplyTruncated("The offline model stopped unexpectedly.", hint="Try again.")
        if self._usage:
            yield UsageReported(self._usage)
        if not self._said_something and self._finish_reason == "stop":
            raise ReplyEmpty("The offline model returned an empty reply.", hint="Try again.")
        yield Finished(self._finish_reason)

    def _check_room(self, prompt_tokens: int) -> None:
        if prompt_tokens + self._least_tokens > self._context_tokens:
            raise self._too_long()

    def _failure(self, fault: Chunk) -> ProviderError:
        if fault.get("type") == "exceed_context_size_error":
            return self._too_long()
        if fault.get("type") == "invalid_request_error":
            return RequestRefused("The offline model can't process this conversation.")
        return StreamFailed("The offline model failed.", hint="Try again.")

    def _too_long(self) -> ContextTooLong:
        return ContextTooLong(
            f"This is longer than the offline model's context window of {self._context_tokens} tokens.",
            hint=(
                "Shorten the message or the system prompt, or choose a model with a larger context window."
            ),
        )


def _of_index_0(choices: Iterable[Chunk]) -> list[Chunk]:
    return [choice for choice in choices if not choice.get("index")]
