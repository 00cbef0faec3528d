"""Runs and cells as rows. A cell is written once it is whole, and counts from then on, whatever dies.

A run is one process's at a time; nobody else ends it, though every process may ask that it ends. One that
nobody drives is interrupted. Runs of personas that the token of a request doesn't reach do not exist for it.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    case,
    delete,
    func,
    select,
    true,
    tuple_,
    update,
)

from personachat.database.connection import Database
from personachat.database.processes import announce, dead, nobody_can_tell
from personachat.database.upsert import add_missing, put
from personachat.errors import ShareNotFound, SuiteRunNotFound
from personachat.lab.runs.model import Cell, Run, RunState
from personachat.lab.runs.options import EXPERIMENTS, RunKind, RunOptions
from personachat.lab.runs.scoring import LastResult, Share
from personachat.lab.testing_tables import test_cells, test_runs, test_suites
from personachat.messages import storable
from personachat.request_context import current_request
from personachat.stamps import now

MOST_CELLS_AT_ONCE = 500

_TOKEN_BYTES = 32
_TOKEN = re.compile("[A-Za-z0-9_-]{43}")

_r, _c = test_runs.c, test_cells.c


class SqlRuns:
    """Safe for threads and processes. Methods raise DatabaseUnavailable and DatabaseDamaged."""

    def __init__(self, database: Database, *, place: str, process_id: str) -> None:
        self._database = database
        self.place = place
        self.process_id = process_id
        self._driven: set[str] = set()
        """The ids of the runs that this process drives."""

    def add(self, run: Run) -> bool:
        """Keep a run that begins here; False if there is one of this id, which stays as it is."""
        row = {name: getattr(run, name) for name in Run.__slots__}
        row |= {"place": self.place, "process_id": self.process_id, "options": run.options.as_record()}
        with self._database.write() as connection:
            announce(self._database, connection, self.process_id)
            put(connection, test_runs, row, key=("id",))
            there = connection.execute(select(_r.process_id, _r.began_at).where(_r.id == run.id)).one()
            is_new = (there.process_id, there.began_at) == (self.process_id, run.began_at)
            if is_new:
                self._driven.add(run.id)
        return is_new

    def keep(self, run_id: str, cells: Sequence[Cell]) -> None:
        """Write whole cells of a run of this process; one that is there already stays as it was."""
        rows = [
            {
                "run_id": run_id,
                "case_number": cell.case_number,
                "attempt": cell.attempt,
                "outcome": cell.outcome,
                "cost_usd": cell.cost_usd,
                "reply": storable(cell.reply),
                "record": cell.as_record(),
            }
            for cell in cells
        ]
        with self._database.write() as connection:
            announce(self._database, connection, self.process_id)
            there = {
                (row.case_number, row.attempt)
                for at in range(0, len(rows), MOST_CELLS_AT_ONCE)
                for row in connection.execute(_places(run_id, rows[at : at + MOST_CELLS_AT_ONCE]))
            }
            new = [row for row in rows if (row["case_number"], row["attempt"]) not in there]
            mine = select(_r.id).where(_r.id == run_id, _r.process_id == self.process_id)
            if new and connection.execute(mine.with_for_update(read=True)).scalar():
                add_missing(connection, test_cells, new)

    def is_there(self, run_id: str) -> bool:
        """Whether there is a run of this id, whoever's it is."""
        with self._database.read() as connection:
            return connection.execute(select(_r.id).where(_r.id == run_id)).scalar() is not None

    def end(self, run_id: str, state: RunState) -> None:
        """Note that a run of this process has ended; one that is another's by now stays as it is."""
        mine = (_r.id == run_id, _r.state == "running", _r.process_id == self.process_id)
        with self._database.write() as connection:
            values = {"state": state, "ended_at": now()}
            connection.execute(update(test_runs).where(*mine).values(values))
        self.let_go(run_id)

    def let_go(self, run_id: str) -> None:
        """This process drives the run no longer, whatever is written of it."""
        self._driven.discard(run_id)

    def take_over(self, run_id: str, owner: str) -> tuple[Cell, ...] | None:
        """Have an ended run go on in this process; returns its cells, or None where it runs somewhere."""
        with self._database.write() as connection:
            announce(self._database, connection, self.process_id)
            run = self._of(
                connection, connection.execute(_one(run_id, owner).with_for_update()).one_or_none()
            )
            if run.state == "running" or run_id in self._driven:
                return None
            values = {"state": "running", "ended_at": None, "process_id": self.process_id}
            connection.execute(update(test_runs).where(_r.id == run_id).values(values))
            self._driven.add(run_id)
            return _cells(connection, run_id)

    def ask_to_end(self, run_id: str, owner: str) -> bool:
        """Have the process end a run that drives it; False where none does. Raises SuiteRunNotFound."""
        with self._database.write() as connection:
            run = self._of(
                connection, connection.execute(_one(run_id, owner).with_for_update()).one_or_none()
            )
            if run.state == "running":
                connection.execute(update(test_runs).where(_r.id == run_id).values(ended_at=now()))
            return run.state == "running"

    def is_to_end(self, run_id: str) -> bool:
        """Whether a run that this process drives was asked to end, was deleted, or is another's by now."""
        going_on = (_r.state == "running") & (_r.process_id == self.process_id) & _r.ended_at.is_(None)
        with self._database.read() as connection:
            return connection.execute(select(_r.id).where(_r.id == run_id, going_on)).scalar() is None

    def get(self, run_id: str, owner: str) -> Run:
        """Raises SuiteRunNotFound, the same where it is somebody else's."""
        with self._database.read() as connection:
            return self._of(connection, connection.execute(_one(run_id, owner)).one_or_none())

    def cells(self, run_id: str) -> tuple[Cell, ...]:
        with self._database.read() as connection:
            return _cells(connection, run_id)

    def newest_cells(
        self, run_ids: Sequence[str], *, limit: int = MOST_CELLS_AT_ONCE
    ) -> tuple[tuple[str, Cell], ...]:
        """Cells of these runs with the run's id, those of the newest runs first."""
        query = select(test_cells).join(test_runs, _r.id == _c.run_id).where(_c.run_id.in_(run_ids))
        query = query.order_by(_r.began_at.desc(), _c.run_id, _c.case_number, _c.attempt).limit(limit)
        with self._database.read() as connection:
            return tuple((row.run_id, _cell(row)) for row in connection.execute(query))

    def passes(self, run_ids: Sequence[str], owner: str) -> dict[str, int]:
        """How many replies passed in each of an owner's runs; those without any are left out."""
        query = (
            select(_c.run_id, func.count().label("count"))
            .join(test_runs, _r.id == _c.run_id)
            .where(_c.run_id.in_(run_ids), _c.outcome == "pass", _r.owner == owner)
            .group_by(_c.run_id)
        )
        with self._database.read() as connection:
            return {run_id: int(count) for run_id, count in connection.execute(query)}

    def last_results(
        self, owner: str, persona_ids: Sequence[str], *, by_revision: bool
    ) -> tuple[LastResult, ...]:
        """What the newest finished run of each persona, or of each of its revisions, came to.

        Only runs of a saved suite with a saved persona and its own model say something of the persona. It is
        one query, however many personas there are.
        """
        saved = select(test_suites.c.etag).where(
            test_suites.c.place == _r.place,
            test_suites.c.persona_id == _r.persona_id,
            test_suites.c.etag == _r.suite_etag,
        )
        apart = (_r.persona_id, _r.persona_revision) if by_revision else (_r.persona_id,)
        place = func.row_number().over(partition_by=apart, order_by=(_r.began_at.desc(), _r.id))
        ranked = (
            select(_r.id, _r.persona_id, _r.persona_revision, _r.suite_etag, _r.began_at, place.label("rank"))
            .where(
                _r.owner == owner,
                _r.place == self.place,
                _r.persona_id.in_(persona_ids),
                _r.state == "finished",
                _r.model == "",
                _r.persona_revision != "",
                saved.exists(),
            )
            .subquery()
        )
        newest = ranked.c
        whole = func.min(case((_c.outcome == "pass", 1), else_=0)).label("whole")
        cases = (
            select(_c.run_id, whole)
            .where(_c.run_id.in_(select(newest.id).where(newest.rank == 1)))
            .group_by(_c.run_id, _c.case_number)
            .subquery()
        )
        query = (
            select(*newest, func.count().label("total"), func.sum(cases.c.whole).label("hits"))
            .join(cases, cases.c.run_id == newest.id)
            .where(newest.rank == 1)
            .group_by(*newest)
        )
        with self._database.read() as connection:
            return tuple(
                LastResult(
                    row.id,
                    row.persona_id,
                    row.persona_revision,
                    row.suite_etag,
                    row.began_at,
                    Share(int(row.hits), int(row.total)),
                )
                for row in connection.execute(query)
            )

    def of(
        self, owner: str, persona_id: str | None = None, *, limit: int = 50, kind: RunKind = "suite"
    ) -> tuple[Run, ...]:
        """An owner's runs of a kind, the newest first."""
        is_kind = _r.suite_etag.not_in(EXPERIMENTS) if kind == "suite" else _r.suite_etag == kind
        query = select(test_runs).where(_r.owner == owner, _r.place == self.place, is_kind, _in_reach())
        if persona_id is not None:
            query = query.where(_r.persona_id == persona_id)
        query = query.order_by(_r.began_at.desc(), _r.id).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            lost = self._lost(connection, rows)
        return tuple(_run(row, lost) for row in rows)

    def share_token(self, run_id: str, owner: str) -> str | None:
        """The token of the link to a run, if there is one."""
        query = select(_r.share_token).where(_r.id == run_id, _r.owner == owner, _in_reach())
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def share(self, run_id: str, owner: str) -> str:
        """The token by which anybody can read a run; made if there is none. Raises SuiteRunNotFound."""
        mine = select(_r.share_token).where(_r.id == run_id, _r.owner == owner, _in_reach())
        with self._database.write() as connection:
            row = connection.execute(mine.with_for_update()).one_or_none()
            if row is None:
                raise SuiteRunNotFound("This test run doesn't exist or was deleted.")
            token: str = row.share_token or secrets.token_urlsafe(_TOKEN_BYTES)
            connection.execute(update(test_runs).where(_r.id == run_id).values(share_token=token))
        return token

    def unshare(self, run_id: str, owner: str) -> None:
        """End the link to a run, if there is one."""
        mine = update(test_runs).where(_r.id == run_id, _r.owner == owner)
        with self._database.write() as connection:
            connection.execute(mine.values(share_token=None))

    def shared(self, token: str) -> tuple[str, str]:
        """The owner and the id of the run that a token shows. Raises ShareNotFound."""
        query = select(_r.owner, _r.id).where(_r.share_token == token, _r.place == self.place)
        with self._database.read() as connection:
            row = connection.execute(query).first() if _TOKEN.fullmatch(token) else None
        if row is None:
            raise ShareNotFound("This link is invalid or was revoked.", hint="Ask the sender for a new one.")
        return row.owner, row.id

    def delete(self, run_id: str, owner: str) -> None:
        """Raises SuiteRunNotFound."""
        self.get(run_id, owner)
        with self._database.write() as connection:
            connection.execute(delete(test_cells).where(_c.run_id == run_id))
            connection.execute(delete(test_runs).where(_r.id == run_id))

    def _of(self, connection: Connection, row: Row[Any] | None) -> Run:
        if row is None:
            raise SuiteRunNotFound("This test run doesn't exist or was deleted.")
        return _run(row, self._lost(connection, [row]))

    def _lost(self, connection: Connection, rows: Sequence[Row[Any]]) -> set[str]:
        """The ids of running runs that nobody drives."""
        running = {row.id: row.process_id for row in rows if row.state == "running"}
        elsewhere = set(running.values()) - {self.process_id}
        lost_ids: set[str] = set()
        if elsewhere and not nobody_can_tell(self._database):
            lost_ids = dead(self._database, connection, elsewhere)
        return {
            run_id
            for run_id, process_id in running.items()
            if process_id in lost_ids or (process_id == self.process_id and run_id not in self._driven)
        }


