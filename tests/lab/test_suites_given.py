"""Databases that are older than the suites of shipped personas get them, once, for unchanged personas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event

from personachat.lab.runs.model import Cell
from personachat.lab.suites.store import SuiteStore
from personachat.lab.testing_tables import test_suites
from personachat.personas.store.seeding import SHIPPED
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.lab.conftest import SUITE, ended
from tests.lab.running import WISH
from tests.migrated import migrated_postgres

TUTOR = "socratic-tutor"


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, make_services: Callable[..., Services]) -> Iterator[Services]:
    """Shipped personas in a database that knows no suites of them, as versions before left it."""
    if request.param == "sqlite":
        yield begun(make_services(persona_store="database"))
    else:
        with migrated_postgres() as url:
            services = begun(make_services(persona_store="database", database_url=url))
            yield services
            services.close()


def begun(services: Services) -> Services:
    services.housekeeping.close()  # the test does what it would do
    services.personas.save((SHIPPED / f"{TUTOR}.json").read_text("utf-8"))
    with services.database.write() as connection:
        connection.execute(delete(test_suites))
    return services


def give(services: Services) -> tuple[str, ...]:
    return services.testing.suites.give_shipped(services.personas.all())


def test_a_shipped_persona_gets_its_suite_once(old: Services) -> None:
    assert TUTOR in give(old)
    suites = old.testing.suites
    assert suites.get(TUTOR).text == (SHIPPED / f"{TUTOR}.tests.yaml").read_text("utf-8")
    assert give(old) == ()
    suites.delete(TUTOR)
    assert give(old) == ()
    assert suites.find(TUTOR) is None


def test_a_persona_that_was_changed_or_is_somebodys_own_gets_none(old: Services) -> None:
    stored = old.personas.get(TUTOR)
    old.personas.save(stored.text.replace('"systemPrompt": "', '"systemPrompt": "Now: '))
    give(old)
    assert old.testing.suites.find(TUTOR) is None
    assert old.testing.suites.find("tester") is None


def test_a_suite_of_ones_own_stays(old: Services) -> None:
    own = SUITE.replace("persona: tester", f"persona: {TUTOR}")
    old.testing.suites.put(TUTOR, own)
    give(old)
    assert old.testing.suites.get(TUTOR).text == own


def test_files_get_none(services: Services, tmp_path: Path) -> None:
    services.personas.save((SHIPPED / f"{TUTOR}.json").read_text("utf-8"))
    assert give(services) == ()
    assert isinstance(services.testing.suites, SuiteStore)
    assert not list((tmp_path / "personas").glob("*.tests.yaml"))


def test_keeping_a_reply_reads_none_of_those_that_are_kept(services: Services) -> None:
    tests = local(services).tests
    services.personas.save(persona_text())
    tests.suites.save("tester", SUITE.replace("repeat: 2", "repeat: 20"))
    run = ended(tests.start(WISH)).plan.run
    records = services.testing.records
    fetched: list[Any] = []

    def note(*arguments: Any) -> None:
        fetched.append((arguments[2], arguments[3]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        records.keep(run.id, [Cell(case_number=0, attempt=0, outcome="fail", reply="Another")])
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    (looked,) = (parameters for statement, parameters in fetched if "FROM test_cells" in statement)
    assert len(looked) == 3  # the run, the case and the attempt: one row at most
    assert records.cells(run.id)[0].outcome == "pass"
