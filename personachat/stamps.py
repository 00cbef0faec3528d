"""What a new row is stamped with: an id and a moment."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime


def new_id() -> str:
    """A random id nobody can guess."""
    return uuid.uuid4().hex


def now() -> datetime:
    """The moment, in UTC, as precisely as every database keeps it: to the microsecond."""
    return datetime.now(UTC)
