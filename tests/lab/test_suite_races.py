"""Several people and servers at once: nobody's words are lost, and no reply is asked for twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import delete, update

from personachat.errors import SuiteChanged
from personachat.lab.testing import Tests
from personachat.lab.testing_tables import test_cells, test_runs
from personachat.services import Services
from tests.conftest import local
from tests.fake_provider import Gate, tokens
from tests.lab.conftest import SUITE, ended
from tests.lab.running import WISH
from tests.lab.scripted import ScriptedProvider
from tests.migrated import migrated_postgres

AT_ONCE = 6


@pytest.fixture(params=["files", "sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    if request.param == "files":
        yield {}
    elif request.param == "sqlite":
        yield {"persona_store": "database"}
    else:
        with migrated_postgres() as url:
            yield {"persona_store": "database", "database_url": url}


def at_once(do: Callable[[int], Any]) -> list[Any]:
    """What came of doing it so many times at the same moment; an error that says so is one result."""
    barrier = Barrier(AT_ONCE)

    def one(number: int) -> Any:
        barrier.wait(30)
        try:
            return do(number)
        except SuiteChanged as error:
            return error

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def save(everybody: list[Tests], number: int, etag: str | None, each: int) -> Any:
    return everybody[each % 2].suites.save("tester", f"{SUITE}# {number} by {each}\n", etag=etag)


def test_of_those_who_save_over_one_version_only_one_does(
    make_services: Callable[..., Services], stores: dict[str, Any]
) -> None:
    everybody = [local(make_services(**stores)).tests for _ in range(2)]
    etag = ""
    for number in range(4):
        found = at_once(partial(save, everybody, number, etag))
        (saved,) = (each for each in found if not isinstance(each, SuiteChanged))
        now = everybody[0].suites.get("tester")
        assert now.text == saved.text
        revisions = everybody[0].suites.revisions("tester")
        assert [each.number for each in revisions] == list(range(number + 1, 0, -1))
        assert revisions[0].text == now.text
        etag = now.etag


def test_whoever_saves_over_whatever_is_there_leaves_a_history_that_ends_with_what_is_there(
    make_services: Callable[..., Services], stores: dict[str, Any]
) -> None:
    everybody = [local(make_services(**stores)).tests for _ in range(2)]
    for number in range(4):
        at_once(partial(save, everybody, number, None))
        revisions = everybody[0].suites.revisions("tester")
        assert len(revisions) == (number + 1) * AT_ONCE
        assert revisions[0].text == everybody[0].suites.get("tester").text


def test_a_run_that_two_servers_go_on_with_is_gone_on_with_once(
    make_services: Callable[..., Services], fake: ScriptedProvider, stores: dict[str, Any]
) -> None:
    servers = [make_services(**stores) for _ in range(2)]
    everybody = [local(each).tests for each in servers]
    everybody[0].suites.save("tester", SUITE)
    run_id = ended(everybody[0].start(WISH)).plan.run.id
    with servers[0].database.write() as connection:  # as a killed process leaves it
        left = update(test_runs).values(state="running", ended_at=None, process_id="of-a-dead-process")
        connection.execute(left)
        connection.execute(delete(test_cells).where(test_cells.c.attempt == 1))
    fake.forget()
    gate = Gate()  # else it is over before all have asked
    fake.script = lambda _: tokens([gate, "You said"])
    lives = [each for each in at_once(lambda each: everybody[each % 2].resume(run_id)) if each]
    gate.open()
    (live,) = lives
    ended(live)
    assert len(fake.chats) == 2
    report = everybody[1].runs.report(run_id)
    assert (report.run.state, report.score.done) == ("finished", 4)
