"""What a card's fields say of a persona, and what a persona says in a card's fields. Pure.

A card's prompt fields become the system prompt under headings; its placeholders become ours. Whatever a card
holds, the outcome follows a persona's rules; a sentence says what had to give way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from personachat.jsontext.faults import excerpt
from personachat.personas import limits, lorebook, macros
from personachat.personas.fields import free_id
from personachat.personas.formats.cards.dialogue import read_dialogue, write_dialogue
from personachat.personas.formats.cards.fields import V3_ONLY, Card, CardVersion, field_faults
from personachat.personas.formats.cards.sections import DIALOGUE, join_sections, split_sections
from personachat.personas.persona import Example, Persona, Personality

PROMPT_FIELDS = ("system_prompt", "description", "personality", "scenario")
NO_PROMPT = "You are {{char}}."
NO_NAME = "Unnamed character"

_OLD_PLACEHOLDER = re.compile(r"<(user|bot|char)>", re.IGNORECASE | re.ASCII)
_LINE_END = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class CardFields:
    """A card's fields as a persona has them. `parts` make the system prompt, with the part `alone` bare."""

    name: str
    parts: dict[str, str]
    alone: str
    greeting: str
    alternate_greetings: tuple[str, ...]
    examples: tuple[Example, ...]
    description: str
    tags: tuple[str, ...]
    losses: tuple[str, ...] = field(default=(), compare=False)

    @property
    def system_prompt(self) -> str:
        return join_sections(self.parts, alone=self.alone)[: limits.PROMPT] or NO_PROMPT

    def persona(self, extensions: dict[str, Any]) -> Persona:
        return Persona(
            id=free_id(self.name, ()),
            name=self.name,
            description=self.description,
            system_prompt=self.system_prompt,
            greeting=self.greeting,
            alternate_greetings=self.alternate_greetings,
            examples=self.examples,
            tags=self.tags,
            extensions=extensions,
        )


def mapped(card: Card) -> CardFields:
    """Read a card's fields."""
    losses = field_faults(card)
    name = _lines([card.text("name")], limits.NAME, losses, "name") or _lines(
        [card.text("nickname")], limits.NAME, losses, "nickname"
    )
    if not name:
        losses.append(f'The card has no name, so it is called "{NO_NAME}".')
    names = [each.strip() for each in (card.text("name"), card.text("nickname"))]
    examples, rest = read_dialogue(placeholders(card.text("mes_example")), names=names)
    if rest:
        losses.append("Sample dialogue that is not between user and character became part of the prompt.")
    parts = {part: placeholders(card.text(part)) for part in PROMPT_FIELDS} | {DIALOGUE: rest}
    if card.version == 1:
        parts["system_prompt"] = ""
    alone = "description" if card.version == 1 else "system_prompt"
    prompt = join_sections(parts, alone=alone)
    if not prompt:
        losses.append(f'The card doesn\'t describe the character, so the prompt is "{NO_PROMPT}".')
    if len(prompt) > limits.PROMPT:
        losses.append(f"The prompt was cut to {limits.PROMPT:,} characters; it had {len(prompt):,}.")
    greetings = [placeholders(text) for text in card.texts("alternate_greetings") if text.strip()]
    notes = card.dictionary("creator_notes_multilingual").get("en")
    notes = notes if isinstance(notes, str) and notes else card.text("creator_notes")
    return CardFields(
        name=name[0] if name else NO_NAME,
        parts={part: text for part, text in parts.items() if text.strip()},
        alone=alone,
        greeting=_cut(placeholders(card.text("first_mes")), limits.MESSAGE, losses, "first message"),
        alternate_greetings=tuple(
            _cut(text, limits.MESSAGE, losses, "other greeting")
            for text in _few(greetings, losses, "greetings", most=limits.GREETINGS_COUNT)
        ),
        examples=examples,
        description=_cut(notes, limits.DESCRIPTION, losses, "creator's notes"),
        tags=tuple(
            _few(
                _lines(card.texts("tags"), limits.TAG, losses, "tag"), losses, "tags", most=limits.TAGS_COUNT
            )
        ),
        losses=(*losses, *_unused(card, prompt)),
    )


def fields(persona: Persona, version: CardVersion, origin: Card | None) -> dict[str, Any]:
    """Return what a persona says in the mapped fields; what did not change since `origin` is as there."""
    was = mapped(origin) if origin else None
    alone = "description" if version == 1 else "system_prompt"
    if was and list(was.parts) == [was.alone]:
        alone = was.alone
    if was and was.system_prompt == persona.system_prompt:
        parts = was.parts
    else:
        parts = split_sections(persona.system_prompt, alone=alone)
    if version == 1 and "system_prompt" in parts:
        parts = {"description": persona.system_prompt}
    fields: dict[str, Any] = {part: parts.get(part, "") for part in PROMPT_FIELDS}
    fields |= {
        "name": persona.name,
        "first_mes": persona.greeting,
        "alternate_greetings": list(persona.alternate_greetings),
        "mes_example": write_dialogue(persona.examples, parts.get(DIALOGUE, "")),
        "creator_notes": persona.description,
        "tags": list(persona.tags),
    }
    if origin and was:
        fields |= {
            "alternate_greetings": _with_the_rest(
                persona.alternate_greetings, was.alternate_greetings, origin
            ),
            "tags": [*persona.tags, *_filled(origin.texts("tags"))[limits.TAGS_COUNT :]],
        }
        fields |= {name: origin.data[name] for name in _unchanged(persona, was, parts) if name in origin.data}
    if traits := traits_text(persona.personality):
        personality = fields["personality"] if isinstance(fields["personality"], str) else ""
        fields["personality"] = "\n".join(filter(None, (personality, traits)))
    return fields


