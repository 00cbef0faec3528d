"""Where a persona came from, told by what it keeps of its file, so that the same file is known again. Pure.

What programs note in a file while they use it (when a chat was opened last, what is starred) says nothing
about the persona: it makes no difference between two versions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from personachat.personas.assets.sets import ASSETS, OURS
from personachat.personas.persona import Persona

SOURCE = "source"
"""Where extensions.personachat says which thing of another program a persona came from."""

IMPORT_ORIGIN = "given"
"""Where it says the id and the model that an import gave, because the file named none."""

BOOKKEEPING = frozenset(
    {
        *("chat", "create_date", "creation_date", "modification_date", "date_added", "date_last_chat"),
        *("fav", "avatar", "json_data", "shallow", "chat_size", "data_size"),
    }
)
"""What SillyTavern and others note at the top of a card, or as its dates."""

_MOST_SOURCE_CHARACTERS = 300


def source_mark(kind: str, *names: object) -> str:
    """What tells one thing of another program from the next, such as its kind, id and name."""
    text = json.dumps([kind, *(str(name)[:_MOST_SOURCE_CHARACTERS] for name in names)])
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def origins(persona: Persona) -> tuple[str, ...]:
    """Marks of where a persona came from, the surest first; none for one that was made here."""
    ours = _ours(persona.extensions)
    marks = []
    card = ours.get("card")
    if isinstance(card, dict):
        marks.append(f"card:{_digest(_plain_card(card))}")
        data = card.get("data")
        if isinstance(data, dict) and _filled(data.get("creator")) and _filled(data.get("name")):
            marks.append(source_mark("card-of", data["name"], data["creator"]))
    if _filled(ours.get(SOURCE)):
        marks.append(str(ours[SOURCE]))
    return tuple(marks)


def comparable(persona: Persona) -> Persona:
    """The persona without what other programs note in passing, and without what an import gave it."""
    ours = persona.extensions.get(OURS)
    if not isinstance(ours, dict):
        return persona
    members = {key: value for key, value in ours.items() if key != IMPORT_ORIGIN}
    if isinstance(members.get("card"), dict):
        members["card"] = _plain_card(members["card"])
    extensions = {key: value for key, value in persona.extensions.items() if key != OURS}
    return persona.model_copy(update={"extensions": extensions | ({OURS: members} if members else {})})


def without_assets(persona: Persona) -> Persona:
    """The persona without the name of the files that lie beside its card."""
    ours = _ours(persona.extensions)
    if ASSETS not in ours:
        return persona
    members = {key: value for key, value in ours.items() if key != ASSETS}
    others = {key: value for key, value in persona.extensions.items() if key != OURS}
    return persona.model_copy(update={"extensions": others | ({OURS: members} if members else {})})


def import_origin(persona: Persona) -> Mapping[str, Any]:
    """The id and the model that an import gave this persona."""
    value = _ours(persona.extensions).get(IMPORT_ORIGIN)
    return value if isinstance(value, dict) else {}


def _ours(extensions: Mapping[str, Any]) -> dict[str, Any]:
    ours = extensions.get(OURS)
    return ours if isinstance(ours, dict) else {}


def _plain_card(card: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in card.items() if key not in BOOKKEEPING}
    data = plain.get("data")
    if isinstance(data, dict):
        plain["data"] = {key: value for key, value in data.items() if key not in BOOKKEEPING}
    return plain


def _filled(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
