"""The text behind the form of a suite, and the keys of its fields."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from personachat.lab.suites.editing import Path
from personachat.ui.personas.editor import Mount


@dataclass(frozen=True, slots=True)
class FormText:
    """One suite on the page."""

    persona_id: str
    mount: Mount
    may_edit: bool

    def key(self, path: Path, value: Any, part: str = "") -> str:
        """The key of the field for a value: another value is another field, so that it shows the text."""
        digest = hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:10]
        return f"form_{self.persona_id}_{'.'.join(map(str, path))}_{part}_{digest}"
