"""The text of a call, for operators who want it in traces. No row has it; it is dropped after use.

The sender of a request records it here, but only if traces include text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Words:
    """The request and the reply. Both are only read outside the reply's path."""

    request: Callable[[], Mapping[str, Any]] = dict
    """The JSON of the last request that was sent."""
    reply: Callable[[], str] = str
    """The text this call has added to the reply."""


current_words: ContextVar[Words | None] = ContextVar("personachat.words", default=None)
"""The recorder of the current call; None if nobody wants its text."""
