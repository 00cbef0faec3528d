"""Ids for personas that have only a name yet. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from personachat.persona_fields import is_persona_id


def free_id(name: str, taken: Collection[str]) -> str:
    """An id like the name, with a number where that one is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:56].rstrip("-") or "persona"
    number, persona_id = 1, stem
    while persona_id in taken or not is_persona_id(persona_id):
        number += 1
        persona_id = f"{stem}-{number}"
    return persona_id
