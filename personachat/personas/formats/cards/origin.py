"""What a card leaves in a persona and a persona in a card, so that either finds its way back.

A persona that came from a card keeps it under `extensions.personachat.card`, without its extensions and lore,
which are the persona's own. A card that was made from a persona carries it under
`data.extensions.personachat`, with a digest of each field as it was written: a field that another tool edited
is told by that. Neither is trusted: what makes no sense is as if it were not there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from personachat.errors import ImportRefused
from personachat.personas.assets.sets import OURS
from personachat.personas.formats.cards.fields import MAPPED_FIELDS, Card, card_of
from personachat.personas.persona import Persona, dump_persona

BOOK = "character_book"

_ELSEWHERE = ("extensions", BOOK)
_REST = "rest"


@dataclass(frozen=True, slots=True)
class CarriedPersona:
    """A persona as it travelled in a card, and the fields that were edited since it was written.

    `edited` holds "rest" where a field was that a persona has no place for.
    """

    persona: Persona
    edited: frozenset[str]


def kept_fields(card: Card) -> dict[str, Any]:
    """Return what a persona keeps of a card; empty objects mark the places of what is kept elsewhere."""
    if card.version == 1:
        return {"data": card.data}
    data = {
        key: {} if key in _ELSEWHERE and isinstance(value, dict) else value
        for key, value in card.data.items()
    }
    return card.top | {"data": data}


def kept_card(persona: Persona) -> Card | None:
    """Return the card a persona came from, with the extensions and lore the persona has now."""
    ours = persona.extensions.get(OURS)
    value = ours.get("card") if isinstance(ours, dict) else None
    if not isinstance(value, dict) or not isinstance(value.get("data"), dict):
        return None
    try:
        card = card_of(value if "spec" in value else value["data"])
    except ImportRefused:
        return None
    if card.version == 1:
        return card
    data = {key: each for key, each in card.data.items() if key not in _ELSEWHERE or each != {}}
    places = dict.fromkeys(card.data) | dict.fromkeys(data)
    current = data | surrounding_fields(persona)
    if "extensions" not in card.data and not current["extensions"]:
        del current["extensions"]
    return Card(card.version, {key: current[key] for key in [*places, *current] if key in current}, card.top)


def surrounding_fields(persona: Persona) -> dict[str, Any]:
    """Return the fields `extensions`, without what is ours, and `character_book`, if there is one."""
    foreign = {key: value for key, value in persona.extensions.items() if key != OURS}
    if not isinstance(foreign.get(BOOK), dict):
        return {"extensions": foreign}
    book = foreign.pop(BOOK)
    return {BOOK: book, "extensions": foreign}


def extensions_of(card: Card) -> dict[str, Any]:
    """Return the extensions a persona takes from a card: the foreign ones, and the lore."""
    if card.version == 1:
        return {}
    members = {key: value for key, value in card.dictionary("extensions").items() if key != OURS}
    book = card.data.get(BOOK)
    return members | {BOOK: book} if isinstance(book, dict) else members


def carrying(persona: Persona, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a card with these fields carries of the persona."""
    value = json.loads(dump_persona(persona))
    own = {OURS: persona.extensions[OURS]} if OURS in persona.extensions else {}
    value.pop("extensions", None)
    return {"persona": value | ({"extensions": own} if own else {}), "fields": _digests(data)}


def carried(card: Card) -> CarriedPersona | None:
    """Return the persona a card carries, or None if there is none that makes sense."""
    ours = card.dictionary("extensions").get(OURS) if card.version > 1 else None
    if not isinstance(ours, dict) or not isinstance(ours.get("persona"), dict):
        return None
    value = dict(ours["persona"])
    own = value.get("extensions")
    own = {OURS: own[OURS]} if isinstance(own, dict) and OURS in own else {}
    try:
        persona = Persona.model_validate(
            value | {"extensions": extensions_of(card) | own}, by_alias=True, by_name=False
        )
    except ValidationError:
        return None
    written = ours.get("fields")
    written = written if isinstance(written, dict) else {}
    edited = {name for name, digest in _digests(card.data).items() if written.get(name) != digest}
    return CarriedPersona(persona, frozenset(edited))


def _digests(data: Mapping[str, Any]) -> dict[str, str]:
    rest = {
        key: value
        for key, value in data.items()
        if key not in MAPPED_FIELDS and key not in _ELSEWHERE and _normal(value)
    }
    return {name: _digest(data.get(name)) for name in MAPPED_FIELDS} | {_REST: _digest(rest)}


def _digest(value: Any) -> str:
    text = json.dumps(_normal(value), ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _normal(value: Any) -> Any:
    """The value without what tools change unasked: blanks around a text, line ends, none for nothing."""
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n").strip() or None
    if isinstance(value, list):
        return [_normal(each) for each in value] or None
    if isinstance(value, dict):
        return {key: _normal(each) for key, each in value.items()} or None
    return value
