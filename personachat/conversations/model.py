"""A conversation is a tree of turns with one active leaf; the path to it is what a person sees.

Turns are immutable values: retrying adds a sibling, clearing moves the leaf, nothing is overwritten.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from personachat.messages import ChatMessage, Failed, FinishReason, Usage

TurnState = Literal["running", "stopped", "finished", "failed"]


MEASURABLE_SECONDS = 0.05
"""What came within less says nothing about a model's speed."""


def new_id() -> str:
    """A random id nobody can guess: whoever knows a conversation's id may read it."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Reply:
    """What is known of one reply at one moment. Seconds are since the request; None where not yet."""

    state: TurnState = "running"
    text: str = ""
    reasoning: str = ""
    provider: str = ""
    model: str = ""
    reason: str = ""
    """Why this model answers, where it is not the one the persona names."""
    notices: tuple[str, ...] = ()
    usage: Usage | None = None
    finish_reason: FinishReason | None = None
    error: Failed | None = None
    first_token_seconds: float | None = None
    reasoning_seconds: float | None = None
    """From the request to the first word of the text, where reasoning came before it."""
    duration_seconds: float | None = None

    def tokens_per_second(self, tokens: int) -> float | None:
        """How fast `tokens` came after the first; None where that says nothing about the model."""
        if self.first_token_seconds is None or self.duration_seconds is None:
            return None
        writing = self.duration_seconds - self.first_token_seconds
        return (tokens - 1) / writing if tokens > 1 and writing > MEASURABLE_SECONDS else None


@dataclass(frozen=True, slots=True)
class Turn:
    """A user's message, or an assistant's with its reply; `persona_*` are those of the moment."""

    id: str
    parent_id: str | None
    role: Literal["user", "assistant"]
    content: str
    persona_id: str
    persona_name: str
    avatar: str | None = None
    reply: Reply | None = None

    def as_message(self) -> ChatMessage:
        return ChatMessage(self.role, self.reply.text if self.reply else self.content)


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """What was sent while a reply was still streaming; it goes out when that one is done."""

    id: str
    content: str
    persona_id: str
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """`kept` ones outlive their followers; the others' replies end when nobody listens."""

    id: str
    kept: bool = True
    leaf_id: str | None = None
    turns: Mapping[str, Turn] = field(default_factory=dict)
    queue: tuple[QueuedMessage, ...] = ()

    @property
    def path(self) -> tuple[Turn, ...]:
        """The active branch, oldest first."""
        turns: list[Turn] = []
        turn_id = self.leaf_id
        while turn_id is not None:
            turn = self.turns[turn_id]
            turns.append(turn)
            turn_id = turn.parent_id
        return tuple(reversed(turns))

    @property
    def leaf(self) -> Turn | None:
        return None if self.leaf_id is None else self.turns[self.leaf_id]
