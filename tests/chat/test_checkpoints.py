"""What is written of replies, when, and what happens where it cannot be."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping

import pytest

from personachat.chat.checkpoints import Checkpoints
from personachat.conversations.model import Reply
from personachat.errors import DatabaseUnavailable, PersonaChatError
from personachat.messages import Finished, ReplyEvent, Started, TextDelta
from personachat.replies.journal import decoded
from personachat.replies.live import LiveReply
from personachat.replies.runner import ReplyRunner

WAIT = 10
STARTED = Started("acme", "gpt-x")


class Records:
    """A ReplyRecords in memory that tells what was asked of it, and fails when the test says so."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.saves: list[dict[str, tuple[Reply, str]]] = []
        self.stored: dict[str, tuple[Reply, str]] = {}
        self.foreign: set[str] = set()
        self.wanted: dict[str, str] = {}
        self.beats: list[str] = []
        self.retired: list[str] = []
        self.interrupts = 0
        self.failure: Exception | None = None
        self.failures = 0

    def _asked(self) -> None:
        if self.failure:
            with self.changed:
                self.failures += 1
                self.changed.notify_all()
            raise self.failure

    def claim(self, turn_id: str, *, process_id: str) -> bool:
        self.foreign.discard(turn_id)
        return True

    def save(self, replies: Mapping[str, tuple[Reply, str]], *, process_id: str) -> frozenset[str]:
        self._asked()
        with self.changed:
            written = {turn_id: reply for turn_id, reply in replies.items() if turn_id not in self.foreign}
            self.saves.append(written)
            self.stored |= written
            self.changed.notify_all()
        return frozenset(written)

    def beat(self, process_id: str) -> Mapping[str, str]:
        self._asked()
        with self.changed:
            self.beats.append(process_id)
            wanted, self.wanted = self.wanted, {}
            self.changed.notify_all()
        return wanted

    def want(self, turn_id: str, control: str) -> None:
        self.wanted[turn_id] = control

    def look(self, turn_id: str) -> tuple[Reply, str] | None:
        self._asked()
        return self.stored.get(turn_id)

    def interrupt(self) -> frozenset[str]:
        self._asked()
        with self.changed:
            self.interrupts += 1
            self.changed.notify_all()
        return frozenset()

    def abandon(self, turn_id: str, *, process_id: str) -> bool:
        self._asked()
        return False

    def retire(self, process_id: str) -> None:
        self._asked()
        self.retired.append(process_id)

    def until(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, WAIT), "it never happened"

    def text(self, live_reply: LiveReply) -> str | None:
        stored = self.stored.get(live_reply.id)
        return stored and stored[0].text


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def checkpoints(records: Records) -> Iterator[Checkpoints]:
    made = Checkpoints(records, interval_seconds=0.01)
    made.start()
    yield made
    records.failure = None
    made.close()


@pytest.fixture
def runner() -> Iterator[ReplyRunner]:
    made = ReplyRunner(max_concurrent=4)
    yield made
    made.close()


def begun(checkpoints: Checkpoints, *words: str) -> LiveReply:
    live_reply = LiveReply()
    checkpoints.watch(live_reply)
    live_reply.on_ended = checkpoints.ended
    live_reply.add(STARTED)
    for word in words:
        live_reply.add(TextDelta(word))
    return live_reply


def state_of(live_reply: LiveReply, records: Records) -> str:
    return records.stored[live_reply.id][0].state


def test_a_live_reply_is_written_as_it_grows(checkpoints: Checkpoints, records: Records) -> None:
    live_reply = begun(checkpoints, "Once ")
    records.until(lambda: records.text(live_reply) == "Once ")
    live_reply.add(TextDelta("upon"))
    records.until(lambda: records.text(live_reply) == "Once upon")
    reply, journal = records.stored[live_reply.id]
    assert decoded(journal, reply) == [STARTED, TextDelta("Once "), TextDelta("upon")]


def test_a_pause_is_written(checkpoints: Checkpoints, records: Records) -> None:
    live_reply = begun(checkpoints, "Once ")
    live_reply.pause()
    records.until(lambda: live_reply.id in records.stored and state_of(live_reply, records) == "paused")