def _places(run_id: str, rows: Sequence[dict[str, Any]]) -> Any:
    """Those of these cells that are there."""
    places = [(row["case_number"], row["attempt"]) for row in rows]
    there = tuple_(_c.case_number, _c.attempt).in_(places)
    return select(_c.case_number, _c.attempt).where(_c.run_id == run_id, there)


def _cells(connection: Connection, run_id: str) -> tuple[Cell, ...]:
    query = select(test_cells).where(_c.run_id == run_id).order_by(_c.case_number, _c.attempt)
    return tuple(_cell(row) for row in connection.execute(query))


def _cell(row: Row[Any]) -> Cell:
    return Cell.from_record(
        row.case_number, row.attempt, row.outcome, reply=row.reply, cost=row.cost_usd, record=row.record
    )


def _one(run_id: str, owner: str) -> Any:
    return select(test_runs).where(_r.id == run_id, _r.owner == owner, _in_reach())


def _in_reach() -> ColumnElement[bool]:
    reached = current_request.get().personas
    return true() if reached is None else _r.persona_id.in_(sorted(reached))


def _run(row: Row[Any], lost: set[str]) -> Run:
    values = {name: getattr(row, name) for name in Run.__slots__}
    values["options"] = RunOptions.from_record(row.options)
    if row.id in lost:
        values["state"] = "interrupted"
    if values["state"] == "running":
        values["ended_at"] = None  # until it has ended, that is only wanted
    return Run(**values)
