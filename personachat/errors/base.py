"""The root of all errors, and those of the server itself: its settings, its database, its end."""

from __future__ import annotations

from typing import ClassVar


class PersonaChatError(Exception):
    """The root. `str(error)` is one sentence; `hint` says what to do about it, or is empty.

    `advice` is for whoever runs the server alone: it may name settings and files, and goes to the log and the
    terminal. `retry_after_seconds` says when the same may work, where that is known.
    """

    code: ClassVar[str] = "internal_error"
    retry_after_seconds: float | None = None

    def __init__(self, message: str, *, hint: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.advice = advice


def unforeseen() -> PersonaChatError:
    """What is told of a fault of our own; only the log says which."""
    return PersonaChatError("Something went wrong in PersonaChat itself.", hint="Try again.")


class SettingsInvalid(PersonaChatError):
    """A setting's value cannot be used; the message names the variable, never its value."""

    code = "settings_invalid"


class AddressUnavailable(PersonaChatError):
    """The server cannot listen there: the port is taken, or the address is not this machine's."""

    code = "address_unavailable"


class BackupFailed(PersonaChatError):
    """A backup cannot be made, read or restored; what was there is as it was."""

    code = "backup_failed"


class StoreUnavailable(PersonaChatError):
    """The store cannot be read or written: no permission, disk full, a lock that never came free."""

    code = "store_unavailable"
    retry_after_seconds = 5


class DatabaseUnavailable(PersonaChatError):
    """Conversations cannot be read or written now: disk full, no permission, locked, unreachable."""

    code = "database_unavailable"
    retry_after_seconds = 5


class DatabaseDamaged(PersonaChatError):
    """The database is damaged, or of a newer version than this one knows; it is left as it is."""

    code = "database_damaged"


class CursorInvalid(PersonaChatError):
    """What should say where the next page begins did not come from the page before."""

    code = "cursor_invalid"


class ShuttingDown(PersonaChatError):
    """The server finishes the replies that are coming, and takes no new ones."""

    code = "shutting_down"
    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("PersonaChat is shutting down.", hint="Try again in a moment.")
