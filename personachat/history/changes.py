"""Which conversations changed recently, whoever changed them and in whichever process.

Every write to a conversation's row sets its `changed_at`: a message, a name, a pin, a deletion. The time is
taken before the transaction ends, so a change may become visible just after a later one: look back a little
further than the last one seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from personachat.conversations.tables import conversations

MOST_CHANGES = 1_000
"""The newest changes. More at once come from an import, and a page shows no more than these."""


@dataclass(frozen=True, slots=True)
class Change:
    """A conversation's newest change."""

    owner: str
    conversation_id: str
    changed_at: datetime
    is_listed: bool
    """Neither deleted nor archived."""


def changed_since(connection: Connection, moment: datetime) -> tuple[Change, ...]:
    """The conversations that changed at `moment` or later, newest first; MOST_CHANGES at most."""
    c = conversations.c
    query = select(c.owner, c.id, c.changed_at, c.deleted_at, c.archived).where(c.changed_at >= moment)
    rows = connection.execute(query.order_by(c.changed_at.desc()).limit(MOST_CHANGES))
    return tuple(
        Change(row.owner, row.id, row.changed_at, row.deleted_at is None and not row.archived) for row in rows
    )
