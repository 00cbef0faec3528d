"""How much of a conversation fits into a model's window. Pure.

The persona's own messages and the user's last message always stay, even if they alone are too much. The
oldest turns are dropped first, a question together with its answers, so that the rest never begins with an
answer.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median_low
from typing import TypeAlias

from personachat.conversations.model import Turn
from personachat.messages import ChatMessage
from personachat.personas.prompt import Inserted, with_inserted
from personachat.personas.token_estimates import estimate_tokens

MESSAGE_TOKENS = 4
"""Tokens that a chat template adds to a message, roughly."""

UNMEASURED_SCALE = 1.25
"""Factor for estimates until a provider has counted text of the same conversation."""

SCALE_BOUNDS = (0.5, 2.0)
"""A ratio outside these bounds counted something else: cached text only, or two requests together."""

MEASURABLE_TOKENS = 100
"""With fewer tokens, the template outweighs the text and the ratio means nothing."""

MEASURED_REPLIES = 5
"""How many of the last replies are looked at; a continued one counts twice."""


@dataclass(frozen=True, slots=True)
class ContextUse:
    """How full the model's window is. `measured`: counted by the provider; otherwise an estimate."""

    used_tokens: int
    window_tokens: int | None
    """None if unknown."""
    memory_from: int | None
    """Depth of the first turn that is sent; None if all are."""
    measured: bool


@dataclass(frozen=True, slots=True)
class EarlierSummary:
    """What is sent instead of the turns above the depth `memory_from`."""

    text: str
    memory_from: int


@dataclass(frozen=True, slots=True)
class FittedContext:
    """What is sent: the `pinned` messages, one of which may be a summary, and turns.

    The persona's own text may be inserted among the turns.
    """

    messages: tuple[ChatMessage, ...]
    pinned: int
    depths: tuple[int, ...]
    """The depth of each message's turn. Inserted text has the next turn's depth."""
    memory_from: int | None
    """Depth of the first turn that is sent; None if all are."""
    prompt_tokens: int
    """Estimated."""
    summary: str = ""
    dropped: tuple[Turn, ...] = ()
    """Number of turns that are neither sent nor summed up."""
    kept_last: int = 1
    """How many messages there are from the last turn on."""


@dataclass(frozen=True, slots=True)
class PathWords:
    """The turns of a path that can be sent, those with text; read once for a whole plan.

    `depths`, `messages` and `tokens` (estimated) have one item per turn. New turns that aren't stored yet may
    have no depth: they get the one after the turn before.
    """

    turns: tuple[Turn, ...]
    depths: tuple[int, ...]
    messages: tuple[ChatMessage, ...]
    tokens: tuple[int, ...]

    @staticmethod
    def of(path: TurnPath) -> PathWords:
        if isinstance(path, PathWords):
            return path
        turns: list[Turn] = []
        depths: list[int] = []
        messages: list[ChatMessage] = []
        depth = -1
        for turn in path:
            depth = turn.depth if turn.depth > depth else depth + 1
            text = turn.text
            if text:
                turns.append(turn)
                depths.append(depth)
                messages.append(ChatMessage(turn.role, text))
        tokens = [estimate_tokens(message.content) + MESSAGE_TOKENS for message in messages]
        return PathWords(tuple(turns), tuple(depths), tuple(messages), tuple(tokens))

    def below(self, depth: int) -> PathWords:
        """The turns from a depth on."""
        start = bisect_left(self.depths, depth)
        return PathWords(self.turns[start:], self.depths[start:], self.messages[start:], self.tokens[start:])


TurnPath: TypeAlias = "Sequence[Turn] | PathWords"


