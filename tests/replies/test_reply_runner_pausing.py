"""Pausing and resuming: nothing is lost, nothing is said twice, whatever the provider does meanwhile."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from pydantic import SecretStr

from personachat.messages import (
    ChatMessage,
    Failed,
    Finished,
    ReplyEvent,
    Started,
    TextDelta,
    Usage,
)
from personachat.providers.base import ChatRequest
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.replies.continuation import GO_ON, continuing, seamless
from personachat.replies.engine import ReplyLimits, reply
from personachat.replies.live import LiveReply
from personachat.replies.runner import ReplyRunner
from tests.fake_provider import Cut, FakeProvider, Gate, Hang, Reset, failure, hang, tokens

WAIT = 10
REQUEST = ChatRequest("fake-1", (ChatMessage("user", "Count"),))
STARTED = Started("acme", "fake-1")
Asked = Callable[[str], AsyncGenerator[ReplyEvent]]


@pytest.fixture
def runner() -> Iterator[ReplyRunner]:
    made = ReplyRunner(max_concurrent=2)
    yield made
    made.close()


@pytest.fixture
def asked(fake: FakeProvider, runner: ReplyRunner) -> Iterator[Asked]:
    """Asks the provider on loopback for a reply, or for the rest of one."""
    provider = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=SecretStr("sk-x"))
    limits = ReplyLimits(2, 1, 60)

    def events(text: str) -> AsyncGenerator[ReplyEvent]:
        request = continuing(REQUEST, text, prefills=False)
        return seamless(reply(provider, request, limits=limits, retry_delays_seconds=()), text)

    yield events
    runner.ask(provider.aclose(), timeout_seconds=WAIT)


class Source:
    """A reply whose events come one by one, when the test puts them; tells how far it was read."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.read = 0
        self.closed = threading.Event()
        self._ready = threading.Semaphore(0)
        self._changed = threading.Condition()
        self._events: list[ReplyEvent] = []

    def put(self, *events: ReplyEvent) -> None:
        self._events += events
        for _ in events:
            self._ready.release()

    async def __call__(self, text: str) -> AsyncGenerator[ReplyEvent]:
        self.texts.append(text)
        try:
            while True:
                while not await asyncio.to_thread(self._ready.acquire, timeout=0.05):
                    pass
                with self._changed:
                    self.read += 1
                    self._changed.notify_all()
                yield self._events[self.read - 1]
        finally:
            self.closed.set()

    def wait_read(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.read >= count, WAIT), "it was not read"


def until(live_reply: LiveReply, condition: Callable[[], bool]) -> None:
    """Wait for something that shows in the generation."""
    with live_reply._condition:
        assert live_reply._condition.wait_for(condition, WAIT), "it never came"


def said(live_reply: LiveReply, text: str) -> None:
    until(live_reply, lambda: live_reply.snapshot().text == text)


def over(live_reply: LiveReply) -> list[ReplyEvent]:
    until(live_reply, lambda: not live_reply.live)
    return live_reply.wait(0, timeout_seconds=0)


def test_while_it_is_paused_nothing_is_added_and_one_event_is_read_at_most(runner: ReplyRunner) -> None:
    source = Source()
    live_reply = runner.start(LiveReply(), source)
    source.put(STARTED, TextDelta("a"))
    said(live_reply, "a")
    live_reply.pause()
    source.put(TextDelta("b"), TextDelta("c"), Finished("stop"))
    source.wait_read(3)
    assert live_reply.state == "paused"
    assert live_reply.wait(2, timeout_seconds=0.05) == []
    assert source.read == 3
    live_reply.resume()
    assert over(live_reply) == [STARTED, *map(TextDelta, "abc"), Finished("stop")]
    assert source.texts == [""]


