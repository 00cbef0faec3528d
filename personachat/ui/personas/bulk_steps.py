"""Work on several personas, a few at a time. Knows nothing of the page that shows it.

The next run of a page begins before the last one has ended. Both use the same lock, so nothing is done twice
or counted twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from personachat.authoring.library import PersonaLibrary
from personachat.authoring.several import BulkChange
from personachat.errors import PersonaChatError
from personachat.personas.store.base import BrokenPersona, StoredPersona

STEP = 10
"""How many are done before anything else can happen: about a fifth of a second with files."""

Step: TypeAlias = Callable[[PersonaLibrary, Sequence[str]], BulkChange]


@dataclass(slots=True)
class BulkWork:
    """An action on several personas; `left` are the ids that are still to be done.

    `doing` and `did` name it, as in "Deleting" and "Deleted"; `done` of `total` are finished.
    """

    doing: str
    did: str
    left: list[str]
    step: Step
    undo: Callable[[BulkWork], BulkWork] | None = None
    deletes: bool = False
    before: list[StoredPersona] = field(default_factory=list)
    after: list[StoredPersona] = field(default_factory=list)
    away: list[BrokenPersona] = field(default_factory=list)
    errors: list[PersonaChatError] = field(default_factory=list)
    done: int = 0
    is_offered: bool = False
    """Whether it can be undone without this session."""
    total: int = field(init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.total = len(self.left)

    def go_on(self, collection: PersonaLibrary) -> None:
        """Do the next few. Nothing in here may touch Streamlit, which could end the run between two lines."""
        with self._turn:
            some = self.left[:STEP]
            if not some:
                return
            changed = self.step(collection, some)
            self.before += changed.before
            self.after += changed.after
            self.away += changed.away
            self.errors += changed.errors
            self.done += len(some)
            del self.left[:STEP]

    def stop(self) -> None:
        """Skip the rest, once the current ones are finished."""
        with self._turn:
            self.left.clear()