def test_many_replies_are_written_together_and_only_where_they_changed(records: Records) -> None:
    checkpoints = Checkpoints(records)
    many = [begun(checkpoints, "a") for _ in range(5)]
    assert checkpoints.flush(timeout_seconds=WAIT)
    many[2].add(TextDelta("b"))
    assert checkpoints.flush(timeout_seconds=WAIT)
    assert checkpoints.flush(timeout_seconds=WAIT)
    assert [set(save) for save in records.saves] == [{each.id for each in many}, {many[2].id}]


def test_an_end_is_written_before_what_follows_it(records: Records) -> None:
    checkpoints = Checkpoints(records, interval_seconds=3600)
    checkpoints.start()
    live_reply, found = begun(checkpoints, "Once"), []
    followed = threading.Event()

    def then() -> None:
        found.append(state_of(live_reply, records))
        followed.set()

    live_reply.on_ended = lambda ended: checkpoints.ended(ended, then)
    live_reply.add(Finished("stop"))
    assert followed.wait(WAIT), "an end does not wait for the next interval"
    assert found == ["finished"]
    assert not checkpoints.is_watched(live_reply.id)
    checkpoints.close()


def test_what_follows_may_fail_and_may_start_another_reply(
    checkpoints: Checkpoints, records: Records
) -> None:
    first, second, third = (begun(checkpoints, "a") for _ in range(3))
    started: list[LiveReply] = []

    def failing() -> None:
        raise DatabaseUnavailable("Full.")

    def broken() -> None:
        raise RuntimeError

    def going_on() -> None:
        started.append(begun(checkpoints, "next"))

    first.on_ended = lambda ended: checkpoints.ended(ended, failing)
    second.on_ended = lambda ended: checkpoints.ended(ended, broken)
    third.on_ended = lambda ended: checkpoints.ended(ended, going_on)
    for each in (first, second, third):
        each.stop()
    records.until(lambda: bool(started) and records.text(started[0]) == "next")


def test_a_reply_that_somebody_else_has_claimed_is_stopped_and_not_written(
    checkpoints: Checkpoints, records: Records
) -> None:
    called = threading.Event()
    live_reply = begun(checkpoints, "mine")
    records.until(lambda: records.text(live_reply) == "mine")
    live_reply.on_ended = lambda ended: checkpoints.ended(ended, called.set)
    records.foreign.add(live_reply.id)
    live_reply.add(TextDelta(" and more"))
    ended = live_reply.wait(3, timeout_seconds=WAIT)
    assert ended == [Finished("stopped")]
    other = begun(checkpoints, "other")
    records.until(lambda: records.text(other) == "other")
    assert records.text(live_reply) == "mine"
    assert not called.is_set()
    assert not checkpoints.is_watched(live_reply.id)


