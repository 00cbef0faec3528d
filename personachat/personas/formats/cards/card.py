"""Character cards of V1, V2 and V3 as personas, and personas as cards.

A persona that came from a card and was not changed gives the same card back. A card that was made here gives
the same persona back, as far as its version can hold one; where another tool edited the card since, its edits
win. Nothing in a card is fetched or opened.

A persona that travelled in a card and came back with fields that another tool edited. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from pydantic import ValidationError

from personachat.errors import ImportRefused
from personachat.jsontext.faults import excerpt
from personachat.jsontext.reader import MAX_DEPTH, MAX_TEXT_BYTES
from personachat.personas import limits
from personachat.personas.assets.sets import OURS
from personachat.personas.formats.cards.fields import V1_FIELDS, V3_ONLY, Card, CardVersion, card_of, is_card
from personachat.personas.formats.cards.mapping import PROMPT_FIELDS, CardFields, fields, mapped
from personachat.personas.formats.cards.origin import (
    BOOK,
    carried,
    carrying,
    extensions_of,
    kept_card,
    kept_fields,
    surrounding_fields,
)
from personachat.personas.formats.cards.sections import DIALOGUE, join_sections, split_sections
from personachat.personas.formats.cards.text import cleaned, decoded, depth
from personachat.personas.formats.origins import comparable, import_origin, without_assets
from personachat.personas.lorebook.editing import entries_of, shortened
from personachat.personas.persona import Persona, Personality, dump_persona

_KEYS = {
    "name": "name",
    "first_mes": "greeting",
    "alternate_greetings": "alternate_greetings",
    "mes_example": "examples",
    "creator_notes": "description",
    "tags": "tags",
}


def with_edits(persona: Persona, fields: CardFields, edited: AbstractSet[str]) -> Persona:
    """Return the persona with the edited fields as found; its prompt is edited part by part."""
    changed: dict[str, Any] = {key: getattr(fields, key) for name, key in _KEYS.items() if name in edited}
    if edited & {*PROMPT_FIELDS, "mes_example"}:
        parts = split_sections(persona.system_prompt, alone=fields.alone)
        now = dict(parts)
        for part in (*PROMPT_FIELDS, DIALOGUE):
            if ("mes_example" if part == DIALOGUE else part) in edited:
                now[part] = fields.parts.get(part, "")
        if now != parts:
            changed["system_prompt"] = (
                join_sections(now, alone=fields.alone)[: limits.PROMPT] or fields.system_prompt
            )
    if "personality" in edited:  # it holds the traits as well, and is part of the prompt now
        changed["personality"] = Personality()
    return persona.model_copy(update=changed)


__all__ = ["CardRead", "CardSource", "is_card", "read_card", "read_card_text", "write_card"]

CardSource: TypeAlias = Literal["card-v1", "card-v2", "card-v3"]

_SOURCES: dict[CardVersion, CardSource] = {1: "card-v1", 2: "card-v2", 3: "card-v3"}
_SPECS = {2: ("chara_card_v2", "2.0"), 3: ("chara_card_v3", "3.0")}

_KEPT_DEPTH = 8
"""So many levels a kept card stands deeper, at most, than it arrived: within a persona, within a card."""

_MOST_BYTES = MAX_TEXT_BYTES - 2048
"""Some room is left for what an import adds: an id, a model."""

_SMALL_EXTENSION_BYTES = 1024

_EMPTY: dict[str, Any] = {
    "name": "",
    "description": "",
    "personality": "",
    "scenario": "",
    "first_mes": "",
    "mes_example": "",
    "creator_notes": "",
    "system_prompt": "",
    "post_history_instructions": "",
    "alternate_greetings": [],
    "tags": [],
    "creator": "",
    "character_version": "",
}

_LABELS = {
    "id": "the id",
    "name": "the name",
    "description": "the description",
    "system_prompt": "the exact system prompt",
    "temperature": "the temperature",
    "max_tokens": "the reply limit",
    "model": "the model",
    "personality": "the individual traits",
    "greeting": "the exact greeting",
    "alternate_greetings": "the other greetings",
    "starters": "the starters",
    "examples": "the exact examples",
    "tags": "the tags",
    "avatar": "the avatar",
    "picture": "the picture",
    "top_p": "top-p",
    "stop": "the stop texts",
    "context_tokens": "the limit on context",
    "summarize": "the setting to summarize",
    "extensions": "the extensions and the lore",
}


@dataclass(frozen=True, slots=True)
class CardRead:
    """A card as a persona. `losses` are sentences on what a persona cannot hold or does not use."""

    persona: Persona
    source: CardSource
    losses: tuple[str, ...] = ()
    is_ours: bool = False
    """Whether the card carries a persona of ours, with its id and its model."""


def read_card_text(text: str, left_out: Sequence[str] = ()) -> CardRead:
    """Read a card's JSON text; `left_out` names extensions that were taken out of it before.

    Raises ImportRefused with a sentence that says why.
    """
    value, mended = decoded(text)
    if left_out:
        mended = (*mended, _too_big(left_out))
        _without_nulls(value, left_out)
    read = read_card(value)
    return replace(read, losses=tuple(dict.fromkeys((*mended, *read.losses))))


def read_card(value: Any) -> CardRead:
    """Read a card from its JSON value. Raises ImportRefused with a sentence that says why."""
    card_of(value)
    value, mended = cleaned(value)
    card = card_of(value)
    try:
        persona, losses = _persona(card)
    except ValidationError:
        raise ImportRefused(
            "The card contains something that a persona can't have.", hint="Nothing was imported."
        ) from None
    return CardRead(persona, _SOURCES[card.version], (*mended, *losses), is_ours=carried(card) is not None)


def write_card(persona: Persona, *, version: CardVersion) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a persona as a card, and sentences on what the card cannot hold."""
    origin = kept_card(persona)
    if origin and origin.version == version and _is_unchanged(persona, read_card(origin.whole)):
        return origin.whole, ()
    if version == 1:
        stated, ours = fields(persona, 1, origin), fields(persona, 1, None)
        data = {  # a card of V1 is told by its texts
            name: stated[name] if isinstance(stated[name], str) else ours[name] for name in V1_FIELDS
        }
        if origin and origin.version == 1:
            data = origin.data | data
        return data, _lost_in_v1(persona, data)
    data, losses = _data(persona, version, origin)
    spec, spec_version = _SPECS[version]
    if origin is None or origin.version != version:
        return {"spec": spec, "spec_version": spec_version, "data": data}, losses
    # Some tools write fields of V1 around the data as well: those follow it.
    mirrored = {
        key: data[key]
        for key, each in origin.top.items()
        if key in _EMPTY and key in data and each == origin.data.get(key)
    }
    return origin.top | mirrored | {"data": data}, losses


