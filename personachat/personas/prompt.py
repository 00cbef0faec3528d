"""Turns a persona and a history into the messages a provider gets. Pure: no clock, no files, no network.

Macros such as {{user}} are replaced in what the persona's author wrote, lore included, and never in the
history. Lore that the history brings up stands around the prompt and the examples, or among the turns.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from personachat.messages import ChatMessage, Role
from personachat.personas import macros, variables
from personachat.personas.directions import directions_of
from personachat.personas.lorebook import ActivatedEntry, ActivatedLore, Occasion, SpokenMessage, teller_of
from personachat.personas.lorebook.activations import MOST_TOLD_TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, timedelta

    from personachat.personas.persona import Persona

_OLD_PLACEHOLDER = re.compile(r"<(user|bot|char)>", re.IGNORECASE | re.ASCII)

_LORE = "## Background"


@dataclass(frozen=True, slots=True)
class Scene:
    """What is known of the moment beyond the persona and the history."""

    conversation: str = ""
    """The seed of chance in the macros and the lore; without one it is taken from the first message."""
    idle: timedelta | None = None
    """How long the user had been silent."""
    most_lore_tokens: int = MOST_TOLD_TOKENS
    is_template: bool = False
    """Whether this is for no conversation in particular: only lore is told that would be in every one."""
    signs: Mapping[str, str] = field(default_factory=dict)
    """What stands for the values of macros instead, by the names of `macros.Values`."""


NO_SCENE = Scene()


@dataclass(frozen=True, slots=True)
class Inserted:
    """A message of the persona's own among the turns: so many stand below it."""

    depth: int
    message: ChatMessage


@dataclass(frozen=True, slots=True)
class PersonaPart:
    """What a persona adds to a conversation: `messages` before it, and what is `inserted` in it."""

    messages: tuple[ChatMessage, ...]
    inserted: tuple[Inserted, ...] = ()
    lore: ActivatedLore = field(default_factory=ActivatedLore)

    @property
    def all_messages(self) -> tuple[ChatMessage, ...]:
        return (*self.messages, *(each.message for each in self.inserted))


@dataclass(frozen=True, slots=True)
class CompiledPrompt:
    """What would be sent; the first `pinned` messages are the persona's and never dropped to save room."""

    messages: tuple[ChatMessage, ...]
    pinned: int


def compile_prompt(
    persona: Persona,
    history: Sequence[ChatMessage],
    *,
    user_name: str = "User",
    today: date,
    scene: Scene = NO_SCENE,
) -> CompiledPrompt:
    """Put together the system message, the examples as user/assistant pairs, then the history as it is.

    A `today` without a time of day is its midnight.
    """
    part = persona_part(persona, history, user_name=user_name, today=today, scene=scene)
    turns = (message for message, _ in with_inserted(history, part.inserted))
    return CompiledPrompt(messages=(*part.messages, *turns), pinned=len(part.messages))


def persona_part(
    persona: Persona,
    history: Sequence[ChatMessage],
    *,
    user_name: str = "User",
    today: date,
    scene: Scene = NO_SCENE,
) -> PersonaPart:
    """Return what the persona adds to this history."""
    filling = _Filling(persona, history, user_name=user_name, today=today, scene=scene)
    lore = filling.lore()
    messages = [ChatMessage("system", filling.system_message(lore))]
    messages += filling.around_examples(lore, "examples_top")
    for number, example in enumerate(persona.examples):
        messages.append(ChatMessage("user", filling.filled(example.user, f"example {number}")))
        messages.append(ChatMessage("assistant", filling.filled(example.assistant, f"answer {number}")))
    messages += filling.around_examples(lore, "examples_bottom")
    return PersonaPart(tuple(messages), filling.inserted(lore), lore)


def with_inserted(
    history: Sequence[ChatMessage], inserted: Sequence[Inserted]
) -> list[tuple[ChatMessage, int | None]]:
    """The messages with what is inserted in its place, each with its number in the history, if it has one."""
    count = len(history)
    if not inserted:
        return list(zip(history, range(count), strict=True))
    before: dict[int, list[ChatMessage]] = {}
    for each in inserted:
        before.setdefault(max(count - each.depth, 0), []).append(each.message)
    together: list[tuple[ChatMessage, int | None]] = []
    for number in range(count + 1):
        together += [(message, None) for message in before.get(number, ())]
        if number < count:
            together.append((history[number], number))
    return together


def system_message(
    persona: Persona,
    history: Sequence[ChatMessage] = (),
    *,
    user_name: str = "User",
    today: date,
    scene: Scene = NO_SCENE,
) -> str:
    """Return the system prompt and a block for the traits that are set; without any, the prompt alone.

    What the history brings up of the persona's lore stands before or after the prompt, under a heading.
    """
    filling = _Filling(persona, history, user_name=user_name, today=today, scene=scene)
    return filling.system_message(filling.lore())


def greeting(persona: Persona, *, user_name: str = "User", today: date, scene: Scene = NO_SCENE) -> str:
    """Return the persona's first message, or "" if it has none."""
    if not persona.greeting:
        return ""
    return greetings(persona, user_name=user_name, today=today, scene=scene)[0]


