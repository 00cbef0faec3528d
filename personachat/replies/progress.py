"""A reply as it grows: its events, folded into its current state.

Time doesn't pass while it is paused. If a reply is continued, its usage adds up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from personachat.conversations.model import Reply
from personachat.messages import (
    Failed,
    Finished,
    Noticed,
    ReasoningDelta,
    ReplyEvent,
    Rethought,
    Started,
    TextDelta,
    ToolCallsDelta,
    TurnState,
    Usage,
    UsageReported,
)
from personachat.personas.token_estimates import estimate_tokens
from personachat.usage.model import CallSnapshot, RequestUsage


@dataclass(slots=True)
class _Request:
    """One request to the model, and where the text it brought begins."""

    text_from: int = 0
    reasoning_from: int = 0
    usage: Usage | None = None


class Words:
    """A reply's text and reasoning as they arrive, in pieces. Readers may join or replace the pieces."""

    __slots__ = ("_text_from", "reasoning", "text")

    def __init__(self, text: str = "", reasoning: str = "") -> None:
        self.text = [text] if text else []
        self.reasoning = [reasoning] if reasoning else []
        self._text_from = len(text)
        """The length of the text when the model last started."""

    def begin(self) -> tuple[int, int]:
        """The model starts. Returns how many characters of text and of reasoning there are."""
        self._text_from = sum(map(len, self.text))
        return self._text_from, sum(map(len, self.reasoning))

    def rethink(self) -> bool:
        """Count all text since the model started as reasoning; False if there was none."""
        text = "".join(self.text)
        thoughts = text[self._text_from :]
        if thoughts:
            self.text[:] = [text[: self._text_from]] if self._text_from else []
            self.reasoning.append(thoughts)
        return bool(thoughts)

    def joined(self) -> tuple[str, str]:
        for pieces in (self.text, self.reasoning):
            if len(pieces) > 1:
                pieces[:] = ["".join(pieces)]
        return "".join(self.text), "".join(self.reasoning)


class ReplyProgress:
    """Not safe for threads. `outline` is the reply without its text and reasoning."""

    def __init__(self, first: Reply) -> None:
        self.outline = replace(first, text="", reasoning="")
        self._words = Words(first.text, first.reasoning)
        self._text, self._reasoning = self._words.text, self._words.reasoning
        self._before_seconds = first.duration_seconds or 0
        """What the reply had used before it was continued."""
        self._began = time.monotonic() - self._before_seconds
        self._paused: float | None = None
        self._requests: list[_Request] = []
        self._retries = 0
        self._awaits_text = True
        self._first_token_seconds: float | None = None
        """The state of this call alone; `outline` has that of the whole reply."""

    @property
    def elapsed_seconds(self) -> float:
        return (self._paused or time.monotonic()) - self._began

    def reply(self) -> Reply:
        text, reasoning = self._words.joined()
        return replace(self.outline, text=text, reasoning=reasoning)

    def pause(self) -> None:
        self._paused = time.monotonic()
        self.set_state("paused")

    def resume(self) -> None:
        if self._paused:
            self._began += time.monotonic() - self._paused
        self._paused = None
        self.set_state("running")

    def set_state(self, state: TurnState) -> None:
        self.outline = replace(self.outline, state=state)

    def agree(self, reply: Reply) -> None:
        """Copy everything but the text from what another process reports about the same reply."""
        self.outline = replace(reply, text="", reasoning="")

    def add(self, event: ReplyEvent) -> None:
        match event:
            case TextDelta(content):
                if self._awaits_text:
                    self._note_first_text()
                self._text.append(content)
            case ReasoningDelta(content):
                if self._first_token_seconds is None:
                    self._note_first_token()
                self._reasoning.append(content)
            case _:
                self._note(event)

    def _note(self, event: ReplyEvent) -> None:
        """Apply an event that isn't text or reasoning."""
        match event:
            case Started(provider, model):
                self._requests.append(_Request(*self._words.begin()))
                self._retries = max(self._retries, event.retries)
                self.outline = replace(self.outline, provider=provider, model=model)
            case ToolCallsDelta():
                if self._first_token_seconds is None:
                    self._first_token_seconds = self.elapsed_seconds - self._before_seconds
            case Rethought():
                self._rethink()
            case Noticed():
                self.outline = _with_notice(self.outline, event)
            case UsageReported():
                if not self._requests:
                    self._requests.append(_Request())
                self._requests[-1].usage = event.usage
                self.outline = _with_usage(self.outline, event)
            case Finished() | Failed():
                self._end(event)

    def counted(self) -> CallSnapshot:
        """What the ledger records about this call."""
        whole = self.reply()
        ends = [*((each.text_from, each.reasoning_from) for each in self._requests[1:]), (None, None)]
        took = whole.duration_seconds
        if whole.live or took is None:
            took = self.elapsed_seconds
        return CallSnapshot(
            provider=whole.provider,
            model=whole.model,
            state=whole.state,
            finish_reason=whole.finish_reason,
            error_code=whole.error.code if whole.error else None,
            retries=self._retries,
            first_token_seconds=self._first_token_seconds,
            duration_seconds=max(took - self._before_seconds, 0),
            requests=tuple(
                RequestUsage(
                    each.usage,
                    estimate_tokens(whole.text[each.text_from : text_to])
                    + estimate_tokens(whole.reasoning[each.reasoning_from : reasoning_to]),
                )
                for each, (text_to, reasoning_to) in zip(self._requests, ends, strict=False)
            ),
        )

    def _end(self, event: Finished | Failed) -> None:
        self._retries = max(self._retries, event.retries)
        self.outline = replace(self.outline, duration_seconds=self.elapsed_seconds)
        if isinstance(event, Failed):
            self.outline = replace(self.outline, state="failed", error=event)
        else:
            state: TurnState = "stopped" if event.reason == "stopped" else "finished"
            self.outline = replace(self.outline, state=state, finish_reason=event.reason)

    def _rethink(self) -> None:
        """All text since the last Started was reasoning."""
        if self._words.rethink():
            self._awaits_text = True
            self.outline = replace(self.outline, reasoning_seconds=None)

    def _note_first_token(self) -> None:
        elapsed = self.elapsed_seconds
        self._first_token_seconds = elapsed - self._before_seconds
        if self.outline.first_token_seconds is None:
            self.outline = replace(self.outline, first_token_seconds=elapsed)

    def _note_first_text(self) -> None:
        self._awaits_text = False
        if self._first_token_seconds is None:
            self._note_first_token()
        if not self._text:
            elapsed = self.elapsed_seconds if self._reasoning else None
            self.outline = replace(self.outline, reasoning_seconds=elapsed)


def _with_notice(reply: Reply, event: Noticed) -> Reply:
    """The reply with a notice, added only once even if the provider was asked twice."""
    if event.message not in reply.notices:
        reply = replace(reply, notices=(*reply.notices, event.message))
    if event.memory_from is not None:
        reply = replace(reply, memory_from=event.memory_from, summary=event.summary)
    return reply


def _with_usage(reply: Reply, event: UsageReported) -> Reply:
    """The reply with one more request's usage. If part of a cost is unknown, the sum is."""
    if reply.usage is None:
        return replace(reply, usage=event.usage, cost_usd=event.cost_usd)
    is_priced = reply.cost_usd is not None and event.cost_usd is not None
    return replace(
        reply,
        usage=reply.usage.plus(event.usage),
        cost_usd=(reply.cost_usd or 0) + (event.cost_usd or 0) if is_priced else None,
    )
