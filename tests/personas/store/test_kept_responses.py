"""Recent responses in the database: for an hour, for one owner, and only so many."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from threading import Semaphore
from typing import Any

import pytest
from sqlalchemy import select

from personachat.conversations import responses
from personachat.conversations.responses import LIFETIME, KeptResponse, KeptResponses
from personachat.database.connection import Database
from personachat.errors import DatabaseUnavailable
from tests.conversations.conftest import database, postgres_database, sqlite_database  # noqa: F401  # fixtures


class Clock:
    """The database's time, as a test sets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        monkeypatch.setattr(Database, "moment", lambda *_: self.now)

    def pass_(self, time: timedelta) -> None:
        self.now += time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def kept(database: Database) -> KeptResponses:  # noqa: F811  # a fixture
    return KeptResponses(database)


def said(text: str, previous: KeptResponse | None = None) -> KeptResponse:
    items = [{"role": "user", "content": text}]
    output = [{"id": "msg", "content": f"{text}!"}]
    return KeptResponse(uuid.uuid4().hex, items, output, previous.id if previous else None)


def texts(items: list[dict[str, Any]] | None) -> list[str] | None:
    return None if items is None else [item["content"] for item in items]


def test_a_response_is_found_with_all_that_it_follows(kept: KeptResponses) -> None:
    one = said("one")
    two = said("two", one)
    for each in (one, two, said("other", one)):
        assert kept.keep("ada", each)
    assert texts(kept.conversation("ada", two.id)) == ["one", "one!", "two", "two!"]
    assert kept.outputs("ada", {one.id, two.id, "nobody"}).keys() == {one.id, two.id}
    assert kept.conversation("bob", two.id) is None
    assert kept.outputs("bob", {one.id}) == {}


def test_what_no_database_holds_comes_back_as_it_was(kept: KeptResponses) -> None:
    odd = KeptResponse(uuid.uuid4().hex, [{"content": "a\0b\ud800 \u2028 é"}], [])
    kept.keep("ada", odd)
    assert texts(kept.conversation("ada", odd.id)) == ["a\0b\ud800 \u2028 é"]


def test_it_goes_an_hour_after_its_last_use(kept: KeptResponses, clock: Clock) -> None:
    one = said("one")
    kept.keep("ada", one)
    clock.pass_(LIFETIME - timedelta(seconds=1))
    two = said("two", one)
    kept.keep("ada", two)
    clock.pass_(timedelta(minutes=30))
    assert texts(kept.conversation("ada", two.id)) == ["one", "one!", "two", "two!"]
    clock.pass_(timedelta(minutes=31))
    assert kept.conversation("ada", two.id) is None
    assert kept.outputs("ada", {one.id, two.id}) == {}


def test_what_is_too_old_is_removed_whoever_it_was_of(
    kept: KeptResponses,
    clock: Clock,
    database: Database,  # noqa: F811  # a fixture
) -> None:
    kept.keep("ada", said("one"))
    clock.pass_(timedelta(hours=2))
    kept.keep("bob", said("two"))
    assert owners(database) == ["bob"]
    clock.pass_(timedelta(hours=2))
    kept.forget_old()
    assert owners(database) == []


def test_what_is_old_goes_though_nothing_is_asked_and_a_fault_in_between_is_made_up_for(
    kept: KeptResponses, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "FORGET_SECONDS", 0.01)
    kept.keep("ada", said("one"))
    clock.pass_(timedelta(hours=2))
    tried, forget_old = Semaphore(0), KeptResponses.forget_old

    def fail_first(self: KeptResponses) -> None:
        monkeypatch.setattr(KeptResponses, "forget_old", forget_and_tell)
        raise DatabaseUnavailable("Away.")

    def forget_and_tell(self: KeptResponses) -> None:
        forget_old(self)
        tried.release()

    monkeypatch.setattr(KeptResponses, "forget_old", fail_first)
    kept.start()
    assert tried.acquire(timeout=10)
    kept.close()
    assert owners(kept._database) == []


def owners(database: Database) -> list[str]:  # noqa: F811  # a fixture
    with database.read() as connection:
        return list(connection.execute(select(responses.responses.c.owner)).scalars())


def test_an_owner_has_so_many_and_so_much_and_others_lose_nothing(
    kept: KeptResponses, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "MOST_RESPONSES", 3)
    kept.keep("bob", other := said("other"))
    every = [said(str(number)) for number in range(5)]
    for each in every:
        clock.pass_(timedelta(seconds=1))
        kept.keep("ada", each)
    assert kept.outputs("ada", {each.id for each in every}).keys() == {each.id for each in every[2:]}
    assert kept.outputs("bob", {other.id})

    monkeypatch.setattr(responses, "MOST_BYTES", 10_000)
    for letter in "xyz":
        clock.pass_(timedelta(seconds=1))
        kept.keep("ada", big := said(letter * 2_000))
    assert kept.outputs("ada", {each.id for each in every}) == {}
    assert kept.outputs("ada", {big.id})
    assert not kept.keep("ada", large := said("x" * 10_000))
    assert kept.outputs("ada", {large.id}) == {}
    assert kept.outputs("ada", {big.id})


def test_a_response_whose_beginning_is_gone_is_not_found_half(
    kept: KeptResponses, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "MOST_RESPONSES", 2)
    last: KeptResponse | None = None
    for number in range(3):
        clock.pass_(timedelta(seconds=1))
        last = said(str(number), last)
        kept.keep("ada", last)
    assert last
    assert kept.conversation("ada", last.id) is None