def _persona(card: Card) -> tuple[Persona, tuple[str, ...]]:
    fields = mapped(card)
    own = carried(card)
    if own and not own.edited:
        return own.persona, ()
    if own:
        own_extensions = own.persona.extensions.get(OURS)
        kept_there = own_extensions if isinstance(own_extensions, dict) else {}
        edited = with_edits(own.persona, fields, own.edited)
        return _keeping(edited, card, kept_there, fields.losses)
    losses = fields.losses
    if OURS in card.dictionary("extensions"):
        losses = (*losses, "PersonaChat's own data in the card can't be read and was left out.")
    if BOOK in extensions_of(card) and BOOK in card.dictionary("extensions"):
        losses = (*losses, f'The card\'s own lore is used instead of the extension "{BOOK}".')
    return _keeping(fields.persona(extensions_of(card)), card, {}, losses)


def _keeping(
    persona: Persona, card: Card, beside: dict[str, Any], losses: tuple[str, ...]
) -> tuple[Persona, tuple[str, ...]]:
    """The persona with the card it came from, if there is room for it."""
    original = kept_fields(card)
    extensions = {key: value for key, value in persona.extensions.items() if key != OURS}
    extensions, too_big = _fitting(persona, extensions)
    if too_big:
        losses = (*losses, _too_big(too_big))
    if depth(original) <= MAX_DEPTH - _KEPT_DEPTH:
        whole = persona.model_copy(update={"extensions": extensions | {OURS: beside | {"card": original}}})
        if _bytes(whole) <= _MOST_BYTES:
            return whole, losses
    bare = persona.model_copy(update={"extensions": extensions})
    bare, shortening = _with_less_lore(bare)
    losses = (*losses, *shortening)
    if _bytes(bare) > _MOST_BYTES:
        raise ImportRefused(
            (
                f"The card is too large: as a persona it would have {_bytes(bare) // 1024:,} KB, and the "
                f"limit is {MAX_TEXT_BYTES // 1024:,} KB."
            ),
            hint="Nothing was imported.",
        )
    return bare, (
        *losses,
        ("The card is too large to be kept with the persona. Anything a persona can't hold is lost."),
    )


