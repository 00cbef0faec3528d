"""How much of a conversation fits into a model's window. Pure.

The persona's own messages and the last of the user's always stay, even if they are too much alone. The rest
goes oldest first and at whole turns: a question with all that answered it, so that nothing begins with an
answer to a question that is gone.
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
"""What a chat template puts around a message, about."""

UNMEASURED_SCALE = 1.25
"""What the estimate is multiplied by as long as no provider has counted the same words."""

SCALE_BOUNDS = (0.5, 2.0)
"""A count beyond these was of something else: of cached words only, or of two requests together."""

MEASURABLE_TOKENS = 100
"""Less than this is more template than words, and says nothing about them."""

MEASURED_REPLIES = 5
"""So many of the last replies are looked at: one that was continued counts double."""


@dataclass(frozen=True, slots=True)
class ContextUse:
    """How full the model's window is. `measured`: as the provider counted, otherwise an estimate."""

    used_tokens: int
    window_tokens: int | None
    """None if it is not known."""
    memory_from: int | None
    """The depth of the first turn the model is told of; None if it is told of all."""
    measured: bool


@dataclass(frozen=True, slots=True)
class EarlierSummary:
    """What the model is told instead of the turns above the depth `memory_from`."""

    text: str
    memory_from: int


@dataclass(frozen=True, slots=True)
class FittedContext:
    """What the model is told: the `pinned` messages, one of which may be a summary, and turns.

    The persona's own words may be inserted among the turns.
    """

    messages: tuple[ChatMessage, ...]
    pinned: int
    depths: tuple[int, ...]
    """Of the turns among the messages; of what is inserted, the next turn's."""
    memory_from: int | None
    """The depth of the first turn that is told; None if all are."""
    prompt_tokens: int
    """By the estimate."""
    summary: str = ""
    dropped: tuple[Turn, ...] = ()
    """Turns that are neither told nor summed up."""
    kept_last: int = 1
    """From the last turn on, so many messages."""


@dataclass(frozen=True, slots=True)
class PathWords:
    """The turns of a path that a model can be told of: those with words, looked at once for a whole plan.

    `depths`, `messages` and `tokens`, which are estimated, are of one turn each. Turns that are new and not
    stored yet may lack a depth: they stand below the one before.
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
        """Those from a depth on."""
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
    """Fit a path and leave `reserved_tokens` for the reply. A window of None takes everything.

    What is `inserted` always stays, too: where the turns it stands above are gone, before the rest.

    `scale` is tokens for each estimated one, see `measured_scale`; None if nothing was measured.
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
    """How many tokens all of it has at most: what `fitted` estimates of a path that fits, at top scale."""
    turn_tokens = sum(PathWords.of(path).tokens)
    return math.ceil((_own_tokens(pinned, inserted) + turn_tokens) * max(SCALE_BOUNDS))


def _own_tokens(pinned: Sequence[ChatMessage], inserted: Sequence[Inserted]) -> int:
    return sum(map(message_tokens, pinned)) + sum(message_tokens(each.message) for each in inserted)


def _depths(numbers: Sequence[int | None], depths: Sequence[int]) -> tuple[int, ...]:
    """The depth of each message's turn, given the turns' numbers; what is none has the next one's."""
    reversed_depths: list[int] = []
    following = depths[-1] if depths else 0
    for number in reversed(numbers):
        following = following if number is None else depths[number]
        reversed_depths.append(following)
    return tuple(reversed(reversed_depths)) if depths else ()


def latest_summary(path: Sequence[Turn]) -> EarlierSummary | None:
    """The last summary that the model was told on this path."""
    replies = (turn.reply for turn in reversed(path) if turn.reply)
    summaries = ((reply.summary, reply.memory_from) for reply in replies if reply.summary)
    return next((EarlierSummary(text, depth) for text, depth in summaries if depth is not None), None)


def measured_scale(
    path: TurnPath, *, pinned: Sequence[ChatMessage], persona_id: str, provider: str, model: str
) -> float | None:
    """Tokens for each estimated one, as they were counted for earlier replies of this persona and model.

    None if they were not.
    """
    words = PathWords.of(path)
    above = list(accumulate(words.tokens, initial=0))
    """How many tokens stand above each turn."""
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
    """The estimate for one message."""
    return estimate_tokens(message.content) + MESSAGE_TOKENS


def _start(asks: Sequence[bool], tokens: Sequence[int], room: float) -> int:
    """Where to begin so that the rest has room: at a question, at the latest at the last one, or at 0."""
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
    """What the model is told instead of the turns that were summed up."""
    return ChatMessage("system", f"Summary of the conversation so far:\n{summary}")
