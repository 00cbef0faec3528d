"""Summaries of turns that no longer fit: one request to the model itself, made once.

A summary is identified by the last turn it covers, whose ancestors never change. So other replies to the same
message use it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from personachat.conversations.model import Reply, Turn
from personachat.errors import PersonaChatError
from personachat.messages import ChatMessage, Failed, Usage
from personachat.personas.token_estimates import BYTES_PER_TOKEN, estimate_tokens
from personachat.providers.base import ChatRequest, Provider
from personachat.replies.context import UNMEASURED_SCALE
from personachat.replies.engine import ReplyLimits, reply
from personachat.replies.live import LiveReply
from personachat.usage.model import CallRecorder, Origin, Unrecorded
from personachat.usage.words import current_words

SUMMARY_TOKENS = 400
"""The most tokens of a summary, if the window is large enough for it."""

INSTRUCTION_TOKENS = 150

LONGEST_INPUT_TOKENS = 32_000
"""The most recent tokens that are summed up at once: more would take minutes and money."""

TEMPERATURE = 0.3

KEPT_SUMMARIES = 256

_SUM_UP = (
    "Sum up the conversation you are given, for somebody who has to go on with it and cannot read it: "
    "who the user is and what they want, facts, names, numbers, decisions, promises and open questions. "
    "At most 200 words, in the language of the conversation. Write the summary and nothing else."
)


@dataclass(frozen=True, slots=True)
class SummaryResult:
    """The text, or why there is none; `usage` of the request, if one was made and the provider counted."""

    text: str = ""
    failure: str = ""
    usage: Usage | None = None
    made_earlier: bool = False
    """Whether the summary existed already."""


class Summaries:
    """Requests summaries and remembers the last ones. Use it on the engine's loop only."""

    def __init__(self, *, limits: ReplyLimits, calls: CallRecorder | None = None) -> None:
        self._limits = limits
        self._calls = calls or Unrecorded()
        self._texts: dict[str, str] = {}

    async def of(
        self,
        turns: Sequence[Turn],
        *,
        earlier: str,
        name: str,
        provider: Provider,
        model: str,
        window_tokens: int,
        origin: Origin | None = None,
    ) -> SummaryResult:
        """Sum up the earlier summary and `turns`, at least one; `name` is the persona's.

        `origin` is that of the reply that needs it.
        """
        last = turns[-1].id
        if last in self._texts:
            return SummaryResult(self._texts[last], made_earlier=True)
        longest = longest_summary_tokens(window_tokens)
        request = ChatRequest(
            model,
            summary_prompt(
                [turn.as_message() for turn in turns],
                earlier=earlier,
                name=name,
                at_most_tokens=longest_input_tokens(window_tokens),
            ),
            pinned=2,
            temperature=TEMPERATURE,
            max_tokens=longest,
        )
        summed_up = await self._request(provider, request, origin or Origin())
        if not summed_up.failure:
            # A server that doesn't accept max_tokens may write more.
            summed_up = SummaryResult(summed_up.text[: longest * 8], usage=summed_up.usage)
            self._texts[last] = summed_up.text
            if len(self._texts) > KEPT_SUMMARIES:
                self._texts.pop(next(iter(self._texts)))
        return summed_up

    async def _request(self, provider: Provider, request: ChatRequest, origin: Origin) -> SummaryResult:
        estimate = sum(estimate_tokens(message.content) for message in request.messages)
        origin = replace(origin, purpose="summary", prompt_tokens=estimate, most_tokens=request.max_tokens)
        running = LiveReply(first=Reply(provider=provider.name, model=request.model), origin=origin)
        call = self._calls.begin(origin, running.counted)
        if call.words:
            call.words.reply = lambda: running.snapshot().text
        around = current_words.set(call.words)
        try:
            await self._calls.admit(call)
            return await self._written(provider, request, running)
        except PersonaChatError as refused:
            running.add(Failed.of(refused))
            return SummaryResult(failure=str(refused))
        finally:
            current_words.reset(around)
            running.stop()  # does nothing if it has ended
            self._calls.end(call)

    async def _written(self, provider: Provider, request: ChatRequest, running: LiveReply) -> SummaryResult:
        async with aclosing(reply(provider, request, limits=self._limits)) as events:
            async for event in events:
                running.add(event)
        written = running.snapshot()
        if written.error:
            return SummaryResult(failure=written.error.message, usage=written.usage)
        text = written.text.strip()
        return SummaryResult(text, "" if text else "The model wrote no summary.", written.usage)


def longest_summary_tokens(window_tokens: int) -> int:
    """The most tokens of a summary: an eighth of a small window."""
    return min(SUMMARY_TOKENS, window_tokens // 8)


def longest_input_tokens(window_tokens: int) -> int:
    """The most estimated tokens that can be summed up at once."""
    room = (window_tokens - longest_summary_tokens(window_tokens)) / UNMEASURED_SCALE - INSTRUCTION_TOKENS
    return min(max(int(room), 0), LONGEST_INPUT_TOKENS)


def summary_prompt(
    messages: Sequence[ChatMessage], *, earlier: str, name: str, at_most_tokens: int
) -> tuple[ChatMessage, ...]:
    """The request for a summary of `messages` and of the `earlier` one, which the new one replaces.

    `name` is the persona's. Of a conversation with more than `at_most_tokens` (estimated), only the end is
    sent.
    """
    speakers = {"user": "User", "assistant": name}
    talk = "\n\n".join(f"{speakers.get(each.role, each.role)}: {each.content}" for each in messages)
    end_of_talk = talk.encode("utf-8", "replace")[-max(at_most_tokens, 1) * BYTES_PER_TOKEN :]
    talk = end_of_talk.decode("utf-8", "ignore")
    before = f"Summary of what came before:\n{earlier}\n\nWhat came then:\n" if earlier else ""
    return ChatMessage("system", _SUM_UP), ChatMessage("user", f"{before}{talk}")
