"""Recent responses of /v1: their items, for requests that refer to one instead of repeating it.

Each belongs to one owner, and nobody else can read it. It is kept for an hour after its last use; using a
response uses every response it followed. Each owner has a limited number of responses and bytes: the ones
used longest ago are dropped first.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from sqlalchemy import (
    CTE,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from personachat.database.columns import UtcDateTime, metadata
from personachat.database.connection import Database
from personachat.errors import PersonaChatError

log = logging.getLogger(__name__)

LIFETIME = timedelta(hours=1)
"""Seconds that a response can be referred to after its last use."""

FORGET_SECONDS = 600.0
"""Seconds between two removals of expired responses."""

MOST_RESPONSES = 1000
"""Per owner."""

MOST_BYTES = 128 * 1024 * 1024
"""Per owner. A single larger response isn't kept."""

MOST_ID_CHARACTERS = 32

Item: TypeAlias = dict[str, Any]

responses = Table(
    "responses",
    metadata,
    Column("id", String(MOST_ID_CHARACTERS), primary_key=True),
    Column("owner", String(300), nullable=False),
    Column("previous_id", String(MOST_ID_CHARACTERS)),
    Column("size", Integer, nullable=False),  # bytes of input and output
    Column("used_at", UtcDateTime, nullable=False),
    Column("input", Text, nullable=False),  # JSON in ASCII: no NUL, no lone surrogate
    Column("output", Text, nullable=False),
    Index("ix_responses_owner_used_at", "owner", "used_at"),
    Index("ix_responses_used_at", "used_at"),
)

_r = responses.c


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """One response: its input items, without those of earlier responses, and its output."""

    id: str
    input: Sequence[Item]
    output: Sequence[Item]
    previous_id: str | None = None


class KeptResponses:
    """Safe for threads and processes. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Remove expired responses again and again, until `close`."""
        self._thread = threading.Thread(target=self._forget_again, name="personachat-responses", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        if self._thread:
            self._thread.join()

    def _forget_again(self) -> None:
        while not self._closed.wait(FORGET_SECONDS):
            try:
                self.forget_old()
            except PersonaChatError as error:  # the next run will do it
                log.debug("Old responses couldn't be forgotten: %s", error.code)

    def keep(self, owner: str, response: KeptResponse) -> bool:
        """Keep a response, and extend what it follows; False if it is too large."""
        request_json, response_json = json.dumps(response.input), json.dumps(response.output)
        size = len(request_json) + len(response_json)
        if size > MOST_BYTES:
            return False
        with self._database.write() as connection:
            moment = self._database.moment(connection)
            connection.execute(
                responses.insert().values(
                    id=response.id,
                    owner=owner,
                    previous_id=response.previous_id,
                    size=size,
                    used_at=moment,
                    input=request_json,
                    output=response_json,
                )
            )
            if response.previous_id is not None:
                chain = _chain(owner, response.previous_id)
                used = update(responses).where(_r.id.in_(select(chain.c.id)))
                connection.execute(used.values(used_at=moment))
            self._forget(connection, owner)
        return True

    def conversation(self, owner: str, response_id: str) -> list[Item] | None:
        """All items up to the end of a response, oldest first.

        None if it, or one that it follows, has expired or was never the owner's.
        """
        with self._database.read() as connection:
            chain = _chain(owner, response_id)
            query = select(chain.c.previous_id, _r.input, _r.output).join(responses, _r.id == chain.c.id)
            query = query.where(_r.used_at >= self._database.moment(connection) - LIFETIME)
            rows = connection.execute(query.order_by(chain.c.distance.desc())).all()
        if not rows or rows[0].previous_id is not None:
            return None
        return [item for row in rows for text in (row.input, row.output) for item in json.loads(text)]

    def outputs(self, owner: str, response_ids: Collection[str]) -> dict[str, list[Item]]:
        """The output of these responses, without those that have expired or aren't the owner's."""
        with self._database.read() as connection:
            query = select(_r.id, _r.output).where(_r.owner == owner, _r.id.in_(response_ids))
            query = query.where(_r.used_at >= self._database.moment(connection) - LIFETIME)
            return {row.id: json.loads(row.output) for row in connection.execute(query)}

    def forget_old(self) -> None:
        """Remove all expired responses, of every owner."""
        with self._database.write() as connection:
            self._forget(connection)

    def _forget(self, connection: Connection, owner: str | None = None) -> None:
        """Remove expired responses, and this owner's oldest ones above the limits."""
        connection.execute(delete(responses).where(_r.used_at < self._database.moment(connection) - LIFETIME))
        if owner is None:
            return
        newest = (_r.used_at.desc(), _r.id)
        ranked = (
            select(
                _r.id,
                func.row_number().over(order_by=newest).label("place"),
                func.sum(_r.size).over(order_by=newest).label("bytes"),
            )
            .where(_r.owner == owner)
            .subquery()
        )
        too_much = or_(ranked.c.place > MOST_RESPONSES, ranked.c.bytes > MOST_BYTES)
        connection.execute(delete(responses).where(_r.id.in_(select(ranked.c.id).where(too_much))))


def _chain(owner: str, response_id: str) -> CTE:
    """The ids of a response and of all it follows, with their distance."""
    first = select(_r.id, _r.previous_id, literal(0).label("distance"))
    chain = first.where(_r.id == response_id, _r.owner == owner).cte("chain", recursive=True)
    further = select(_r.id, _r.previous_id, chain.c.distance + 1).join(chain, _r.id == chain.c.previous_id)
    return chain.union_all(further.where(_r.owner == owner))
