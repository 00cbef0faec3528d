"""How long waits for a PostgreSQL server last in this thread.

`postgresql.PatientConnection` enforces it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LEAST_SECONDS = 1.0
"""Seconds that are left for an answer, however long the wait for a free connection was."""

_until: ContextVar[float | None] = ContextVar("until", default=None)
_patience: ContextVar[float] = ContextVar("patience", default=0.0)


@contextmanager
def reached_within(seconds: float) -> Iterator[None]:
    """All waits inside, connecting included, take at most about so long together."""
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


@contextmanager
def patient_for(seconds: float) -> Iterator[None]:
    """Each wait inside may be silent for at least so long; for changes of whole tables."""
    token = _patience.set(seconds)
    try:
        yield
    finally:
        _patience.reset(token)


def is_reaching() -> bool:
    """Whether the question is if the server can be reached at all."""
    return _until.get() is not None


def limit(seconds: float) -> float:
    """Seconds that a wait may be silent, instead of the usual ones."""
    until, seconds = _until.get(), max(seconds, _patience.get())
    return seconds if until is None else min(seconds, max(LEAST_SECONDS, until - time.monotonic()))
