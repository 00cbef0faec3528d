"""An import of conversations that is under way: it goes on by itself, and the page only follows.

A click, a reload or a closed tab loses nothing of it; `cancel` takes away what it wrote.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from personachat.errors import ImportRepeated, PersonaChatError
from personachat.history.library import ConversationLibrary, Repeats
from personachat.ui.history.state import history_state


class _Cancelled(Exception):
    """The person does not want it any more."""


@dataclass(slots=True)
class ImportRun:
    """`done` and `total` count messages; `total` is None while the file is still being checked."""

    done: int = 0
    total: int | None = None
    conversations: int | None = None
    """How many came; None until all are there."""
    error: PersonaChatError | None = None
    content: bytes = b""
    """The file, where it is to be asked what of it to take."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def work(self, library: ConversationLibrary, content: bytes, repeats: Repeats) -> None:
        try:
            conversation_ids = library.import_json(content, repeats=repeats, progress=self._progress)
            self.conversations = len(conversation_ids)
        except ImportRepeated as error:
            self.error, self.content = error, content
        except PersonaChatError as error:
            self.error = error
        except _Cancelled:
            pass
        finally:
            self.ended.set()

    def _progress(self, done: int, total: int) -> None:
        if self.cancelled.is_set():
            raise _Cancelled
        self.done, self.total = done, total


def begin(library: ConversationLibrary, content: bytes, repeats: Repeats = "refuse") -> None:
    """Take the file in, in a thread of its own."""
    run = ImportRun()
    history_state().import_run = run
    threading.Thread(target=run.work, args=(library, content, repeats), name="import", daemon=True).start()


def current() -> ImportRun | None:
    """The import of this session that is under way or has just ended."""
    return history_state().import_run


def forget() -> None:
    history_state().import_run = None