def traits_text(traits: Personality) -> str:
    """The manner of speaking as lines; "" where none is set."""
    named = (("Tone", traits.tone), ("Style", traits.style), ("Formality", traits.formality))
    return "\n".join(f"{label}: {' '.join(text.split())}" for label, text in named if text.strip())


def placeholders(text: str) -> str:
    """Put {{user}} and {{char}} for the older <USER>, <BOT> and <CHAR>."""
    return _OLD_PLACEHOLDER.sub(lambda match: "{{user}}" if match[1].lower() == "user" else "{{char}}", text)


def _with_the_rest(now: Sequence[str], before: Sequence[str], origin: Card) -> list[str]:
    """The greetings now, in the card's words where they did not change, and those that had no place."""
    written = _filled(origin.texts("alternate_greetings"))
    as_written = dict(zip(before, written, strict=False))
    return [*(as_written.get(text, text) for text in now), *written[len(before) :]]


def _filled(texts: Sequence[str]) -> list[str]:
    return [text for text in texts if text.strip()]


def _unchanged(persona: Persona, was: CardFields, parts: dict[str, str]) -> list[str]:
    same = [part for part in PROMPT_FIELDS if parts.get(part, "") == was.parts.get(part, "")]
    values = {
        "name": persona.name == was.name,
        "first_mes": persona.greeting == was.greeting,
        "alternate_greetings": persona.alternate_greetings == was.alternate_greetings,
        "mes_example": (persona.examples, parts.get(DIALOGUE)) == (was.examples, was.parts.get(DIALOGUE)),
        "creator_notes": persona.description == was.description,
        "tags": persona.tags == was.tags,
    }
    return same + [name for name, is_same in values.items() if is_same]


def _cut(text: str, most: int, losses: list[str], what: str) -> str:
    if len(text) > most:
        losses.append(f"The {what} was cut to {most:,} characters; it had {len(text):,}.")
    return text[:most].rstrip() if len(text) > most else text


def _lines(texts: Sequence[str], most: int, losses: list[str], what: str) -> list[str]:
    """Each text as one plain line of at most so many characters; blank ones are left out."""
    lines = [_LINE_END.sub(" ", text) for text in texts]
    if any(line != text for line, text in zip(lines, texts, strict=True)):
        losses.append(f"A line break in the {what} was replaced by a space.")
    return [_cut(line, most, losses, what) for line in lines if line[:most].strip()]


def _few(texts: list[str], losses: list[str], what: str, *, most: int) -> list[str]:
    if len(texts) > most:
        losses.append(f"There are {len(texts):,} {what}; only the first {most} were imported.")
    return texts[:most]


def _unused(card: Card, prompt: str) -> list[str]:
    """Sentences on what stays with the kept card and does nothing here."""
    losses = []
    if card.version == 3 and _number(card.top.get("spec_version")) > 3:
        losses.append("The card uses a newer version than 3.0. Its new parts are kept but not used.")
    if card.version == 3:
        losses += [
            f"Kept but not used: {what}."
            for name, what in V3_ONLY.items()
            if name != "nickname"
            and card.data.get(name)
            and not name.endswith("_date")
            and not _is_plain(name, card.data[name])
        ]
    book = card.data.get("character_book") if card.version > 1 else None
    names = macros.unknown("\n".join(_texts_with_macros(card, prompt, book)))
    if names:
        name_list = ", ".join(f"{{{{{excerpt(name, most=30)}}}}}" for name in sorted(names)[:5])
        more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
        losses.append(f"These placeholders are not supported here and stay as written: {name_list}{more}.")
    if book is not None:
        losses += lorebook.limits(book)
    return losses


def _texts_with_macros(card: Card, prompt: str, book: Any) -> list[str]:
    """Every text of a card in which macros are replaced."""
    texts = [prompt, card.text("first_mes"), card.text("mes_example"), *card.texts("alternate_greetings")]
    if card.version > 1:
        note = card.dictionary("extensions").get("depth_prompt")
        texts += [card.text("post_history_instructions"), *_texts_of(note)]
    return texts + [entry.content for entry in lorebook.read(book).entries]


def _texts_of(note: Any) -> list[str]:
    return [note["prompt"]] if isinstance(note, dict) and isinstance(note.get("prompt"), str) else []


def _is_plain(name: str, value: Any) -> bool:
    """Whether it says what holds anyway: the picture is the card's own."""
    return (
        name == "assets"
        and isinstance(value, list)
        and all(isinstance(each, dict) and each.get("uri") == "ccdefault:" for each in value)
    )


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
