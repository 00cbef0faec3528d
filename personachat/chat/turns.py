"""New turns: a person's message, a persona's greeting, and the place for a reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, TypeAlias

from personachat.avatars import face_with
from personachat.conversations.model import Turn
from personachat.errors import MessageInvalid
from personachat.messages import ChatMessage, storable
from personachat.personas.persona import Persona
from personachat.personas.prompt import Scene, greeting, greetings
from personachat.personas.store.base import StoredPersona
from personachat.stamps import new_id, now

MAX_MESSAGE_CHARACTERS = 200_000
"""Longer than any model's window. A larger paste is a mistake."""

Speaker: TypeAlias = Literal["user", "assistant"]


def new_turn(role: Speaker, content: str, *, parent_id: str | None, persona: StoredPersona) -> Turn:
    """A new turn, created now."""
    return Turn(
        id=new_id(),
        parent_id=parent_id,
        role=role,
        content=content,
        persona_id=persona.id,
        persona_name=persona.persona.name,
        avatar=face_with(persona.persona.picture, persona.persona.avatar),
        persona_revision=persona.etag,
        persona_label=persona.label,
    )


def turn_like(turn: Turn, text: str) -> Turn:
    """A copy of the turn with other words: the person's own, not generated."""
    return replace(
        turn,
        id=new_id(),
        content=text,
        reply=None,
        edited=True,
        rating=None,
        rating_note="",
        created_at=now(),
    )


def opening(persona: StoredPersona, history: Sequence[ChatMessage], *, seed: str = "") -> list[Turn]:
    """The turns before a person's first message: `history`, or else the greeting.

    `seed` decides what a random macro in the greeting becomes.
    """
    words = opening_words(persona.persona, seed=seed)
    greeted = [ChatMessage("assistant", words)] if words else []
    turns: list[Turn] = []
    for message in history or greeted:
        role: Speaker = "user" if message.role == "user" else "assistant"
        parent_id = turns[-1].id if turns else None
        turns.append(new_turn(role, storable(message.content), parent_id=parent_id, persona=persona))
    return turns


def opening_words(persona: Persona, *, seed: str = "") -> str:
    """What the persona says first in a new conversation, or nothing."""
    # The server's own day and time.
    return greeting(persona, today=datetime.now().astimezone(), scene=Scene(conversation=seed))


def openings(persona: Persona, *, seed: str = "") -> tuple[str, ...]:
    """The persona's possible greetings, the usual one first. Others begin a chat as its `history`."""
    return greetings(persona, today=datetime.now().astimezone(), scene=Scene(conversation=seed))


def cleaned(text: str) -> str:
    """The text as it can be stored and sent. Raises MessageInvalid if it is empty or too long."""
    text = storable(text).strip()
    if not text:
        raise MessageInvalid("The message is empty.", hint="Write something first.")
    if len(text) > MAX_MESSAGE_CHARACTERS:
        raise MessageInvalid(
            f"The message is {len(text):,} characters long; the limit is {MAX_MESSAGE_CHARACTERS:,}.",
            hint="Shorten it or send it in parts.",
        )
    return text
