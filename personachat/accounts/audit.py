"""The audit: who did what, when and to what. Events are never changed.

It contains names, ids, revisions and numbers, never the text of a conversation or a prompt, and never a
secret. Only the retention setting deletes events, oldest first. An event is written after the action. If that
fails, the log says so, because the action can't be undone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, delete, insert, select

from personachat.accounts.tables import audit_events
from personachat.database.connection import Database
from personachat.errors import PersonaChatError
from personachat.messages import storable
from personachat.owners import author_of
from personachat.request_context import current_request
from personachat.stamps import now

log = logging.getLogger(__name__)

Kind: TypeAlias = Literal[
    "persona",
    "template",
    "conversation",
    "message",
    "budget",
    "token",
    "right",
    "setting",
    "person",
    "backup",
]

MOST_EVENTS = 1_000
MOST_IDS = 100
"""Ids of one event; beyond that, it contains their number."""

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """`target` is the id of the object; `before` and `after` are facts about it, if any."""

    id: int
    at: datetime
    actor: str
    """The owner."""
    actor_name: str
    action: str
    kind: str
    target: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Selects events; None or "" selects all. `until` is the first moment after them."""

    actor: str = ""
    """The owner, or their name."""
    action: str = ""
    kind: str = ""
    target: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        c = audit_events.c
        conditions: list[ColumnElement[bool]] = []
        if self.actor:
            conditions.append((c.actor == storable(self.actor)) | (c.actor_name == storable(self.actor)))
        for column, value in ((c.action, self.action), (c.kind, self.kind), (c.target, self.target)):
            if value:
                conditions.append(column == storable(value))
        if self.since is not None:
            conditions.append(c.at >= self.since)
        if self.until is not None:
            conditions.append(c.at < self.until)
        return conditions


EVERYTHING = AuditFilter()


class Audit:
    """One per process; safe for threads."""

    def __init__(self, database: Database, *, retention_days: int | None = None) -> None:
        self._database = database
        self._retention_days = retention_days

    def trail(self, owner: str, *, name: str = "") -> Trail:
        """The trail of what this owner does; `name` is what people see."""
        return Trail(self, owner, name=name)

    def record(
        self,
        actor: str,
        action: str,
        *,
        kind: Kind,
        target: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        actor_name: str = "",
    ) -> None:
        """Write an event. Never raises: the action has happened."""
        token_id = current_request.get().token_id
        with_token = f" (API token {token_id[:8]})" if token_id and not actor.startswith("token:") else ""
        row = {
            "at": now(),
            "actor": storable(actor)[:300],
            "actor_name": storable(f"{(actor_name or author_of(actor))[:160]}{with_token}"),
            "action": action,
            "kind": kind,
            "target": storable(target)[:300],
            "before": None if before is None else dict(before),
            "after": None if after is None else dict(after),
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(audit_events).values(row))
        except PersonaChatError as error:
            log.warning("The audit misses that a %s was %s: %s", kind, action, error.code)

    def page(
        self, filters: AuditFilter = EVERYTHING, *, limit: int = 100, before_id: int | None = None
    ) -> list[AuditEvent]:
        """The newest events, or those before `before`. Raises what `Database` raises."""
        conditions = filters.conditions()
        if before_id is not None:
            conditions.append(audit_events.c.id < before_id)
        query = select(audit_events).where(*conditions).order_by(audit_events.c.id.desc())
        with self._database.read() as connection:
            rows = connection.execute(query.limit(min(limit, MOST_EVENTS))).mappings().all()
        return [AuditEvent(**row) for row in rows]

    def all(self, filters: AuditFilter = EVERYTHING) -> Iterator[AuditEvent]:
        """Every event, newest first; read one page at a time."""
        before_id: int | None = None
        while events := self.page(filters, limit=_PAGE, before_id=before_id):
            yield from events
            before_id = events[-1].id

    @property
    def retention_days(self) -> int | None:
        return self._retention_days

    def newest(self, kind: Kind, target: str) -> AuditEvent | None:
        page = self.page(AuditFilter(kind=kind, target=target), limit=1)
        return page[0] if page else None

    def forget_old(self) -> None:
        """Delete events that are older than the retention."""
        if self._retention_days is None:
            return
        old = audit_events.c.at < now() - timedelta(days=self._retention_days)
        with self._database.write() as connection:
            connection.execute(delete(audit_events).where(old))


class Trail:
    """The actions of one owner."""

    def __init__(self, audit: Audit | None, owner: str, *, name: str = "") -> None:
        self._audit = audit
        self._owner = owner
        self._name = name

    def note(
        self,
        action: str,
        *,
        kind: Kind,
        target: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Record an action; see Audit.record."""
        if self._audit is not None:
            self._audit.record(
                self._owner,
                action,
                kind=kind,
                target=target,
                before=before,
                after=after,
                actor_name=self._name,
            )

    def note_many(self, action: str, ids: list[str] | tuple[str, ...], *, kind: Kind) -> None:
        """Record an action on all of these at once."""
        if len(ids) == 1:
            self.note(action, kind=kind, target=ids[0])
        elif ids:
            self.note(action, kind=kind, after={"count": len(ids), "ids": list(ids[:MOST_IDS])})


UNTRACED = Trail(None, "")
"""Records nothing."""
