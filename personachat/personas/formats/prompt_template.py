"""A persona's messages as another tool's template, with its signs for the user's name, day and time. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from itertools import chain, count, zip_longest

from personachat.messages import ChatMessage
from personachat.personas.directions import directions_of
from personachat.personas.lorebook import teller_of
from personachat.personas.persona import Persona, dump_persona
from personachat.personas.prompt import Scene, greeting, persona_part

_BY_CHANCE = re.compile(r"\{\{\s*(random|roll|idle_duration)\b", re.IGNORECASE | re.ASCII)


def compiled(
    persona: Persona, *, signs: Mapping[str, str], literal: Callable[[str], str] = str
) -> tuple[ChatMessage, ...]:
    """What is sent before a user's first message: the system message, the examples, the greeting.

    Of the lore it holds what is told in every conversation. `signs` stand where the user's name, the date,
    the time and the weekday would; each piece between them has gone through `literal`, which writes a text
    so that the other tool leaves it alone.
    """
    whole = dump_persona(persona)
    mark = next(mark for mark in (f"mark{number}" for number in count()) if mark not in whole)
    marks = {name: f"{mark}-{name}-" for name in signs}
    scene = Scene(is_template=True, signs=marks)
    messages = list(persona_part(persona, (), today=date.min, scene=scene).messages)
    if first := greeting(persona, today=date.min, scene=scene):
        messages.append(ChatMessage("assistant", first))
    written_as = {marks[name]: sign for name, sign in signs.items()}
    between = re.compile("|".join(map(re.escape, written_as)))

    def written(text: str) -> str:
        parts = [literal(part) for part in between.split(text)]
        pieces = [written_as[mark] for mark in between.findall(text)]
        return "".join(chain.from_iterable(zip_longest(parts, pieces, fillvalue="")))

    return tuple(ChatMessage(message.role, written(message.content)) for message in messages)


def left_behind(persona: Persona, *, tool: str) -> list[str]:
    """Sentences on what another tool's template cannot hold of the lore and the directions."""
    losses = []
    if teller := teller_of(persona):
        in_every = {
            each.entry.number
            for each in persona_part(persona, (), today=date.min, scene=Scene(is_template=True)).lore.entries
            if each.entry.place != "depth"
        }
        lost = sum(entry.number not in in_every for entry in teller.book.entries)
        if lost:
            entries = "1 entry" if lost == 1 else f"{lost:,} entries"
            losses.append(f"{tool} can't include {entries} of its lore that need a key in the chat.")
    directions = directions_of(persona)
    if directions.after_history.strip() or directions.note:
        losses.append(f"{tool} has no place for text among or after the messages of a chat.")
    if _BY_CHANCE.search(persona.system_prompt):
        losses.append(f"Random parts of the prompt are always the same in {tool}.")
    return losses
