"""A character card as it arrives: which version it follows, and its fields by name.

Sources: character-card-spec-v2 (V1 and V2) and character-card-spec-v3 (V3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from personachat.errors import ImportRefused
from personachat.jsontext.faults import excerpt

CardVersion: TypeAlias = Literal[1, 2, 3]

V1_FIELDS = ("name", "description", "personality", "scenario", "first_mes", "mes_example")
TEXT_FIELDS = (*V1_FIELDS, "creator_notes", "system_prompt")
LIST_FIELDS = ("alternate_greetings", "tags")
MAPPED_FIELDS = (*TEXT_FIELDS, *LIST_FIELDS)
"""The fields that have a place in a persona; the others stay with the kept card."""

V3_ONLY = {
    "nickname": "the nickname",
    "group_only_greetings": "the group greetings",
    "assets": "the list of pictures and sounds",
    "creator_notes_multilingual": "the notes in other languages",
    "source": "the sources",
    "creation_date": "the date of creation",
    "modification_date": "the date of change",
}

_SPECS: dict[str, CardVersion] = {"chara_card_v2": 2, "chara_card_v3": 3}
_VERSIONS = {"chara_card_v2": "2.0", "chara_card_v3": "3.0"}
_FRAME = ("spec", "spec_version", "data")
_HINT = "Nothing was imported."


@dataclass(frozen=True, slots=True)
class Card:
    """A card's `data`, and what stands around it at the `top`. V1 has no top: it is its data."""

    version: CardVersion
    data: dict[str, Any]
    top: dict[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A field's text, "" where it is missing or none."""
        value = self.data.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """The texts of a list."""
        value = self.data.get(name)
        return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []

    def dictionary(self, name: str) -> dict[str, Any]:
        value = self.data.get(name)
        return value if isinstance(value, dict) else {}

    @property
    def whole(self) -> dict[str, Any]:
        """The card as JSON has it."""
        if self.version == 1:
            return self.data
        return self.top | {"data": self.data}


def card_of(value: Any) -> Card:
    """Tell a card's version. Raises ImportRefused where the value is no card."""
    if not isinstance(value, dict):
        raise ImportRefused("A character card must be a JSON object, but this is not.", hint=_HINT)
    spec, data = value.get("spec"), value.get("data")
    if not isinstance(data, dict):
        if isinstance(value.get("name"), str) and any(name in value for name in V1_FIELDS[1:]):
            return Card(1, {key: each for key, each in value.items() if key not in _FRAME})
        if spec is None:
            raise ImportRefused("This is not a character card: it has no name or no content.", hint=_HINT)
    if spec is None and isinstance(data, dict):
        spec = _unnamed(data)
        value = {"spec": spec, "spec_version": _VERSIONS[spec]} | {
            key: each for key, each in value.items() if key not in _FRAME or key == "data"
        }
    version = _SPECS.get(spec.strip().lower()) if isinstance(spec, str) else None
    if version is None:
        raise ImportRefused(
            f'The card follows "{excerpt(spec)}"; supported are V1, chara_card_v2 and chara_card_v3.',
            hint=_HINT,
        )
    if not isinstance(data, dict):
        raise ImportRefused('The card has no "data", where its fields should be.', hint=_HINT)
    # The place of "data" among the other keys is kept for the way back.
    return Card(version, data, {key: None if key == "data" else each for key, each in value.items()})


def _unnamed(data: dict[str, Any]) -> str:
    """What a card follows that does not say it: V3 where it has a field of its own, else V2."""
    if not isinstance(data.get("name"), str) or not any(name in data for name in V1_FIELDS[1:]):
        raise ImportRefused("This is not a character card: it has no name or no content.", hint=_HINT)
    return "chara_card_v3" if any(name in data for name in V3_ONLY) else "chara_card_v2"


def is_card(value: Any) -> bool:
    """Whether a JSON value is a character card of any version."""
    try:
        card_of(value)
    except ImportRefused:
        return False
    return True


def field_faults(card: Card) -> list[str]:
    """Sentences on fields that hold something else than the specification says, and are left out."""
    wrong = [
        name
        for name in TEXT_FIELDS
        if card.data.get(name) is not None and not isinstance(card.data[name], str)
    ]
    wrong += [
        name
        for name in LIST_FIELDS
        if card.data.get(name) is not None
        and (not isinstance(card.data[name], list) or len(card.texts(name)) < len(card.data[name]))
    ]
    return [f'"{name}" in the card is not text and was left out.' for name in wrong]
