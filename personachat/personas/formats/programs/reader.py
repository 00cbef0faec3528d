"""What a reader of another program's files is: how it knows them, and how it reads them. Values only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from personachat.personas.formats.sketches import Sketch


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads values of JSON or YAML. `read` may give several sketches, or none where the file holds none."""

    kind: str
    label: str
    """With its article, as in "a LobeChat agent"."""
    matches: Callable[[Any], bool]
    read: Callable[[Any], Iterable[Sketch]]
