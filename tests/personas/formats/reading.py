"""What a file brings, for tests that look at its personas alone."""

from __future__ import annotations

from personachat.personas.formats import reading
from personachat.personas.formats.catalogue import ImportedPersona


def read_file(content: bytes, *, filename: str = "") -> tuple[ImportedPersona, ...]:
    return reading.read_file(content, filename=filename).arrivals
