"""A run is one process's at a time: no older end, stop or cell of it reaches what has begun since."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from personachat.cli.testing import show
from personachat.errors import DatabaseUnavailable
from personachat.lab.runs import runner
from personachat.lab.runs.documents import exit_code
from personachat.lab.runs.records import SqlRuns
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from personachat.lab.testing_tables import test_runs
from personachat.services import Services
from tests.conftest import local
from tests.fake_provider import Gate, tokens
from tests.lab.conftest import SUITE, ended
from tests.lab.scripted import ScriptedProvider

WISH = RunWish(persona_id="tester")
WAIT = 20


@pytest.fixture
def two(make_services: Callable[..., Services]) -> tuple[Services, Services]:
    """Two servers on one database."""
    first, second = (make_services(max_concurrent_test_calls=1) for _ in range(2))
    local(first).tests.suites.save("tester", SUITE)
    return first, second


def test_a_run_that_goes_on_is_found_after_its_older_driver_has_ended(
    make_services: Callable[..., Services], fake: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = local(make_services(max_concurrent_test_calls=1)).tests
    tests.suites.save("tester", SUITE)
    first, second = Gate(), Gate()
    recorded, may_end = threading.Event(), threading.Event()
    end = SqlRuns.end

    def slowly(self: SqlRuns, *args: Any) -> None:
        end(self, *args)
        if not recorded.is_set():
            recorded.set()
            assert may_end.wait(WAIT)

    monkeypatch.setattr(SqlRuns, "end", slowly)
    fake.enqueue(tokens(["You said", first]), *(tokens([second, "Why?"]) for _ in range(4)))
    older = tests.start(WISH)
    first.wait_reached()
    run_id = older.plan.run.id
    tests.runs.cancel(run_id)
    assert recorded.wait(WAIT)
    first.open()
    newer = tests.resume(run_id)
    second.wait_reached()
    may_end.set()
    ended(older)
    assert newer is not None
    assert tests.runs.live(run_id) is newer
    assert tests.runs.report(run_id).run.state == "running"
    assert tests.runs.cancel(run_id)
    second.open()
    assert ended(newer).state == "cancelled"


def test_a_run_is_cancelled_from_another_server(
    two: tuple[Services, Services], fake: ScriptedProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = (local(each).tests for each in two)
    live, gate = begun(here, fake)
    run_id = live.plan.run.id
    underway = there.runs.underway(run_id)
    assert underway is not None
    assert (underway.run.planned, underway.run.ended_at) == (4, None)
    assert there.runs.cancel(run_id)
    assert there.resume(run_id) is None  # not before it has ended where it runs
    ended(live)
    gate.open()
    report = here.runs.report(run_id)
    assert (report.run.state, exit_code([report])) == ("cancelled", 3)
    show(report)  # as the command line does that began it
    assert "The run was cancelled." in capsys.readouterr().out
    assert there.runs.underway(run_id) is None
    assert not there.runs.cancel(run_id)
    fake.forget()
    ended(there.resume(run_id))
    assert here.runs.report(run_id).run.state == "finished"


def test_a_run_that_is_deleted_on_another_server_asks_for_nothing_more(
    two: tuple[Services, Services], fake: ScriptedProvider
) -> None:
    here, there = (local(each).tests for each in two)
    live, gate = begun(here, fake)
    there.runs.delete(live.plan.run.id)
    assert ended(live).state == "cancelled"
    gate.open()
    assert len(fake.chats) == 2


def test_what_another_server_goes_on_with_is_not_ended_by_who_had_it_before(
    two: tuple[Services, Services], fake: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (local(each).tests for each in two)
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.1)
    live, gate = begun(here, fake)
    run_id = live.plan.run.id
    by_now = two[1].answers.process_id
    with two[0].database.write() as connection:  # as if the first one had been taken for dead
        connection.execute(update(test_runs).where(test_runs.c.id == run_id).values(process_id=by_now))
    kept = there.runs.report(run_id).score.done
    ended(live)
    gate.open()
    with two[0].database.read() as connection:
        row = connection.execute(test_runs.select().where(test_runs.c.id == run_id)).one()
    assert (row.state, row.ended_at, row.process_id) == ("running", None, by_now)
    assert there.runs.report(run_id).score.done == kept


def test_the_end_of_a_run_is_recorded_once_the_database_is_back(
    tests: Tests, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = iter([True, True])
    end = SqlRuns.end

    def away_at_first(self: SqlRuns, *args: Any) -> None:
        if next(failing, False):
            raise DatabaseUnavailable("away")
        end(self, *args)

    monkeypatch.setattr(runner, "END_SECONDS", 0.01)
    monkeypatch.setattr(SqlRuns, "end", away_at_first)
    run_id = ended(tests.start(WISH)).plan.run.id
    assert tests.runs.report(run_id).run.state == "finished"


def test_a_run_whose_end_was_never_recorded_can_go_on(tests: Tests, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: SqlRuns, *args: Any) -> None:
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(runner, "END_TRIES", 2)
        patched.setattr(runner, "END_SECONDS", 0.01)
        patched.setattr(SqlRuns, "end", away)
        run_id = ended(tests.start(WISH)).plan.run.id
    assert tests.runs.report(run_id).run.state == "interrupted"
    ended(tests.resume(run_id))
    assert tests.runs.report(run_id).run.state == "finished"


def test_a_run_has_ended_once_it_is_deleted(tests: Tests, fake: ScriptedProvider) -> None:
    gate = Gate()
    fake.enqueue(*(tokens([gate, "Why?"]) for _ in range(4)))
    live = tests.start(WISH)
    gate.wait_reached()
    tests.runs.delete(live.plan.run.id)
    assert live.over
    gate.open()


def begun(tests: Tests, fake: ScriptedProvider) -> tuple[runner.LiveRun, Gate]:
    """A run with one reply kept, whose second reply waits."""
    gate = Gate()
    fake.enqueue(tokens(["You said"]), *(tokens([gate, "Why?"]) for _ in range(3)))
    live = tests.start(WISH)
    gate.wait_reached()
    return live, gate