def fitted(
    path: TurnPath,
    *,
    pinned: Sequence[ChatMessage],
    inserted: Sequence[Inserted] = (),
    window_tokens: int | None,
    reserved_tokens: int,
    scale: float | None = None,
    summary: EarlierSummary | None = None,
) -> FittedContext:
    """Fit a path into the window and leave `reserved_tokens` for the reply. A window of None fits all.

    `inserted` text stays too: if the turns below it are dropped, it moves before the rest. `scale` is counted
    tokens per estimated one, see `measured_scale`; None if nothing was counted.
    """
    words = PathWords.of(path)
    always = tuple(pinned)
    if summary:
        words = words.below(summary.memory_from)
        always = (*always, summary_message(summary.text))
    factor = scale or UNMEASURED_SCALE
    used = _own_tokens(always, inserted)
    room = math.inf if window_tokens is None else (window_tokens - reserved_tokens) / factor - used
    start = _start([message.role == "user" for message in words.messages], words.tokens, room)
    memory_from = words.depths[start] if start else summary.memory_from if summary else None
    messages = with_inserted(words.messages[start:], inserted)
    last = max(
        (at for at, (_, number) in enumerate(messages) if number is not None), default=len(messages) - 1
    )
    return FittedContext(
        messages=(*always, *(message for message, _ in messages)),
        pinned=len(always),
        depths=_depths([number for _, number in messages], words.depths[start:]),
        kept_last=max(len(messages) - last, 1),
        memory_from=memory_from,
        prompt_tokens=math.ceil((used + sum(words.tokens[start:])) * factor),
        summary=summary.text if summary else "",
        dropped=words.turns[:start],
    )


def most_tokens(path: TurnPath, *, pinned: Sequence[ChatMessage], inserted: Sequence[Inserted]) -> int:
    """The most tokens that all of it can have: what `fitted` estimates for the path at the highest scale."""
    turn_tokens = sum(PathWords.of(path).tokens)
    return math.ceil((_own_tokens(pinned, inserted) + turn_tokens) * max(SCALE_BOUNDS))


def _own_tokens(pinned: Sequence[ChatMessage], inserted: Sequence[Inserted]) -> int:
    return sum(map(message_tokens, pinned)) + sum(message_tokens(each.message) for each in inserted)


def _depths(numbers: Sequence[int | None], depths: Sequence[int]) -> tuple[int, ...]:
    """The depth of each message, given the turns' numbers. Inserted text gets the next turn's depth."""
    reversed_depths: list[int] = []
    following = depths[-1] if depths else 0
    for number in reversed(numbers):
        following = following if number is None else depths[number]
        reversed_depths.append(following)
    return tuple(reversed(reversed_depths)) if depths else ()


def latest_summary(path: Sequence[Turn]) -> EarlierSummary | None:
    """The last summary that was sent on this path."""
    replies = (turn.reply for turn in reversed(path) if turn.reply)
    summaries = ((reply.summary, reply.memory_from) for reply in replies if reply.summary)
    return next((EarlierSummary(text, depth) for text, depth in summaries if depth is not None), None)


def measured_scale(
    path: TurnPath, *, pinned: Sequence[ChatMessage], persona_id: str, provider: str, model: str
) -> float | None:
    """Counted tokens per estimated one, from earlier replies of this persona and model.

    None if the provider counted none.
    """
    words = PathWords.of(path)
    above = list(accumulate(words.tokens, initial=0))
    """How many tokens the messages above each turn have."""
    used = sum(map(message_tokens, pinned))
    scales: list[float] = []
    for index in range(len(words.turns) - 1, -1, -1):
        turn = words.turns[index]
        reply = turn.reply
        if reply is None or reply.usage is None or not reply.usage.prompt_tokens:
            continue
        if (turn.persona_id, reply.provider, reply.model) != (persona_id, provider, model):
            continue
        first = min(bisect_left(words.depths, reply.memory_from or 0), index)
        estimate = above[index] - above[first]
        estimate += used + (message_tokens(summary_message(reply.summary)) if reply.summary else 0)
        if estimate >= MEASURABLE_TOKENS:
            low, high = SCALE_BOUNDS
            scales.append(min(max(reply.usage.prompt_tokens / estimate, low), high))
            if len(scales) == MEASURED_REPLIES:
                break
    return median_low(scales) if scales else None


def message_tokens(message: ChatMessage) -> int:
    """Estimated tokens of one message."""
    return estimate_tokens(message.content) + MESSAGE_TOKENS


def _start(asks: Sequence[bool], tokens: Sequence[int], room: float) -> int:
    """Where to begin so that the rest fits: at a question, at the latest the last one, or at 0."""
    last = max((index for index, is_question in enumerate(asks) if is_question), default=0)
    start, used = last, sum(tokens[last:])
    for index in range(last - 1, -1, -1):
        used += tokens[index]
        if used > room:
            break
        if asks[index] or index == 0:
            start = index
    return start


def summary_message(summary: str) -> ChatMessage:
    """The message that stands for turns that were summed up."""
    return ChatMessage("system", f"Summary of the conversation so far:\n{summary}")
