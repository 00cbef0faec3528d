"""Ids for personas that have only a name yet. Pure.

A name in any script gives an id that can be read; one of which nothing is left gets a digest of its own, so
that two different names never share an id by accident.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

from anyascii import anyascii

from personachat.persona_fields import RESERVED_IDS, is_persona_id

MOST_STEM_CHARACTERS = 56
"""Some room is left for a number behind it."""


def free_id(name: str, taken: Collection[str]) -> str:
    """An id like the name, with a number where that one is taken."""
    stem = id_stem(name)
    number, persona_id = 1, stem
    while persona_id in taken or persona_id in RESERVED_IDS or not is_persona_id(persona_id):
        number += 1
        persona_id = f"{stem}-{number}"
    return persona_id


def id_stem(name: str) -> str:
    """The name in lower-case ASCII letters, digits and hyphens; "persona-" and a digest where it has none."""
    plain = anyascii(name[:1_000]).lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MOST_STEM_CHARACTERS].rstrip("-")
    return stem or f"persona-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"