def test_a_reply_paused_before_it_began_is_asked_for_when_it_is_resumed(runner: ReplyRunner) -> None:
    source = Source()
    live_reply = LiveReply()
    live_reply.pause()
    runner.start(live_reply, source)
    assert live_reply.wait(0, timeout_seconds=0.05) == []
    assert source.texts == []
    source.put(STARTED, TextDelta("a"), Finished("stop"))
    live_reply.resume()
    assert over(live_reply) == [STARTED, TextDelta("a"), Finished("stop")]


def test_a_reply_paused_before_its_first_token_begins_with_it(
    fake: FakeProvider, runner: ReplyRunner, asked: Asked
) -> None:
    gate = Gate()
    fake.enqueue(tokens([gate, "one", " two"]))
    live_reply = runner.start(LiveReply(), asked)
    gate.wait_reached()
    live_reply.pause()
    gate.open()
    assert not [event for event in live_reply.wait(1, timeout_seconds=0.05) if isinstance(event, TextDelta)]
    live_reply.resume()
    over(live_reply)
    assert live_reply.snapshot().text == "one two"
    assert len(fake.chats) == 1


def test_a_pause_is_not_counted_as_time_of_the_reply(runner: ReplyRunner) -> None:
    live_reply = LiveReply()
    live_reply.pause()
    at = live_reply.elapsed_seconds
    live_reply.wait(0, timeout_seconds=0.02)
    assert live_reply.elapsed_seconds == at


def test_everyone_who_waits_is_told_of_a_pause(runner: ReplyRunner) -> None:
    live_reply = runner.start(LiveReply(), Source())
    waiting = threading.Event()
    told = threading.Event()

    def watch() -> None:
        waiting.set()
        live_reply.wait(0, timeout_seconds=WAIT)
        told.set()

    threading.Thread(target=watch).start()
    assert waiting.wait(WAIT)
    while not told.wait(0.05):  # it may only be about to wait
        live_reply.resume()
        live_reply.pause()


@pytest.mark.parametrize("lost", [Reset(), Cut(), Hang()])
@pytest.mark.parametrize("again", [" three four", "one two three four", "Count: one two three four"])
def test_a_provider_that_hung_up_during_a_pause_is_asked_for_the_rest(
    fake: FakeProvider, runner: ReplyRunner, asked: Asked, lost: Reset | Cut | Hang, again: str
) -> None:
    gate = Gate()
    begun = "Count: one two" if again.startswith("Count") else "one two"
    fake.enqueue(tokens([begun, gate, lost]), tokens(list(again)))
    live_reply = runner.start(LiveReply(), asked)
    said(live_reply, begun)
    gate.wait_reached()
    live_reply.pause()
    gate.open()
    live_reply.wait(2, timeout_seconds=0.1)
    assert live_reply.state == "paused"
    live_reply.resume()
    events = over(live_reply)
    assert live_reply.snapshot().text == begun + " three four"
    assert [message["content"] for message in fake.chats[1].body["messages"]] == ["Count", begun, GO_ON]
    assert [type(event) for event in events].count(Started) == 2
    assert events[-1] == Finished("stop")


