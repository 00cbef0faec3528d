"""A conversation is a tree of turns with one active leaf; the path to it is what a person sees.

Turns are immutable values: retrying and editing add a sibling, clearing moves the leaf, nothing is
overwritten. Only a running reply grows, and continuing one extends it. The newest turn is always a leaf.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from personachat.messages import (
    LIVE_STATES,
    ChatMessage,
    Failed,
    FinishReason,
    TurnState,
    Usage,
    writing_speed,
)
from personachat.stamps import now


@dataclass(frozen=True, slots=True)
class Reply:
    """What is known of one reply at one moment. Seconds are since the request; None if not yet."""

    state: TurnState = "running"
    text: str = ""
    reasoning: str = ""
    provider: str = ""
    model: str = ""
    reason: str = ""
    """Why this model answers, where it is not the one the persona names."""
    notices: tuple[str, ...] = ()
    usage: Usage | None = None
    """Of all requests together, where the reply was continued."""
    cost_usd: float | None = None
    """None if no price is known."""
    finish_reason: FinishReason | None = None
    error: Failed | None = None
    first_token_seconds: float | None = None
    reasoning_seconds: float | None = None
    """From the request to the first word of the text, where reasoning came before it."""
    duration_seconds: float | None = None
    memory_from: int | None = None
    """The depth of the first turn the model was told of; None if it was told of all."""
    summary: str = ""
    """What the model was told instead of the turns before `memory_from`; "" if they were dropped."""

    @property
    def live(self) -> bool:
        """Whether more may still come by itself."""
        return self.state in LIVE_STATES

    @property
    def continuable(self) -> bool:
        """Whether it ended before the model was done, so that it can go on where it stopped."""
        cut = self.finish_reason in {"stopped", "length"}
        return not self.live and (cut or self.state in {"stopped", "interrupted", "failed"})

    @property
    def complete(self) -> bool:
        """Whether the model said all that it had to say."""
        return self.state == "finished" and self.finish_reason in {None, "stop"}

    def going_on(self, first: Reply) -> Reply:
        """The same reply, running again; `first` says who answers now, and from what."""
        return replace(
            self,
            state="running",
            finish_reason=None,
            error=None,
            provider=first.provider,
            model=first.model,
            reason=first.reason,
            memory_from=first.memory_from,
            summary=first.summary,
        )

    def tokens_per_second(self, tokens: int) -> float | None:
        """How fast `tokens` came after the first; None if that says nothing about the model."""
        return writing_speed(
            tokens, first_token_seconds=self.first_token_seconds, duration_seconds=self.duration_seconds
        )


Rating = Literal[1, -1]


@dataclass(frozen=True, slots=True)
class Turn:
    """A user's message, or an assistant's with its reply; `persona_*` are those of the moment.

    An assistant's turn without a reply was not generated: a greeting, imported, or written by the person.
    """

    id: str
    parent_id: str | None
    role: Literal["user", "assistant"]
    content: str
    persona_id: str
    persona_name: str
    avatar: str | None = None
    persona_revision: str = ""
    """The ETag of the persona that spoke."""
    persona_label: str = ""
    """The label it was asked for by, if any."""
    reply: Reply | None = None
    depth: int = 0
    """Turns above it on its branch."""
    created_at: datetime = field(default_factory=now)
    edited: bool = False
    """Whether the person changed another turn's words into these."""
    rating: Rating | None = None
    rating_note: str = ""

    @property
    def persona_address(self) -> str:
        """The persona as it was asked for: by its id, or by its id and a label."""
        return f"{self.persona_id}@{self.persona_label}" if self.persona_label else self.persona_id

    @property
    def text(self) -> str:
        """The words, whoever said them."""
        return self.reply.text if self.reply else self.content

    def as_message(self) -> ChatMessage:
        return ChatMessage(self.role, self.text)


@dataclass(frozen=True, slots=True)
class SentRequest:
    """What a provider was asked for a reply, without the turns: those are the path above the reply.

    `messages` are the persona's own (system message and examples), `parameters` the rest by the names
    of ChatRequest's fields.
    """

    messages: tuple[ChatMessage, ...]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """What was sent while a reply was still streaming; it goes out when that one is done."""

    id: str
    content: str
    persona_id: str
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a person sees of a conversation: its head and the last turns of the active branch.

    `durable` ones outlive their followers; the others' replies end when nobody listens. `temporary` ones
    are in this process's memory alone and never written.
    """

    id: str
    owner: str
    durable: bool = True
    temporary: bool = False
    title: str = ""
    leaf_id: str | None = None
    length: int = 0
    """Turns on the active branch, of which `path` has the last ones or all."""
    path: tuple[Turn, ...] = ()
    """The active branch, oldest first."""
    siblings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For turns of `path` that have any: the ids of all that stand in the same place, oldest first."""
    queue: tuple[QueuedMessage, ...] = ()
    pinned: bool = False
    archived: bool = False
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the personas' variables stand for in it, by names in lower case; the others have defaults."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What it says itself of who answers, as `personas.chat_settings` keeps it; the rest is the persona's."""
    changed_at: datetime | None = field(default=None, compare=False)
    """Of the stored conversation as it was read; see `changes`."""

    @property
    def leaf(self) -> Turn | None:
        return self.path[-1] if self.path else None


def branch(turns: Mapping[str, Turn], leaf_id: str | None) -> tuple[Turn, ...]:
    """The turns from the root to a leaf, oldest first."""
    path: list[Turn] = []
    while leaf_id is not None:
        path.append(turns[leaf_id])
        leaf_id = turns[leaf_id].parent_id
    return tuple(reversed(path))


def siblings_of(turns: Sequence[Turn], among: Sequence[Turn]) -> dict[str, tuple[str, ...]]:
    """For each of `turns` that has siblings in `among`: their ids and its own, in the order of `among`."""
    places: dict[str | None, list[str]] = {}
    for turn in among:
        places.setdefault(turn.parent_id, []).append(turn.id)
    return {
        turn.id: tuple(places[turn.parent_id]) for turn in turns if len(places.get(turn.parent_id, ())) > 1
    }
