"""Cursors: where the next page of a list begins, as opaque text.

A page begins after the last row of the one before (keyset), so rows that are added or changed meanwhile are
neither repeated nor skipped. Invalid text raises CursorInvalid.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime

from personachat.errors import CursorInvalid

MOST_CHARACTERS = 400
MOST_NUMBER = 2**63 - 1


def cursor_after(updated_at: datetime, conversation_id: str) -> str:
    """The cursor after a conversation in a list."""
    return _encoded([updated_at.astimezone(UTC).isoformat(), conversation_id])


def place_of(cursor: str) -> tuple[datetime, str]:
    """The moment and id that `cursor_after` was given."""
    match _decoded(cursor):
        case [str(moment), str(conversation_id)] if conversation_id.isascii() and "\0" not in conversation_id:
            try:
                read = datetime.fromisoformat(moment)
                return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC), conversation_id
            except (ValueError, OverflowError):
                pass
    raise _invalid()


def cursor_below(number: int) -> str:
    """The cursor after a turn among hits."""
    return _encoded([number])


def number_of(cursor: str) -> int:
    """The number that `cursor_below` was given."""
    match _decoded(cursor):
        case [int(number)] if not isinstance(number, bool) and 0 <= number <= MOST_NUMBER:
            return number
    raise _invalid()


def _encoded(parts: list[str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _decoded(cursor: str) -> object:
    if len(cursor) > MOST_CHARACTERS:
        raise _invalid()
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
        return json.loads(text.decode("ascii"))
    except (ValueError, binascii.Error, RecursionError):
        raise _invalid() from None


def _invalid() -> CursorInvalid:
    return CursorInvalid("This page link is not valid.", hint="Reload the list from the start.")