def test_a_provider_that_hangs_up_after_a_pause_is_asked_once_more(
    fake: FakeProvider, runner: ReplyRunner, asked: Asked
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one", gate, " two", Reset()]), tokens([" three", Reset()]))
    live_reply = runner.start(LiveReply(), asked)
    said(live_reply, "one")
    live_reply.pause()
    live_reply.resume()
    gate.open()
    events = over(live_reply)
    assert live_reply.snapshot().text == "one two three"
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "connection_lost"
    assert len(fake.chats) == 2


def test_without_a_pause_a_lost_connection_fails_the_reply(
    fake: FakeProvider, runner: ReplyRunner, asked: Asked
) -> None:
    fake.enqueue(tokens(["one", Reset()]))
    over(live_reply := runner.start(LiveReply(), asked))
    assert live_reply.state == "failed"
    assert len(fake.chats) == 1


def test_what_a_pause_cannot_be_the_cause_of_fails_the_reply_after_it(
    fake: FakeProvider, runner: ReplyRunner, asked: Asked
) -> None:
    gate = Gate()
    refused = failure(401, "Bad key.")
    fake.enqueue(type(refused)(refused.steps, refused.status, refused.headers, early=[gate]))
    live_reply = runner.start(LiveReply(), asked)
    gate.wait_reached()
    live_reply.pause()
    gate.open()
    live_reply.wait(0, timeout_seconds=0.1)
    assert live_reply.state == "paused"
    live_reply.resume()
    (event,) = over(live_reply)
    assert isinstance(event, Failed)
    assert event.code == "api_key_refused"


def test_a_long_pause_closes_the_connection_and_the_rest_is_asked_for_then(
    fake: FakeProvider, asked: Asked, runner: ReplyRunner
) -> None:
    runner._paused_seconds = 0.05
    gate = Gate()
    fake.enqueue(tokens(["one", gate, " two", Hang()]), tokens([" three"]))
    live_reply = runner.start(LiveReply(), asked)
    said(live_reply, "one")
    live_reply.pause()
    gate.open()
    assert fake.wait_for_disconnect(WAIT)
    assert live_reply.snapshot().text == "one"
    assert live_reply.live
    live_reply.resume()
    over(live_reply)
    assert live_reply.snapshot().text == "one two three"
    assert fake.chats[1].body["messages"][1]["content"] == "one two"


def test_usage_of_both_requests_adds_up(fake: FakeProvider, runner: ReplyRunner, asked: Asked) -> None:
    gate = Gate()
    steps = tokens(["one", gate], usage=(3, 1), done=False)
    fake.enqueue(type(steps)([*steps.steps[:-2], *steps.steps[-1:], Cut()]), tokens([" two"], usage=(5, 2)))
    live_reply = runner.start(LiveReply(), asked)
    said(live_reply, "one")
    live_reply.pause()
    live_reply.resume()
    gate.open()
    over(live_reply)
    assert live_reply.snapshot().text == "one two"
    assert live_reply.snapshot().usage in {Usage(8, 3), Usage(5, 2)}


def test_stop_ends_a_paused_reply_at_once(runner: ReplyRunner) -> None:
    source = Source()
    ended = threading.Event()
    live_reply = runner.start(LiveReply(), source, on_ended=lambda _: ended.set())
    source.put(STARTED, TextDelta("a"))
    said(live_reply, "a")
    live_reply.pause()
    source.put(TextDelta("b"))
    source.wait_read(3)
    live_reply.stop()
    live_reply.resume()
    assert live_reply.state == "stopped"
    assert ended.wait(WAIT)
    assert source.closed.wait(WAIT)
    assert live_reply.snapshot().text == "a"
    assert runner.running == 0


def test_pausing_and_resuming_twice_is_doing_it_once() -> None:
    live_reply = LiveReply()
    for control in (live_reply.resume, live_reply.pause, live_reply.pause):
        control()
    assert (live_reply.state, live_reply.pauses) == ("paused", 1)
    live_reply.resume()
    live_reply.resume()
    assert (live_reply.state, live_reply.pauses) == ("running", 1)


def test_after_the_end_no_control_does_anything() -> None:
    live_reply = LiveReply()
    for control in (live_reply.stop, live_reply.stop, live_reply.pause, live_reply.resume):
        control()
    assert live_reply.state == "stopped"
    assert live_reply.wait(0, timeout_seconds=0) == [Finished("stopped")]


def test_a_paused_reply_that_nobody_keeps_ends_when_its_last_watcher_leaves(runner: ReplyRunner) -> None:
    source = Source()
    live_reply = runner.start(LiveReply(durable=False), source)
    watching: AbstractContextManager[None] = live_reply.followed()
    with watching:
        source.put(STARTED, TextDelta("a"))
        said(live_reply, "a")
        live_reply.pause()
    over(live_reply)
    assert live_reply.state == "stopped"


def test_a_paused_reply_gives_its_place_back_once_its_connection_is_closed(runner: ReplyRunner) -> None:
    runner._paused_seconds = 0.02
    sources = [Source() for _ in range(4)]
    held = [runner.start(LiveReply(), source) for source in sources[:2]]
    for live_reply, source in zip(held, sources, strict=False):
        source.put(STARTED)
        assert live_reply.wait(0, timeout_seconds=WAIT) == [STARTED]
        live_reply.pause()
        source.put(TextDelta("a"))
        assert source.closed.wait(WAIT)
    third = runner.start(LiveReply(), sources[2])
    assert third.live
    for live_reply in held:
        live_reply.resume()
        said(live_reply, "a")
    refused = runner.start(LiveReply(), sources[3])
    assert refused.state == "failed"


def test_close_ends_paused_replies(runner: ReplyRunner) -> None:
    live_reply = runner.start(LiveReply(), Source())
    live_reply.pause()
    runner.close()
    assert live_reply.state == "interrupted"


@pytest.mark.parametrize("seed", range(5))
def test_however_often_it_is_paused_from_many_threads_every_word_comes_once(
    runner: ReplyRunner, seed: int
) -> None:
    words = [f"{number} " for number in range(2_000)]
    asked_with: list[str] = []

    async def counting(text: str) -> AsyncGenerator[ReplyEvent]:
        asked_with.append(text)
        yield STARTED
        chance = random.Random(seed)
        for word in words[len(text.split()) :]:
            if chance.random() < 0.01:
                yield Failed("connection_lost", "Lost.")
            await asyncio.sleep(0)
            yield TextDelta(word)
        yield Finished("stop")

    done = threading.Event()
    runner._paused_seconds = 0.001
    live_reply = LiveReply()

    def press(chance: random.Random) -> None:
        while not done.is_set():
            chance.choice([live_reply.pause, live_reply.resume])()
            done.wait(chance.random() / 2_000)

    pressing = [threading.Thread(target=press, args=(random.Random(seed * 10 + n),)) for n in range(4)]
    for thread in pressing:
        thread.start()
    runner.start(live_reply, counting)
    with live_reply._condition:
        assert live_reply._condition.wait_for(lambda: not live_reply.live, 60)
    done.set()
    for thread in pressing:
        thread.join()
    events = live_reply.wait(0, timeout_seconds=0)
    text = live_reply.snapshot().text
    assert "".join(words).startswith(text)
    assert events[-1] == Finished("stop") if text == "".join(words) else isinstance(events[-1], Failed)
    assert "".join(event.content for event in events if isinstance(event, TextDelta)) == text
    assert all("".join(words).startswith(known) for known in asked_with)


@pytest.mark.anyio
async def test_a_follower_waits_through_a_pause_and_sees_every_event(runner: ReplyRunner) -> None:
    source = Source()
    live_reply = runner.start(LiveReply(), source)
    source.put(STARTED)
    seen = []
    async for number, event in live_reply.events():
        seen.append((number, event))
        if number == 1:
            live_reply.pause()
            source.put(TextDelta("a"), Finished("stop"))
            asyncio.get_running_loop().call_later(0.05, live_reply.resume)
    assert seen == [(1, STARTED), (2, TextDelta("a")), (3, Finished("stop"))]


def test_a_silent_provider_is_given_up_during_a_pause_and_asked_again_after_it(
    fake: FakeProvider, runner: ReplyRunner, asked: Asked
) -> None:
    fake.enqueue(hang(), tokens(["one"]))
    live_reply = runner.start(LiveReply(), asked)
    fake.wait_for_chats()
    live_reply.pause()
    assert fake.wait_for_disconnect(WAIT)
    assert live_reply.state == "paused"
    live_reply.resume()
    assert over(live_reply)[-1] == Finished("stop")
    assert live_reply.snapshot().text == "one"
