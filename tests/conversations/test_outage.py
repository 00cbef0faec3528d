"""A database that cannot be reached: who waits for it, and who is told."""

from __future__ import annotations

import socket
from itertools import chain, repeat

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from personachat.database.connection import Database
from personachat.database.outage import MOST_SECONDS, Outage
from personachat.errors import DatabaseUnavailable


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Tries:
    """A database that answers after so many seconds, with an error or well."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.outage = Outage(self.clock)
        self.count = 0

    def reach(self, *, takes: float, error: Exception | None = None, since: float | None = None) -> None:
        with self.outage.reaching(since=self.clock.seconds if since is None else since):
            self.count += 1
            self.clock.seconds += takes
            if error:
                raise error

    def fail(self, *, takes: float, error: Exception | None = None) -> None:
        with pytest.raises(type(error or OSError())):
            self.reach(takes=takes, error=error or OSError("no"))

    def told(self) -> None:
        before = self.count
        self.fail(takes=0)
        assert self.count == before, "it tried again"


def test_a_long_failure_is_told_for_as_long_as_it_took() -> None:
    tries = Tries()
    tries.fail(takes=2)
    tries.clock.seconds += 1.9
    tries.told()
    tries.clock.seconds += 0.2
    tries.reach(takes=0)
    assert tries.count == 2


def test_a_short_failure_is_tried_again_at_once() -> None:
    tries = Tries()
    tries.fail(takes=0.1)
    tries.reach(takes=0)
    assert tries.count == 2


def test_no_failure_is_remembered_for_long() -> None:
    tries = Tries()
    tries.fail(takes=600)
    tries.clock.seconds += MOST_SECONDS + 0.1
    tries.reach(takes=0)


def test_who_waited_while_another_failed_does_not_wait_again() -> None:
    tries = Tries()
    since = tries.clock.seconds
    tries.fail(takes=0.1)
    with pytest.raises(OSError, match="no"):
        tries.reach(takes=0, since=since)
    assert tries.count == 1


def test_a_success_ends_the_outage() -> None:
    tries = Tries()
    tries.fail(takes=5)
    since = tries.clock.seconds
    tries.clock.seconds += 6
    tries.reach(takes=0)
    tries.reach(takes=0, since=since)
    assert tries.count == 3


def test_that_it_answers_again_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    tries = Tries()
    tries.reach(takes=0)
    assert caplog.messages == []
    tries.fail(takes=0.1)
    tries.reach(takes=0)
    tries.reach(takes=0)
    assert caplog.messages == ["The database answers again."]


def test_after_a_long_failure_one_tries_again_and_the_others_are_told() -> None:
    tries = Tries()
    tries.fail(takes=5)
    tries.clock.seconds += MOST_SECONDS + 0.1
    with tries.outage.reaching(since=tries.clock.seconds):
        tries.told()
    tries.reach(takes=0)
    assert tries.count == 2


def test_one_who_tried_again_in_vain_leaves_the_next_try_to_another() -> None:
    tries = Tries()
    for _ in range(3):
        tries.fail(takes=5)
        tries.told()
        tries.clock.seconds += MOST_SECONDS + 0.1
    assert tries.count == 3


def test_a_failure_in_use_is_told_too_but_telling_it_again_makes_it_no_longer() -> None:
    tries = Tries()
    failure = OSError("silent")
    tries.outage.note(failure, took=2)
    tries.told()
    tries.clock.seconds += 1.5
    tries.outage.note(failure, took=2)
    tries.clock.seconds += 0.6
    tries.reach(takes=0)
    assert tries.count == 1


def test_a_full_pool_is_no_outage() -> None:
    tries = Tries()
    tries.fail(takes=10, error=PoolTimeout("full"))
    tries.reach(takes=0)


def test_a_server_that_never_answers_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        database = Database(
            f"postgresql+psycopg://ada@127.0.0.1:{port}/chats?connect_timeout=2&sslmode=disable"
        )
        since, began, ended, later = 0.0, 0.0, 2.0, 3.0
        clock = chain([since, began, ended], repeat(later))
        monkeypatch.setattr(database, "_outage", Outage(lambda: next(clock)))
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable, match="can't be reached"):
                database.prepare()
        silent.settimeout(10)
        silent.accept()[0].close()
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()
