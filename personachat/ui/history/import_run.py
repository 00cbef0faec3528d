"""An import of conversations while it runs. It doesn't need the page, which only shows its progress.

A click, a reload or a closed tab doesn't interrupt it. If `cancelled` is set, what it wrote is removed again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from personachat.errors import ImportRepeated, PersonaChatError
from personachat.history.library import ConversationLibrary, Repeats


class _Cancelled(Exception):
    """The person cancelled the import."""


@dataclass(slots=True)
class ImportRun:
    """`done` and `total` count messages; `total` is None while the file is still being checked."""

    done: int = 0
    total: int | None = None
    conversations: int | None = None
    """How many were imported; None until all of them were."""
    error: PersonaChatError | None = None
    content: bytes = b""
    """The file, if the person has to decide which of its conversations to import."""
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


def start(library: ConversationLibrary, content: bytes, repeats: Repeats = "refuse") -> ImportRun:
    """Begin the import of a file in a thread of its own."""
    run = ImportRun()
    threading.Thread(target=run.work, args=(library, content, repeats), name="import", daemon=True).start()
    return run
