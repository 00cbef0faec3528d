"""A conversation is a tree of turns with one active leaf. A person sees the path to it.

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
    """One reply at one moment. Times are seconds since the request; None if it hasn't happened yet."""

    state: TurnState = "running"
    text: str = ""
    reasoning: str = ""
    provider: str = ""
    model: str = ""
    reason: str = ""
    """Why this model answers, if it isn't the one the persona names."""
    notices: tuple[str, ...] = ()
    usage: Usage | None = None
    """Of all requests together, if the reply was continued."""
    cost_usd: float | None = None
    """In US dollars; None if no price is known."""
    finish_reason: FinishReason | None = None
    error: Failed | None = None
    first_token_seconds: float | None = None
    reasoning_seconds: float | None = None
    """From the request to the first character of the text, if reasoning came before it."""
    duration_seconds: float | None = None
    memory_from: int | None = None
    """Depth of the first turn that was sent to the model; None if all were."""
    summary: str = ""
    """The summary sent instead of the turns before `memory_from`; "" if they were dropped."""

    @property
    def live(self) -> bool:
        """Whether more text may still arrive."""
        return self.state in LIVE_STATES

    @property
    def continuable(self) -> bool:
        """Whether it ended before the model was done, so that it can be continued."""
        cut = self.finish_reason in {"stopped", "length"}
        return not self.live and (cut or self.state in {"stopped", "interrupted", "failed"})

    @property
    def complete(self) -> bool:
        """Whether the model finished its reply."""
        return self.state == "finished" and self.finish_reason in {None, "stop"}

    def going_on(self, first: Reply) -> Reply:
        """The same reply, running again; `first` says who answers now, and from where."""
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
        """Tokens per second after the first token; None if that says nothing about the model."""
        return writing_speed(
            tokens, first_token_seconds=self.first_token_seconds, duration_seconds=self.duration_seconds
        )


Rating = Literal[1, -1]


@dataclass(frozen=True, slots=True)
class Turn:
    """A user's message, or an assistant's with its reply; `persona_*` are the persona at that time.

    An assistant's turn without a reply wasn't generated: a greeting, imported, or written by the person.
    """

    id: str
    parent_id: str | None
    role: Literal["user", "assistant"]
    content: str
    persona_id: str
    persona_name: str
    avatar: str | None = None
    persona_revision: str = ""
    """The ETag of the persona that answered."""
    persona_label: str = ""
    """The label by which the persona was named, if any."""
    reply: Reply | None = None
    depth: int = 0
    """How many turns are above it on its branch."""
    created_at: datetime = field(default_factory=now)
    edited: bool = False
    """Whether it is a person's edit of another turn."""
    rating: Rating | None = None
    rating_note: str = ""

    @property
    def persona_address(self) -> str:
        """The persona's address: its id, or its id and a label."""
        return f"{self.persona_id}@{self.persona_label}" if self.persona_label else self.persona_id

    @property
    def text(self) -> str:
        """The text, whoever wrote it."""
        return self.reply.text if self.reply else self.content

    def as_message(self) -> ChatMessage:
        return ChatMessage(self.role, self.text)


@dataclass(frozen=True, slots=True)
class SentRequest:
    """The request for a reply, without the turns: those are the path above the reply.

    `messages` are the persona's own (system message and examples), `parameters` the rest, named as the fields
    of ChatRequest.
    """

    messages: tuple[ChatMessage, ...]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message sent while a reply was still streaming. It goes out when that reply is done."""

    id: str
    content: str
    persona_id: str
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as a person sees it: its head and the last turns of the active branch.

    `durable` ones stay when nobody follows them; the replies of others end then. `temporary` ones are only in
    this process's memory.
    """

    id: str
    owner: str
    durable: bool = True
    temporary: bool = False
    title: str = ""
    leaf_id: str | None = None
    length: int = 0
    """How many turns the active branch has. `path` has the last ones, or all."""
    path: tuple[Turn, ...] = ()
    """The active branch, oldest turn first."""
    siblings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For turns of `path` with siblings: the ids of all turns in the same place, oldest first."""
    queue: tuple[QueuedMessage, ...] = ()
    pinned: bool = False
    archived: bool = False
    created_at: datetime = field(default_factory=now)
    updated_at: datetime = field(default_factory=now)
    variables: Mapping[str, str] = field(default_factory=dict)
    """Values for the personas' variables, by lower-case name. Others have their defaults."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Its own settings, as `personas.chat_settings` stores them. Everything else comes from the persona."""
    changed_at: datetime | None = field(default=None, compare=False)
    """The version of the stored conversation that was read; see `changes`."""

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
    """For each of `turns` with siblings in `among`: the ids of all of them and its own, in that order."""
    places: dict[str | None, list[str]] = {}
    for turn in among:
        places.setdefault(turn.parent_id, []).append(turn.id)
    return {
        turn.id: tuple(places[turn.parent_id]) for turn in turns if len(places.get(turn.parent_id, ())) > 1
    }
