"""Replies that run by themselves, whoever watches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator

import pytest

from personachat.messages import Failed, Finished, ReplyEvent, Started, TextDelta
from personachat.replies.live import LiveReply
from personachat.replies.runner import ReplyRunner

WAIT = 5


@pytest.fixture
def runner() -> Iterator[ReplyRunner]:
    made = ReplyRunner(max_concurrent=2)
    yield made
    made.close()


class Script:
    """A reply that goes on when the test says so, and tells when it was cancelled."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.go = threading.Event()
        self.cancelled = threading.Event()

    async def __call__(self, text: str) -> AsyncGenerator[ReplyEvent]:
        try:
            yield Started("fake", "model")
            for word in self.words:
                yield TextDelta(word)
            await asyncio.to_thread(self.go.wait, WAIT)
            yield Finished("stop")
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.set()
            self.go.set()
            raise


def text_arrived(live_reply: LiveReply, words: int) -> None:
    seen = 0
    while seen < words + 1:
        new = live_reply.wait(seen, timeout_seconds=WAIT)
        assert new, "the text never came"
        seen += len(new)


def test_a_reply_runs_to_its_end_without_a_watcher(runner: ReplyRunner) -> None:
    script, ended = Script("a", "b"), threading.Event()
    live_reply = runner.start(LiveReply(), script, on_ended=lambda _: ended.set())
    script.go.set()
    assert ended.wait(WAIT)
    assert live_reply.snapshot().text == "ab"
    assert live_reply.state == "finished"
    assert runner.running == 0


def test_stop_keeps_the_text_that_arrived_and_cancels_upstream(runner: ReplyRunner) -> None:
    script = Script("kept ", "words")
    live_reply = runner.start(LiveReply(), script)
    text_arrived(live_reply, 2)
    live_reply.stop()
    assert live_reply.state == "stopped"
    assert script.cancelled.wait(WAIT)
    assert live_reply.snapshot().text == "kept words"


def test_stop_takes_effect_before_the_first_event(runner: ReplyRunner) -> None:
    live_reply = runner.start(LiveReply(), Script())
    live_reply.stop()
    assert live_reply.snapshot().finish_reason == "stopped"


def test_nothing_comes_after_the_end(runner: ReplyRunner) -> None:
    live_reply = runner.start(LiveReply(), Script("a"))
    text_arrived(live_reply, 1)
    live_reply.stop()
    live_reply.add(TextDelta("late"))
    live_reply.add(Finished("stop"))
    assert live_reply.snapshot().text == "a"
    assert [type(event) for event in live_reply.wait(0, timeout_seconds=0)] == [Started, TextDelta, Finished]


@pytest.mark.anyio
async def test_a_watcher_may_begin_at_any_number(runner: ReplyRunner) -> None:
    script = Script("a", "b", "c")
    live_reply = runner.start(LiveReply(), script)
    text_arrived(live_reply, 3)
    script.go.set()
    seen = [(number, event) async for number, event in live_reply.events(after=2)]
    assert seen == [(3, TextDelta("b")), (4, TextDelta("c")), (5, Finished("stop"))]
    assert [event async for event in live_reply.events(after=99)] == []


def test_a_reply_nobody_keeps_ends_when_its_last_watcher_leaves(runner: ReplyRunner) -> None:
    script = Script("a")
    live_reply = runner.start(LiveReply(durable=False), script)
    with live_reply.followed():
        text_arrived(live_reply, 1)
    assert script.cancelled.wait(WAIT)
    assert live_reply.state == "stopped"


def test_a_watcher_who_comes_back_in_time_finds_the_reply_running(
    runner: ReplyRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.replies.runner.ABANDONED_SECONDS", 0.2)
    script, checked = Script("a"), threading.Event()
    live_reply = runner.start(LiveReply(durable=False), script)
    with live_reply.followed():
        text_arrived(live_reply, 1)
    with live_reply.followed():
        runner._loop.later(0.4, checked.set)
        assert checked.wait(WAIT)
        assert live_reply.live


def test_above_the_limit_a_reply_fails_at_once_and_says_when_to_come_back(runner: ReplyRunner) -> None:
    running = [Script("a"), Script("b")]
    for script in running:
        runner.start(LiveReply(), script)
    refused = runner.start(LiveReply(), Script("c")).snapshot()
    assert refused.error
    assert refused.error.code == "too_many_replies"
    assert refused.error.retry_after_seconds
    assert runner.running == 2


def test_a_place_comes_free_when_a_reply_ends(runner: ReplyRunner) -> None:
    first, second = (runner.start(LiveReply(), Script("a")) for _ in range(2))
    first.stop()
    third = runner.start(LiveReply(), Script("c"))
    text_arrived(third, 1)
    assert second.live


def test_a_reply_that_breaks_inside_fails_once_and_tells_nothing_of_it(
    runner: ReplyRunner, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(text: str) -> AsyncGenerator[ReplyEvent]:
        yield TextDelta("kept")
        raise RuntimeError("sk-secret")

    ended = threading.Event()
    live_reply = runner.start(LiveReply(), broken, on_ended=lambda _: ended.set())
    assert ended.wait(WAIT)
    reply = live_reply.snapshot()
    assert reply.text == "kept"
    assert reply.error
    assert reply.error.code == "internal_error"
    assert "sk-secret" not in reply.error.message


@pytest.mark.anyio
async def test_many_watchers_on_several_threads_see_the_same_events(runner: ReplyRunner) -> None:
    script = Script(*"abcdef")
    live_reply = runner.start(LiveReply(), script)

    async def watch() -> list[ReplyEvent]:
        return [event async for _, event in live_reply.events()]

    watchers = [asyncio.create_task(watch()) for _ in range(3)]
    others = [asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(watch()))) for _ in range(3)]
    await asyncio.to_thread(text_arrived, live_reply, 6)
    script.go.set()
    seen = await asyncio.wait_for(asyncio.gather(*watchers, *others), WAIT)
    assert all(events == seen[0] for events in seen)
    assert seen[0][-1] == Finished("stop")


def test_close_ends_every_reply(runner: ReplyRunner) -> None:
    script = Script("a")
    live_reply = runner.start(LiveReply(), script)
    text_arrived(live_reply, 1)
    runner.close()
    assert live_reply.state == "interrupted"
    assert script.cancelled.is_set()


def test_the_exact_failure_is_what_the_provider_said(runner: ReplyRunner) -> None:
    async def failing(text: str) -> AsyncGenerator[ReplyEvent]:
        yield Failed("rate_limited", "Too fast.", retry_after_seconds=30)

    ended = threading.Event()
    live_reply = runner.start(LiveReply(), failing, on_ended=lambda _: ended.set())
    assert ended.wait(WAIT)
    assert live_reply.snapshot().error == Failed("rate_limited", "Too fast.", retry_after_seconds=30)