def _fitting(persona: Persona, extensions: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The extensions without the biggest foreign ones, where all together do not fit beside the persona."""
    over = _bytes(persona.model_copy(update={"extensions": extensions})) - _MOST_BYTES
    if over <= 0:
        return extensions, []
    sizes = {key: len(json.dumps(value)) for key, value in extensions.items() if key != BOOK}
    dropped = []
    for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if over <= 0 or sizes[key] < _SMALL_EXTENSION_BYTES:
            break
        dropped.append(key)
        without = {each: value for each, value in extensions.items() if each not in dropped}
        over = _bytes(persona.model_copy(update={"extensions": without})) - _MOST_BYTES
    return {key: value for key, value in extensions.items() if key not in dropped}, dropped


def _too_big(names: Sequence[str]) -> str:
    name_list = ", ".join(f'"{excerpt(name)}"' for name in names[:5])
    return f"Extensions from other programs that are too large to keep were left out: {name_list}."


def _without_nulls(value: Any, names: Sequence[str]) -> None:
    for holder in (value, value.get("data") if isinstance(value, dict) else None):
        extensions = holder.get("extensions") if isinstance(holder, dict) else None
        for name in names:
            if isinstance(extensions, dict) and extensions.get(name, "") is None:
                del extensions[name]


def _is_unchanged(persona: Persona, read: CardRead) -> bool:
    """Whether the persona is what the card gives, but for the id and the model that an import gave it."""
    was = comparable(read.persona).model_copy(update={"picture": persona.picture})  # that is beside the card
    if not read.is_ours and import_origin(persona) == {"id": persona.id, "model": persona.model}:
        was = was.model_copy(update={"id": persona.id, "model": persona.model})
    return without_assets(was) == without_assets(comparable(persona))


def _with_less_lore(persona: Persona) -> tuple[Persona, tuple[str, ...]]:
    """The persona with as much of its lore as there is room for, and what that loses."""
    book = persona.extensions.get(BOOK)
    if not isinstance(book, dict) or _bytes(persona) <= _MOST_BYTES:
        return persona, ()

    def holding(part: Mapping[str, Any]) -> Persona:
        return persona.model_copy(update={"extensions": persona.extensions | {BOOK: part}})

    part, count = shortened(book, lambda part: _bytes(holding(part)) <= _MOST_BYTES)
    if not count:
        return persona, ()
    loss = f"Its lore has {len(entries_of(book)):,} entries; only the first {count:,} fit and were imported."
    return holding(part), (loss,)


def _data(
    persona: Persona, version: CardVersion, origin: Card | None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The `data` of a V2 or V3 card, and what is lost from the card the persona came from."""
    base = dict(origin.data) if origin and origin.version > 1 else {}
    dropped = [name for name in V3_ONLY if version == 2 and base.pop(name, None)]
    losses = tuple(f"A V2 card can't include {V3_ONLY[name]}." for name in dropped)
    empty = _EMPTY if version == 2 else {**_EMPTY, "group_only_greetings": []}
    if not origin or origin.version != version:
        base = empty | base
    data = base | fields(persona, version, origin) | surrounding_fields(persona)
    foreign, too_deep = _shallow(data["extensions"])
    ours = carrying(persona, data)
    data["extensions"] = foreign | {OURS: ours}
    if depth(data) >= MAX_DEPTH:
        ours["persona"].pop("extensions", None)
        too_deep = True
    if too_deep:
        losses = (*losses, "Extensions that are nested too deeply were left out.")
    return data, losses


def _shallow(extensions: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    members = {key: value for key, value in extensions.items() if depth(value) <= MAX_DEPTH - 3}
    return members, len(members) < len(extensions)


def _lost_in_v1(persona: Persona, data: dict[str, Any]) -> tuple[str, ...]:
    """What differs in the persona that the card gives back."""
    back = read_card(data).persona
    differing = [
        label
        for name, label in _LABELS.items()
        if name != "extensions" and getattr(back, name) != getattr(persona, name)
    ]
    if any(key != OURS for key in persona.extensions):
        differing.append(_LABELS["extensions"])
    return (f"A V1 card can't include {', '.join(differing)}.",) if differing else ()


def _bytes(persona: Persona) -> int:
    return len(dump_persona(persona).encode())