def test_words_are_kept_while_the_database_fails_and_written_when_it_is_back(
    checkpoints: Checkpoints, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    records.until(lambda: records.interrupts > 0)
    records.failure = DatabaseUnavailable("The disk is full: postgresql://user:secret@host")
    followed = threading.Event()
    live_reply = begun(checkpoints, "Once ")
    records.until(lambda: records.failures > 3)
    assert checkpoints.trouble is records.failure
    assert not checkpoints.flush(timeout_seconds=WAIT)
    live_reply.add(TextDelta("upon"))
    live_reply.on_ended = lambda ended: checkpoints.ended(ended, followed.set)
    live_reply.add(Finished("stop"))
    assert not records.stored
    records.failure = None
    assert followed.wait(WAIT)
    assert records.text(live_reply) == "Once upon"
    assert checkpoints.trouble is None
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "database_unavailable" in caplog.text
    assert "secret" not in caplog.text


def test_what_nobody_foresaw_stops_no_writing(checkpoints: Checkpoints, records: Records) -> None:
    records.failure = RuntimeError("a bug")
    live_reply = begun(checkpoints, "Once")
    records.until(lambda: records.failures > 3)
    trouble = checkpoints.trouble
    assert isinstance(trouble, PersonaChatError)
    assert "a bug" not in str(trouble)
    records.failure = None
    records.until(lambda: records.text(live_reply) == "Once")


@pytest.mark.parametrize(("control", "state"), [("pause", "paused"), ("stop", "stopped")])
def test_what_another_process_wants_is_done(
    checkpoints: Checkpoints, records: Records, control: str, state: str
) -> None:
    live_reply = begun(checkpoints, "Once")
    records.want(live_reply.id, control)
    records.until(lambda: live_reply.id in records.stored and state_of(live_reply, records) == state)


def test_an_end_is_written_at_once_and_live_replies_in_their_time(records: Records) -> None:
    checkpoints = Checkpoints(records, interval_seconds=3600)
    live, ended = begun(checkpoints, "Once "), begun(checkpoints, "The end")
    checkpoints.start()
    records.until(lambda: records.text(live) == "Once " and records.text(ended) == "The end")
    live.add(TextDelta("upon"))
    ended.add(Finished("stop"))
    records.until(lambda: state_of(ended, records) == "finished")
    assert records.text(live) == "Once "
    checkpoints.close()
    assert records.text(live) == "Once upon"


def test_it_says_that_the_process_lives_and_ends_what_the_dead_have_left(
    checkpoints: Checkpoints, records: Records
) -> None:
    records.until(lambda: len(records.beats) > 1 and records.interrupts > 0)
    assert set(records.beats) == {checkpoints.process_id}


def test_who_reads_has_the_ends_written_and_nothing_else(records: Records) -> None:
    unstarted = Checkpoints(records)
    live, ended = begun(unstarted, "Once "), begun(unstarted, "The end")
    unstarted.settle()
    assert not records.stored
    ended.add(Finished("stop"))
    unstarted.settle()
    assert state_of(ended, records) == "finished"
    assert live.id not in records.stored
    saves = len(records.saves)
    unstarted.settle()
    assert len(records.saves) == saves
    live.stop()
    unstarted.settle()
    assert state_of(live, records) == "stopped"


def test_who_reads_waits_for_no_database_that_fails(records: Records) -> None:
    unstarted = Checkpoints(records)
    ended = begun(unstarted, "The end")
    ended.add(Finished("stop"))
    records.failure = DatabaseUnavailable("no")
    unstarted.settle()
    unstarted.settle()
    assert records.failures == 1
    assert unstarted.trouble


def test_close_writes_everything_and_retires_the_process(records: Records) -> None:
    checkpoints = Checkpoints(records, interval_seconds=3600)
    checkpoints.start()
    live_reply = begun(checkpoints, "Once")
    live_reply.stop()
    live_reply.add(TextDelta("late"))
    checkpoints.close()
    assert records.text(live_reply) == "Once"
    assert state_of(live_reply, records) == "stopped"
    assert records.retired == [checkpoints.process_id]


def test_a_reply_that_is_continued_before_its_end_was_handed_in_is_written_as_it_goes_on(
    records: Records,
) -> None:
    checkpoints = Checkpoints(records)
    earlier = begun(checkpoints, "Once ")
    earlier.on_ended = lambda _: None
    earlier.stop()
    live_reply = LiveReply.continued(earlier, first=Reply())
    checkpoints.watch(live_reply)
    checkpoints.ended(earlier)
    live_reply.add(TextDelta("upon"))
    assert checkpoints.flush(timeout_seconds=WAIT)
    assert records.text(live_reply) == "Once upon"
    assert state_of(live_reply, records) == "running"
    assert checkpoints.is_watched(live_reply.id)


def test_a_reply_of_the_engine_is_written_whole(
    checkpoints: Checkpoints, records: Records, runner: ReplyRunner
) -> None:
    async def counting(text: str) -> AsyncGenerator[ReplyEvent]:
        yield STARTED
        for number in range(500):
            await asyncio.sleep(0)
            yield TextDelta(f"{number} ")
        yield Finished("stop")

    followed = threading.Event()
    live_reply = LiveReply()
    checkpoints.watch(live_reply)
    runner.start(live_reply, counting, on_ended=lambda ended: checkpoints.ended(ended, followed.set))
    assert followed.wait(WAIT)
    reply, journal = records.stored[live_reply.id]
    assert reply == live_reply.snapshot()
    assert decoded(journal, reply) == live_reply.wait(0, timeout_seconds=0)
