"""What a file brings, for tests that look at its personas alone."""

from __future__ import annotations

from personachat.interchange import arrivals
from personachat.interchange.formats import Arrival


def read_file(content: bytes, *, filename: str = "") -> tuple[Arrival, ...]:
    return arrivals.read_file(content, filename=filename).arrivals
