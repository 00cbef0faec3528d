"""What a process writes about its replies, and how others see that it is dead: a ReplyRecords.

Replies of a killed process end at once with SQLite, and after DEAD_AFTER_SECONDS with PostgreSQL; see
`personachat.database.processes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, select, update

from personachat.conversations.model import Reply
from personachat.conversations.rows import TURN_COLUMNS, reply_of, reply_values
from personachat.conversations.tables import LIVE, turns
from personachat.database.connection import Database
from personachat.database.processes import (
    BEAT_SECONDS,
    DEAD_AFTER_SECONDS,
    announce,
    beats,
    dead,
    nobody_can_tell,
    processes,
)
from personachat.messages import LIVE_STATES, storable

_WITH_JOURNAL = (*TURN_COLUMNS, turns.c.journal)

# Every reply ends with these. Built once: that takes longer than executing them.

_ROWS = (
    select(turns.c.id)
    .where(turns.c.id.in_(bindparam("those", expanding=True)), turns.c.process_id == bindparam("mine"))
    .order_by(turns.c.number)
    .with_for_update()
)
_SAVE = update(turns).where(turns.c.id == bindparam("turn"))


class SqlReplies:
    """A ReplyRecords in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, turn_id: str, *, process_id: str) -> bool:
        this = turns.c.id == turn_id
        with self._database.write() as connection:
            locked_row = select(turns.c.state, turns.c.process_id).where(this).with_for_update()
            row = connection.execute(locked_row).first()
            if row is None or row.state is None:
                return False
            elsewhere = row.state in LIVE_STATES and row.process_id not in {None, process_id}
            if elsewhere and not dead(self._database, connection, {row.process_id}):
                return False
            announce(self._database, connection, process_id)
            mine = {"process_id": process_id, "state": "running", "wanted": None}
            connection.execute(update(turns).where(this).values(mine))
        return True

    def save(self, replies: Mapping[str, tuple[Reply, str]], *, process_id: str) -> frozenset[str]:
        if not replies:
            return frozenset()
        mine = {"those": list(replies), "mine": process_id}
        with self._database.write() as connection:
            turn_ids = connection.execute(_ROWS, mine).scalars().all()
            rows = [
                {
                    "turn": turn_id,
                    **reply_values(replies[turn_id][0]),
                    "journal": storable(replies[turn_id][1]),
                }
                for turn_id in turn_ids
            ]
            if rows:
                connection.execute(_SAVE, rows)
        return frozenset(turn_ids)

    def beat(self, process_id: str) -> Mapping[str, str]:
        query = select(turns.c.id, turns.c.wanted).where(
            LIVE, turns.c.process_id == process_id, turns.c.wanted.is_not(None)
        )
        with self._database.read() as connection:
            stored_row = connection.execute(query).first()
            last = beats(connection).get(process_id)
            moment = self._database.moment(connection)
        if stored_row is None and last is not None and moment - last < timedelta(seconds=BEAT_SECONDS):
            return {}
        with self._database.write() as connection:
            announce(self._database, connection, process_id)
            controls = {row.id: row.wanted for row in connection.execute(query.with_for_update())}
            connection.execute(update(turns).where(turns.c.id.in_(controls)).values(wanted=None))
        return controls

    def want(self, turn_id: str, control: str) -> None:
        with self._database.write() as connection:
            connection.execute(update(turns).where(turns.c.id == turn_id, LIVE).values(wanted=control))

    def look(self, turn_id: str) -> tuple[Reply, str] | None:
        with self._database.read() as connection:
            query = select(*_WITH_JOURNAL).where(turns.c.id == turn_id)
            row = connection.execute(query).first()
        reply = reply_of(row) if row else None
        return (reply, row.journal) if row and reply else None

    def interrupt(self) -> frozenset[str]:
        if nobody_can_tell(self._database):
            return frozenset()
        with self._database.read() as connection:
            if not any(self._lost(connection)):
                return frozenset()
        with self._database.write() as connection:
            lost, nobodys = self._lost(connection)
            theirs = turns.c.process_id.in_(lost) | turns.c.id.in_(nobodys)
            ended = _end(connection, theirs)
            connection.execute(delete(processes).where(processes.c.id.in_(lost)))
        for process_id in lost:
            self._database.presence.leave(process_id)
        return ended

    def abandon(self, turn_id: str, *, process_id: str) -> bool:
        this = (turns.c.id == turn_id, turns.c.process_id == process_id)
        with self._database.read() as connection:
            if connection.execute(select(turns.c.id).where(LIVE, *this)).first() is None:
                return False
        with self._database.write() as connection:
            return bool(_end(connection, and_(*this)))

    def retire(self, process_id: str) -> None:
        with self._database.write() as connection:
            _end(connection, turns.c.process_id == process_id)
            connection.execute(delete(processes).where(processes.c.id == process_id))
        self._database.presence.leave(process_id)

    def _lost(self, connection: Connection) -> tuple[set[str], set[str]]:
        """Dead processes, and live replies that no process has claimed."""
        live = connection.execute(
            select(turns.c.id, turns.c.process_id, turns.c.created_at).where(LIVE)
        ).all()
        since = self._database.moment(connection) - timedelta(seconds=DEAD_AFTER_SECONDS)
        process_ids = {row.process_id for row in live if row.process_id} | beats(connection).keys()
        nobodys = {row.id for row in live if row.process_id is None and row.created_at < since}
        return dead(self._database, connection, process_ids), nobodys


def _end(connection: Connection, whose: ColumnElement[bool]) -> frozenset[str]:
    ended = update(turns).where(LIVE, whose).values(state="interrupted", wanted=None)
    return frozenset(connection.execute(ended.returning(turns.c.id)).scalars())
