"""The templates that come with the product: one JSON file each beside this module, and its tests; read once.

Their texts are laid out as `dump_persona` does it, and their ids never begin with OWN_PREFIX.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from personachat.personas.persona import Persona, dump_persona, parse_persona
from personachat.personas.store.persona_file import TESTS_SUFFIX

GROUPS = ("Analysis", "Writing", "Review", "Teaching", "Support", "Interviewing", "Planning", "Role-play")
"""In the order in which they are shown."""

OWN_PREFIX = "own-"
"""What the ids of people's own templates begin with, so that none hides a shipped one."""


@dataclass(frozen=True, slots=True)
class Template:
    """A persona to begin with: `purpose` is one line, `text` its JSON. `own`: saved by people here."""

    id: str
    group: str
    purpose: str
    persona: Persona
    text: str
    own: bool = False
    tests: str = ""
    """The text of a test suite for personas made of it."""


@cache
def shipped() -> tuple[Template, ...]:
    """Every shipped template, by group and name."""
    read = [_read(path) for path in Path(__file__).parent.glob("*.json")]
    return tuple(sorted(read, key=lambda each: (GROUPS.index(each.group), each.persona.name)))


def _read(path: Path) -> Template:
    written = json.loads(path.read_text(encoding="utf-8"))
    persona = parse_persona(json.dumps(written["persona"]))
    beside = path.with_suffix(TESTS_SUFFIX)
    tests = beside.read_text(encoding="utf-8") if beside.exists() else ""
    text = dump_persona(persona)
    return Template(path.stem, written["group"], written["purpose"], persona, text, tests=tests)
