"""What pages showed last, so that they can still show it while it can't be read.

It was read for the same owner before and is only in this process's memory; conversations take no more than
MOST_CHARACTERS together. While everything can be read, it is only written.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import streamlit as st

from personachat.conversations.model import Conversation, Turn
from personachat.errors import StoreUnavailable
from personachat.personas.store.base import BrokenPersona, PersonaStore, StoredPersona
from personachat.replies.runner import ReplyRunner

MOST_CHARACTERS = 20_000_000

MOST_OWNERS = 200
"""How many owners' lists of personas are remembered."""


class LastSeen:
    """Safe for threads."""

    def __init__(self, *, most_characters: int = MOST_CHARACTERS) -> None:
        self._most = most_characters
        self._characters = 0
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str], tuple[Conversation, int]] = OrderedDict()

    def keep(self, conversation: Conversation) -> None:
        """Remember it in place of its earlier version. What was unseen longest makes room."""
        key = conversation.owner, conversation.id
        size = sum(len(turn.text) for turn in conversation.path)
        with self._lock:
            self._drop(key)
            self._seen[key] = conversation, size
            self._characters += size
            while self._characters > self._most:
                self._drop(next(iter(self._seen)))

    def forget(self, owner: str, conversation_id: str) -> None:
        with self._lock:
            self._drop((owner, conversation_id))

    def find(self, owner: str, conversation_id: str) -> Conversation | None:
        with self._lock:
            entry = self._seen.get((owner, conversation_id))
        return entry[0] if entry else None

    def _drop(self, key: tuple[str, str]) -> None:
        entry = self._seen.pop(key, None)
        if entry:
            self._characters -= entry[1]


@dataclass(slots=True)
class _Process:
    conversations: LastSeen = field(default_factory=LastSeen)
    personas: dict[str, tuple[StoredPersona | BrokenPersona, ...]] = field(default_factory=dict)


@st.cache_resource(show_spinner=False)
def _process() -> _Process:
    return _Process()


def conversations() -> LastSeen:
    """What all sessions of this process saw."""
    return _process().conversations


def brought_up(conversation: Conversation, runner: ReplyRunner) -> Conversation:
    """A conversation seen earlier, with the new text of its running reply."""
    return replace(conversation, path=tuple(_brought_up(turn, runner) for turn in conversation.path))


def _brought_up(turn: Turn, runner: ReplyRunner) -> Turn:
    running = runner.find(turn.id) if turn.reply and turn.reply.live else None
    return replace(turn, reply=running.snapshot()) if running else turn


def personas(
    store: PersonaStore, *, owner: str
) -> tuple[Sequence[StoredPersona | BrokenPersona], StoreUnavailable | None]:
    """All personas of an owner. If they can't be read, those seen last, if any, and the reason."""
    seen = _process().personas
    try:
        everything = tuple(store.all())
    except StoreUnavailable as error:
        return seen.get(owner, ()), error
    seen.pop(owner, None)
    seen[owner] = everything
    while len(seen) > MOST_OWNERS:
        seen.pop(next(iter(seen)), None)
    return everything, None
