"""Replies of another process, followed by what it writes of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from personachat.chat.checkpoints import Checkpoints
from personachat.conversations.model import Reply
from personachat.errors import DatabaseUnavailable, ShuttingDown
from personachat.messages import (
    Failed,
    Finished,
    ReasoningDelta,
    ReplyEvent,
    Started,
    TextDelta,
    Usage,
    UsageReported,
)
from personachat.replies.live import LiveReply
from personachat.replies.runner import ReplyRunner
from tests.chat.test_checkpoints import Records

WAIT = 10
STARTED = Started("acme", "gpt-x")


@pytest.fixture
def runner() -> Iterator[ReplyRunner]:
    made = ReplyRunner(max_concurrent=1)
    yield made
    made.close()


class Elsewhere:
    """A reply in another process, written whenever the test says so, and its mirror here."""

    def __init__(self, runner: ReplyRunner) -> None:
        self.records = Records()
        self.there = LiveReply("turn")
        self.written()
        self.checkpoints = Checkpoints(self.records, interval_seconds=0.01)
        self._runner = runner
        self.mirror = self.mirrored()

    def mirrored(self) -> LiveReply:
        mirror = LiveReply("turn", first=Reply())
        return self._runner.start(mirror, self.checkpoints.mirrored(mirror))

    def add(self, *events: ReplyEvent) -> None:
        for event in events:
            self.there.add(event)
        self.written()

    def written(self) -> None:
        self.records.stored["turn"] = self.there.record()

    def until(self, state: str, *, events: int) -> None:
        mirror = self.mirror
        with mirror.followed(), mirror._condition:
            there = lambda: mirror.state == state and mirror.version[0] == events  # noqa: E731  # shorter here than a function
            assert mirror._condition.wait_for(there, WAIT), mirror.version


@pytest.fixture
def elsewhere(runner: ReplyRunner) -> Elsewhere:
    return Elsewhere(runner)


@pytest.mark.parametrize("end", [Finished("stop"), Finished("stopped"), Failed("connection_lost", "Lost.")])
def test_a_mirror_has_the_same_events_and_in_the_end_the_same_reply(
    elsewhere: Elsewhere, end: ReplyEvent
) -> None:
    elsewhere.add(STARTED, ReasoningDelta("Hm."))
    elsewhere.until("running", events=2)
    elsewhere.add(TextDelta("Once "), TextDelta("upon"), UsageReported(Usage(3, 2), 0.5))
    elsewhere.until("running", events=5)
    elsewhere.add(TextDelta(" a time"), end)
    elsewhere.until(elsewhere.there.state, events=7)
    assert elsewhere.mirror.wait(0, timeout_seconds=0) == elsewhere.there.wait(0, timeout_seconds=0)
    assert elsewhere.mirror.snapshot() == elsewhere.there.snapshot()


def test_a_mirror_begins_with_what_is_there(runner: ReplyRunner) -> None:
    elsewhere = Elsewhere(runner)
    elsewhere.add(STARTED, TextDelta("Once"), Finished("stop"))
    elsewhere.until("finished", events=3)


def test_a_mirror_of_a_reply_that_failed_before_it_began_only_fails(elsewhere: Elsewhere) -> None:
    failed = Failed("api_key_refused", "Bad key.")
    elsewhere.add(failed)
    elsewhere.until("failed", events=1)
    assert elsewhere.mirror.wait(0, timeout_seconds=0) == [failed]


def test_a_reply_whose_process_died_is_interrupted_for_its_followers(elsewhere: Elsewhere) -> None:
    elsewhere.add(STARTED, TextDelta("Once"))
    reply, journal = elsewhere.there.record()
    elsewhere.records.stored["turn"] = replace(reply, state="interrupted"), journal
    elsewhere.until("interrupted", events=2)
    assert elsewhere.mirror.snapshot().continuable


def test_a_reply_that_is_deleted_ends_for_its_followers(elsewhere: Elsewhere) -> None:
    elsewhere.records.stored.clear()
    elsewhere.until("interrupted", events=0)


def test_a_pause_there_shows_here_and_what_came_after_it_too(elsewhere: Elsewhere) -> None:
    elsewhere.add(STARTED, TextDelta("Once"))
    elsewhere.there.pause()
    elsewhere.written()
    elsewhere.until("paused", events=2)
    elsewhere.there.resume()
    elsewhere.there.add(TextDelta(" upon"))
    elsewhere.there.pause()
    elsewhere.written()
    elsewhere.until("paused", events=3)
    elsewhere.there.resume()
    elsewhere.add(TextDelta(" a time"), Finished("stop"))
    elsewhere.until("finished", events=5)


@pytest.mark.parametrize("control", ["pause", "resume", "stop"])
def test_controls_are_passed_on_to_the_process_that_generates_it(elsewhere: Elsewhere, control: str) -> None:
    getattr(elsewhere.mirror, control)()
    assert elsewhere.records.wanted == {"turn": control}
    assert elsewhere.mirror.state == "running"


def test_a_database_that_fails_for_a_while_ends_no_mirror(elsewhere: Elsewhere) -> None:
    elsewhere.records.failure = DatabaseUnavailable("Away.")
    elsewhere.records.until(lambda: elsewhere.records.failures > 2)
    elsewhere.records.failure = None
    elsewhere.add(STARTED, Finished("stop"))
    elsewhere.until("finished", events=2)


def test_mirrors_take_no_place_and_one_is_enough(elsewhere: Elsewhere, runner: ReplyRunner) -> None:
    assert elsewhere.mirrored() is elsewhere.mirror
    assert runner.running == 0


def test_an_ended_mirror_is_forgotten_because_the_reply_may_go_on(
    elsewhere: Elsewhere, runner: ReplyRunner
) -> None:
    elsewhere.add(STARTED, Finished("length"))
    elsewhere.until("finished", events=2)
    turned = threading.Event()
    runner._loop.soon(turned.set)
    assert turned.wait(WAIT)
    assert runner.find("turn") is None


def test_closing_stops_nothing_in_another_process(elsewhere: Elsewhere, runner: ReplyRunner) -> None:
    runner.close()
    assert elsewhere.mirror.snapshot().error == Failed.of(ShuttingDown())
    assert elsewhere.records.wanted == {}
