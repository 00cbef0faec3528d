"""The words of a call, for operators who want them in traces. No row has them; they go once the span is sent.

What makes requests notes each one here; nothing is noted where nobody asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Words:
    """What was asked and replied. Both are only looked up off the reply's path."""

    request: Callable[[], Mapping[str, Any]] = dict
    """The JSON of the last request that was sent."""
    reply: Callable[[], str] = str
    """What this call has added to the reply."""


current_words: ContextVar[Words | None] = ContextVar("personachat.words", default=None)
"""Those of the call that is made; None where nobody asked for them."""
