"""A link shows the results of a run to whoever has it, and no more than its owner may show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, String, create_engine, insert

from personachat.accounts.person import Person, Role
from personachat.accounts.rights import Grant, PersonaAccess
from personachat.database import schema
from personachat.database.connection import Database
from personachat.errors import EditingNotAllowed, ShareNotFound, SuiteRunNotFound
from personachat.lab.runs.records import SqlRuns
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from personachat.services import Services
from tests.conftest import local
from tests.lab.conftest import SUITE, ended
from tests.postgres import fresh_database

WISH = RunWish(persona_id="tester")
ADA = Person("user:ada", Role.EDITOR)


def run_of(tests: Tests) -> str:
    return ended(tests.start(WISH)).plan.run.id


def test_a_link_shows_cases_and_replies_until_it_is_revoked(services: Services, tests: Tests) -> None:
    run_id = run_of(tests)
    assert tests.results.link(run_id) is None
    token = tests.results.share(run_id)
    assert tests.results.share(run_id) == tests.results.link(run_id) == token
    found = services.shared_results(token)
    assert (found.words, found.score) == (True, tests.runs.report(run_id).score)
    tests.results.unshare(run_id)
    with pytest.raises(ShareNotFound):
        services.shared_results(token)
    assert tests.results.share(run_id) != token


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "'; --", "\0", "é" * 43])
def test_nothing_is_found_by_guessing(services: Services, tests: Tests, token: str) -> None:
    run_of(tests)
    with pytest.raises(ShareNotFound):
        services.shared_results(token)


def test_a_deleted_run_and_a_deleted_persona_are_shared_no_more(services: Services, tests: Tests) -> None:
    first, second = run_of(tests), run_of(tests)
    tokens = [tests.results.share(each) for each in (first, second)]
    tests.runs.delete(first)
    with pytest.raises(ShareNotFound):
        services.shared_results(tokens[0])
    local(services).collection.delete("tester")
    with pytest.raises(ShareNotFound):
        services.shared_results(tokens[1])


def test_someone_elses_run_is_not_shared(services: Services, tests: Tests) -> None:
    run_id = run_of(tests)
    other = services.of("browser:other").tests.results
    with pytest.raises(SuiteRunNotFound):
        other.share(run_id)
    with pytest.raises(SuiteRunNotFound):
        other.unshare(run_id)
    assert other.link(run_id) is None


def test_a_hidden_prompt_is_not_told_by_the_cases_either(make_services: Callable[..., Services]) -> None:
    services = make_services()
    services.of("local").tests.suites.save("tester", SUITE)
    services.accesses.put("tester", PersonaAccess(ADA.key, "everyone", prompt_visible=False))
    theirs = services.of(ADA.key, person=ADA).tests
    run_id = run_of(theirs)
    services.accesses.put(
        "tester",
        PersonaAccess(ADA.key, "everyone", prompt_visible=False, grants=(Grant("*", "share"),)),
    )
    token = theirs.results.share(run_id)
    assert services.shared_results(token).words is False
    services.accesses.put("tester", PersonaAccess(ADA.key, "everyone"))
    assert services.shared_results(token).words is True
    denied = (Grant("bo@example.com", "prompt", allowed=False),)
    services.accesses.put("tester", PersonaAccess(ADA.key, "everyone", grants=denied))
    assert services.shared_results(token).words is False


def test_a_link_ends_with_the_right_to_share(services: Services) -> None:
    local(services).tests.suites.save("tester", SUITE)
    theirs = services.of(ADA.key, person=ADA).tests
    run_id = run_of(theirs)
    token = theirs.results.share(run_id)
    assert services.shared_results(token).persona == "Tester"
    services.accesses.put("tester", PersonaAccess("user:bo", "everyone"))
    with pytest.raises(ShareNotFound):
        services.shared_results(token)
    with pytest.raises(EditingNotAllowed):
        theirs.results.share(run_id)


@pytest.fixture(params=["sqlite", "postgres"])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/old.sqlite3"
    else:
        with fresh_database() as url:
            yield url


def test_runs_of_before_there_were_links_are_kept(old_url: str) -> None:
    engine = create_engine(old_url)
    schema.migrate(engine, to="0020")
    tables = MetaData()
    tables.reflect(engine)
    runs = tables.tables["test_runs"]
    row: dict[str, Any] = {column.name: "" for column in runs.c if isinstance(column.type, String)}
    row |= {"id": "r1", "planned": 4, "began_at": datetime(2026, 1, 2), "repeat": 2}  # noqa: DTZ001  # the zone is added by what takes it
    row |= {"owner": "local", "state": "finished", "place": "here", "persona_id": "tester"}
    with engine.begin() as connection:
        connection.execute(insert(runs).values({**row, "most_cost_usd": None, "ended_at": None}))
    schema.migrate(engine, to="0021")
    engine.dispose()
    with closing(Database(old_url)) as database:
        records = SqlRuns(database, place="here", process_id="p")
        token = records.share("r1", "local")
        assert records.shared(token) == ("local", "r1")
        assert records.get("r1", "local").planned == 4