def greetings(
    persona: Persona, *, user_name: str = "User", today: date, scene: Scene = NO_SCENE
) -> tuple[str, ...]:
    """Return the first messages there are to choose from, the usual one first."""
    filling = _Filling(persona, (), user_name=user_name, today=today, scene=scene)
    texts = enumerate((persona.greeting, *persona.alternate_greetings))
    return tuple(filling.filled(text, f"greeting {number}") for number, text in texts if text)


class _Filling:
    """A persona's texts for one moment of a conversation."""

    def __init__(
        self,
        persona: Persona,
        history: Sequence[ChatMessage],
        *,
        user_name: str,
        today: date,
        scene: Scene,
    ) -> None:
        self._persona = persona
        self._history = history
        self._scene = scene
        self._user_name = user_name
        self._directions = directions_of(persona)
        seed = scene.conversation or (_digest(history[0].content) if history else "")
        values = macros.Values(
            char=self._directions.nickname or persona.name,
            user=user_name,
            date=f"{today:%Y-%m-%d}",
            time=f"{today:%H:%M}" if isinstance(today, datetime) else "00:00",
            weekday=_WEEKDAYS[today.weekday()],
            idle="just now" if scene.idle is None else macros.duration(scene.idle),
            conversation=f"{persona.id} {seed}",
            turn=str(len(history)),
            own=variables.values(persona),
        )
        signs: dict[str, Any] = dict(scene.signs)
        self._values = replace(values, **signs)

    def filled(self, text: str, salt: str) -> str:
        return macros.fill(text, self._values, salt=salt)

    def filled_lore(self, text: str, salt: str) -> str:
        """The same for texts of cards, which may hold the older <USER> and <BOT>."""
        if "<" in text:
            text = _OLD_PLACEHOLDER.sub(lambda match: _old(match, text), text)
        return self.filled(text, salt)

    def lore(self) -> ActivatedLore:
        teller = teller_of(self._persona)
        if teller is None:
            return ActivatedLore()
        names = {"user": self._user_name, "assistant": self._values.char}
        messages = [
            SpokenMessage(each.content, by_persona=each.role == "assistant", speaker=names[each.role])
            for each in self._history
            if each.role in names
        ]
        occasion = Occasion(
            conversation=self._values.conversation,
            prompt=self._persona.system_prompt,
            greeting=self._greeting(),
            most_tokens=self._scene.most_lore_tokens,
            certain_only=self._scene.is_template,
            fill=self.filled_lore,
        )
        return teller.tell(messages, occasion)

    def _greeting(self) -> int | None:
        """Which greeting the history begins with; None if that is not known."""
        if not self._history or self._history[0].role != "assistant":
            return None
        first = self._history[0].content
        texts = enumerate((self._persona.greeting, *self._persona.alternate_greetings))
        return next((at for at, text in texts if self.filled(text, f"greeting {at}") == first), None)

    def system_message(self, lore: ActivatedLore) -> str:
        before, after = (
            "\n\n".join(each.text for each in lore.entries if each.entry.place == place)
            for place in ("before", "after")
        )
        prompt = self.filled(self._persona.system_prompt, "prompt")
        if before:
            prompt = f"{_LORE}\n{before}\n\n{prompt}"
        if after:
            prompt = f"{prompt}\n\n{_LORE}\n{after}"
        manner = self._persona.personality
        traits = (("Tone", manner.tone), ("Style", manner.style), ("Formality", manner.formality))
        # One line a trait: a line break in it would end the list item.
        lines = [f"- {label}: {' '.join(self.filled(text, label).split())}" for label, text in traits if text]
        return "\n".join((f"{prompt}\n\n## Manner", *lines)) if lines else prompt

    def around_examples(self, lore: ActivatedLore, place: str) -> list[ChatMessage]:
        texts = [each.text for each in lore.entries if each.entry.place == place]
        return [ChatMessage("system", "\n\n".join(texts))] if texts else []

    def inserted(self, lore: ActivatedLore) -> tuple[Inserted, ...]:
        """What stands among the turns: lore, the character's note, and the instructions below everything."""
        texts: dict[tuple[int, Role], list[str]] = {}
        for each in lore.entries:
            if each.entry.place == "depth":
                texts.setdefault((self._depth(each), each.entry.role), []).append(each.text)
        note = self._directions.note
        if note and (text := self.filled_lore(note.text, "note").strip()):
            texts.setdefault((note.depth, note.role), []).append(text)
        inserted_messages = [
            Inserted(depth, ChatMessage(role, "\n".join(parts)))
            for (depth, role), parts in sorted(texts.items(), key=lambda item: _deepest_first(item[0]))
        ]
        if last := self.filled_lore(self._directions.after_history, "after history").strip():
            inserted_messages.append(Inserted(0, ChatMessage("system", last)))
        return tuple(inserted_messages)

    def _depth(self, each: ActivatedEntry) -> int:
        depth = each.entry.depth
        return max(len(self._history) - depth, 0) if each.entry.depth_from_start else depth


def _deepest_first(place: tuple[int, Role]) -> tuple[int, int]:
    return -place[0], ("system", "user", "assistant").index(place[1])


def _old(match: re.Match[str], text: str) -> str:
    """A placeholder of older cards as ours; a tag that is closed again is markup and stays."""
    if f"</{match[1]}>" in text:
        return match[0]
    return "{{user}}" if match[1].lower() == "user" else "{{char}}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
