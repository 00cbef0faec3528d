"""Two who ask at the same instant share what is left of a comparison's limit, in whatever processes."""

from __future__ import annotations

from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from threading import Barrier as ThreadBarrier
from threading import Thread

import pytest

from personachat.database.connection import Database
from personachat.errors import CostLimitReached
from personachat.lab.comparisons.model import Comparison, Variant
from personachat.lab.comparisons.reservations import SqlReservations
from personachat.lab.comparisons.service import Comparisons
from personachat.lab.comparisons.store import SqlComparisons
from personachat.stamps import new_id, now
from tests.conversations.conftest import (  # noqa: F401  # fixtures
    database,
    postgres_database,
    sqlite_database,
)
from tests.fake_provider import FakeProvider, failure
from tests.killed_writers import PROCESSES, start
from tests.lab.comparisons.test_comparison_limits import CHEAP, DEAR, begun, most
from tests.migrated import migrated_postgres


def kept(database: Database) -> str:  # noqa: F811  # a fixture
    variant = Variant(
        id=new_id(), number=0, group=0, name="", persona_id="", etag="", text="", model="", setup={}
    )
    made = Comparison(
        id=new_id(),
        owner="o",
        title="",
        blind=False,
        created_at=now(),
        updated_at=now(),
        variants=(variant,),
        most_cost_usd=1.0,
    )
    SqlComparisons(database).create(made)
    return made.id


def reserve(reservations: SqlReservations, comparison_id: str, process_id: str = "p") -> str | None:
    """A dollar, where others have reserved at most half of one."""
    number = reservations.spending_number("o", comparison_id)
    return reservations.reserve(
        "o", comparison_id, number=number, cost_usd=1.0, others_at_most=0.5, process_id=process_id
    )


def reserve_at_once(
    url: str, comparison_id: str, process_id: str, barrier: Barrier, writer: Connection
) -> None:
    with closing(Database(url)) as opened:
        reservations = SqlReservations(opened)
        reservations.spending_number("o", comparison_id)
        barrier.wait()
        writer.send(reserve(reservations, comparison_id, process_id))
        barrier.wait()  # a process that is dead holds nothing


def test_of_two_processes_on_one_postgresql_one_gets_what_is_left() -> None:
    with migrated_postgres() as url:
        with closing(Database(url)) as opened:
            comparison_id = kept(opened)
        barrier = PROCESSES.Barrier(2)
        pipes = [PROCESSES.Pipe(duplex=False) for _ in range(2)]
        processes = [
            start(reserve_at_once, url, comparison_id, f"p{number}", barrier, writer)
            for number, (_, writer) in enumerate(pipes)
        ]
        reserved = [reader.recv() for reader, _ in pipes]
        for process in processes:
            process.join()
        assert [bool(each) for each in sorted(reserved, key=bool)] == [False, True]


def test_what_is_let_go_can_be_reserved_again(database: Database) -> None:  # noqa: F811  # a fixture
    reservations, comparison_id = SqlReservations(database), kept(database)
    first = reserve(reservations, comparison_id)
    assert first
    assert reserve(reservations, comparison_id) is None
    reservations.release(comparison_id, first)
    assert reserve(reservations, comparison_id)


def test_who_looked_before_something_was_reserved_and_begun_looks_again(
    database: Database,  # noqa: F811  # a fixture
) -> None:
    reservations, comparison_id = SqlReservations(database), kept(database)
    number = reservations.spending_number("o", comparison_id)
    reservations.release(comparison_id, reserve(reservations, comparison_id) or "")
    late = reservations.reserve(
        "o", comparison_id, number=number, cost_usd=1.0, others_at_most=9.0, process_id="p"
    )
    assert late is None


def test_of_two_columns_that_are_asked_again_at_once_only_one_fits(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    fake.answer_by_model({CHEAP: failure(401, "no"), DEAR: failure(401, "no")})
    comparison_id = begun(comparisons, 10)
    comparisons.limit(comparison_id, comparisons.spent_usd(comparison_id) + 1.1 * most(DEAR))
    barrier, refused = ThreadBarrier(2), []

    def ask(letter: str) -> None:
        barrier.wait()
        try:
            comparisons.retry(comparison_id, letter)
        except CostLimitReached:
            refused.append(letter)

    threads = [Thread(target=ask, args=(letter,)) for letter in "AB"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) <= 1
    assert comparisons.spent_usd(comparison_id) <= (comparisons.seen(comparison_id).most_cost_usd or 0)


@pytest.mark.usefixtures("fake")
def test_nothing_stays_reserved_once_replies_have_begun(comparisons: Comparisons) -> None:
    comparison_id = begun(comparisons, 10)
    assert comparisons.spent_usd(comparison_id) > 0
    for _ in range(3):
        comparisons.retry(comparison_id, "A")
        for _, live in comparisons.live(comparison_id):
            live.stop()
