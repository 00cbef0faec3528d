"""What a process writes of the replies it generates, and how others see that it is dead: a ReplyRecords.

With SQLite the system's own locks tell who lives, so replies of a killed process end at once; where they
cannot tell, and with PostgreSQL, a process is dead when its last beat is DEAD_AFTER_SECONDS old.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, select, update

from personachat.conversations.insertion import insert_new
from personachat.conversations.model import LIVE_STATES, Reply
from personachat.conversations.rows import TURN_COLUMNS, reply_of, reply_values
from personachat.conversations.tables import LIVE, processes, turns
from personachat.database.connection import Database
from personachat.messages import storable

DEAD_AFTER_SECONDS = 10

_WITH_JOURNAL = (*TURN_COLUMNS, turns.c.journal)

_BEAT_SECONDS = 2
"""How old the written beat may become: a process that only waits does not keep the disk busy."""

_LAST_BEAT = select(processes.c.beat_at).where(processes.c.id == bindparam("this"))


class SqlReplies:
    """A ReplyRecords; see there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, turn_id: str, *, process_id: str) -> bool:
        this = turns.c.id == turn_id
        with self._database.write() as connection:
            held = select(turns.c.state, turns.c.process_id).where(this).with_for_update()
            row = connection.execute(held).first()
            if row is None or row.state is None:
                return False
            elsewhere = row.state in LIVE_STATES and row.process_id not in {None, process_id}
            if elsewhere and not self._dead(connection, {row.process_id}):
                return False
            announce(self._database, connection, process_id)
            mine = {"process_id": process_id, "state": "running", "wanted": None}
            connection.execute(update(turns).where(this).values(mine))
        return True

    def save(self, replies: Mapping[str, tuple[Reply, str]], *, process_id: str) -> frozenset[str]:
        if not replies:
            return frozenset()
        mine = select(turns.c.id).where(turns.c.id.in_(replies), turns.c.process_id == process_id)
        with self._database.write() as connection:
            held = connection.execute(mine.order_by(turns.c.number).with_for_update()).scalars().all()
            rows = [
                {
                    "turn": turn_id,
                    **reply_values(replies[turn_id][0]),
                    "journal": storable(replies[turn_id][1]),
                }
                for turn_id in held
            ]
            if rows:
                connection.execute(update(turns).where(turns.c.id == bindparam("turn")), rows)
        return frozenset(held)

    def beat(self, process_id: str) -> Mapping[str, str]:
        wanted = select(turns.c.id, turns.c.wanted).where(
            LIVE, turns.c.process_id == process_id, turns.c.wanted.is_not(None)
        )
        with self._database.read() as connection:
            found = connection.execute(wanted).first()
            last = self._beats(connection).get(process_id)
            moment = self._database.moment(connection)
        if found is None and last is not None and moment - last < timedelta(seconds=_BEAT_SECONDS):
            return {}
        with self._database.write() as connection:
            announce(self._database, connection, process_id)
            controls = {row.id: row.wanted for row in connection.execute(wanted.with_for_update())}
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
        if not self._database.is_sqlite and self._database.back_seconds < DEAD_AFTER_SECONDS:
            return frozenset()  # nobody could say meanwhile that they live
        with self._database.read() as connection:
            if not any(self._lost(connection)):
                return frozenset()
        with self._database.write() as connection:
            dead, nobodys = self._lost(connection)
            theirs = turns.c.process_id.in_(dead) | turns.c.id.in_(nobodys)
            ended = _end(connection, theirs)
            connection.execute(delete(processes).where(processes.c.id.in_(dead)))
        for process_id in dead:
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
        """The processes that are dead, and the live replies that nobody came for."""
        live = connection.execute(
            select(turns.c.id, turns.c.process_id, turns.c.created_at).where(LIVE)
        ).all()
        since = self._database.moment(connection) - timedelta(seconds=DEAD_AFTER_SECONDS)
        known = {row.process_id for row in live if row.process_id} | self._beats(connection).keys()
        nobodys = {row.id for row in live if row.process_id is None and row.created_at < since}
        return self._dead(connection, known), nobodys

    def _dead(self, connection: Connection, process_ids: Collection[str]) -> set[str]:
        beats = self._beats(connection)
        since = self._database.moment(connection) - timedelta(seconds=DEAD_AFTER_SECONDS)

        def is_dead(process_id: str) -> bool:
            living = self._database.presence.living(process_id)
            if living is None:
                return process_id not in beats or beats[process_id] < since
            return not living

        return {process_id for process_id in process_ids if is_dead(process_id)}

    @staticmethod
    def _beats(connection: Connection) -> dict[str, datetime]:
        return {row.id: row.beat_at for row in connection.execute(select(processes))}


def announce(database: Database, connection: Connection, process_id: str) -> None:
    """Say in a transaction that a process lives, before any reply is its own.

    What was said a moment ago is not written again: the process's transactions would wait for one another.
    """
    database.presence.show(process_id)
    moment = database.moment(connection)
    last = connection.execute(_LAST_BEAT, {"this": process_id}).scalar()
    if last is None:
        insert_new(connection, processes, [{"id": process_id, "beat_at": moment}])
    elif moment - last >= timedelta(seconds=_BEAT_SECONDS):
        connection.execute(update(processes).where(processes.c.id == process_id).values(beat_at=moment))


def _end(connection: Connection, whose: ColumnElement[bool]) -> frozenset[str]:
    ended = update(turns).where(LIVE, whose).values(state="interrupted", wanted=None)
    return frozenset(connection.execute(ended.returning(turns.c.id)).scalars())
