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
from personachat.replies.live import Generation
from personachat.replies.runner import Generations
from tests.fake_provider import Cut, FakeProvider, Gate, Hang, Reset, failure, hang, tokens

WAIT = 10
REQUEST = ChatRequest("fake-1", (ChatMessage("user", "Count"),))
STARTED = Started("acme", "fake-1")
Asked = Callable[[str], AsyncGenerator[ReplyEvent]]


@pytest.fixture
def generations() -> Iterator[Generations]:
    made = Generations(max_concurrent=2)
    yield made
    made.close()


@pytest.fixture
def asked(fake: FakeProvider, generations: Generations) -> Iterator[Asked]:
    """Asks the provider on loopback for a reply, or for the rest of one."""
    provider = OpenAICompatibleProvider("acme", base_url=fake.base_url, api_key=SecretStr("sk-x"))
    limits = ReplyLimits(2, 1, 60)

    def events(text: str) -> AsyncGenerator[ReplyEvent]:
        request = continuing(REQUEST, text, prefills=False)
        return seamless(reply(provider, request, limits=limits, retry_delays_seconds=()), text)

    yield events
    generations.ask(provider.aclose(), timeout_seconds=WAIT)


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


def until(generation: Generation, condition: Callable[[], bool]) -> None:
    """Wait for something that shows in the generation."""
    with generation._condition:
        assert generation._condition.wait_for(condition, WAIT), "it never came"


def said(generation: Generation, text: str) -> None:
    until(generation, lambda: generation.snapshot().text == text)


def over(generation: Generation) -> list[ReplyEvent]:
    until(generation, lambda: not generation.live)
    return generation.wait(0, timeout_seconds=0)


def test_while_it_is_paused_nothing_is_added_and_one_event_is_read_at_most(generations: Generations) -> None:
    source = Source()
    generation = generations.start(Generation(), source)
    source.put(STARTED, TextDelta("a"))
    said(generation, "a")
    generation.pause()
    source.put(TextDelta("b"), TextDelta("c"), Finished("stop"))
    source.wait_read(3)
    assert generation.state == "paused"
    assert generation.wait(2, timeout_seconds=0.05) == []
    assert source.read == 3
    generation.resume()
    assert over(generation) == [STARTED, *map(TextDelta, "abc"), Finished("stop")]
    assert source.texts == [""]


def test_a_reply_paused_before_it_began_is_asked_for_when_it_is_resumed(generations: Generations) -> None:
    source = Source()
    generation = Generation()
    generation.pause()
    generations.start(generation, source)
    assert generation.wait(0, timeout_seconds=0.05) == []
    assert source.texts == []
    source.put(STARTED, TextDelta("a"), Finished("stop"))
    generation.resume()
    assert over(generation) == [STARTED, TextDelta("a"), Finished("stop")]


def test_a_reply_paused_before_its_first_token_begins_with_it(
    fake: FakeProvider, generations: Generations, asked: Asked
) -> None:
    gate = Gate()
    fake.enqueue(tokens([gate, "one", " two"]))
    generation = generations.start(Generation(), asked)
    gate.wait_reached()
    generation.pause()
    gate.open()
    assert not [event for event in generation.wait(1, timeout_seconds=0.05) if isinstance(event, TextDelta)]
    generation.resume()
    over(generation)
    assert generation.snapshot().text == "one two"
    assert len(fake.chats) == 1


def test_a_pause_is_not_counted_as_time_of_the_reply(generations: Generations) -> None:
    generation = Generation()
    generation.pause()
    at = generation.elapsed_seconds
    generation.wait(0, timeout_seconds=0.02)
    assert generation.elapsed_seconds == at


def test_everyone_who_waits_is_told_of_a_pause(generations: Generations) -> None:
    generation = generations.start(Generation(), Source())
    waiting = threading.Event()
    told = threading.Event()

    def watch() -> None:
        waiting.set()
        generation.wait(0, timeout_seconds=WAIT)
        told.set()

    threading.Thread(target=watch).start()
    assert waiting.wait(WAIT)
    while not told.wait(0.05):  # it may only be about to wait
        generation.resume()
        generation.pause()


@pytest.mark.parametrize("lost", [Reset(), Cut(), Hang()])
@pytest.mark.parametrize("again", [" three four", "one two three four", "Count: one two three four"])
def test_a_provider_that_hung_up_during_a_pause_is_asked_for_the_rest(
    fake: FakeProvider, generations: Generations, asked: Asked, lost: Reset | Cut | Hang, again: str
) -> None:
    gate = Gate()
    begun = "Count: one two" if again.startswith("Count") else "one two"
    fake.enqueue(tokens([begun, gate, lost]), tokens(list(again)))
    generation = generations.start(Generation(), asked)
    said(generation, begun)
    gate.wait_reached()
    generation.pause()
    gate.open()
    generation.wait(2, timeout_seconds=0.1)
    assert generation.state == "paused"
    generation.resume()
    events = over(generation)
    assert generation.snapshot().text == begun + " three four"
    assert [message["content"] for message in fake.chats[1].body["messages"]] == ["Count", begun, GO_ON]
    assert [type(event) for event in events].count(Started) == 2
    assert events[-1] == Finished("stop")


def test_a_provider_that_hangs_up_after_a_pause_is_asked_once_more(
    fake: FakeProvider, generations: Generations, asked: Asked
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one", gate, " two", Reset()]), tokens([" three", Reset()]))
    generation = generations.start(Generation(), asked)
    said(generation, "one")
    generation.pause()
    generation.resume()
    gate.open()
    events = over(generation)
    assert generation.snapshot().text == "one two three"
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "connection_lost"
    assert len(fake.chats) == 2


def test_without_a_pause_a_lost_connection_fails_the_reply(
    fake: FakeProvider, generations: Generations, asked: Asked
) -> None:
    fake.enqueue(tokens(["one", Reset()]))
    over(generation := generations.start(Generation(), asked))
    assert generation.state == "failed"
    assert len(fake.chats) == 1


def test_what_a_pause_cannot_be_the_cause_of_fails_the_reply_after_it(
    fake: FakeProvider, generations: Generations, asked: Asked
) -> None:
    gate = Gate()
    refused = failure(401, "Bad key.")
    fake.enqueue(type(refused)(refused.steps, refused.status, refused.headers, early=[gate]))
    generation = generations.start(Generation(), asked)
    gate.wait_reached()
    generation.pause()
    gate.open()
    generation.wait(0, timeout_seconds=0.1)
    assert generation.state == "paused"
    generation.resume()
    (event,) = over(generation)
    assert isinstance(event, Failed)
    assert event.code == "api_key_refused"


def test_a_long_pause_closes_the_connection_and_the_rest_is_asked_for_then(
    fake: FakeProvider, asked: Asked, generations: Generations
) -> None:
    generations._paused_seconds = 0.05
    gate = Gate()
    fake.enqueue(tokens(["one", gate, " two", Hang()]), tokens([" three"]))
    generation = generations.start(Generation(), asked)
    said(generation, "one")
    generation.pause()
    gate.open()
    assert fake.wait_for_disconnect(WAIT)
    assert generation.snapshot().text == "one"
    assert generation.live
    generation.resume()
    over(generation)
    assert generation.snapshot().text == "one two three"
    assert fake.chats[1].body["messages"][1]["content"] == "one two"


def test_usage_of_both_requests_adds_up(fake: FakeProvider, generations: Generations, asked: Asked) -> None:
    gate = Gate()
    steps = tokens(["one", gate], usage=(3, 1), done=False)
    fake.enqueue(type(steps)([*steps.steps[:-2], *steps.steps[-1:], Cut()]), tokens([" two"], usage=(5, 2)))
    generation = generations.start(Generation(), asked)
    said(generation, "one")
    generation.pause()
    generation.resume()
    gate.open()
    over(generation)
    assert generation.snapshot().text == "one two"
    assert generation.snapshot().usage in {Usage(8, 3), Usage(5, 2)}


def test_stop_ends_a_paused_reply_at_once(generations: Generations) -> None:
    source = Source()
    ended = threading.Event()
    generation = generations.start(Generation(), source, on_ended=lambda _: ended.set())
    source.put(STARTED, TextDelta("a"))
    said(generation, "a")
    generation.pause()
    source.put(TextDelta("b"))
    source.wait_read(3)
    generation.stop()
    generation.resume()
    assert generation.state == "stopped"
    assert ended.wait(WAIT)
    assert source.closed.wait(WAIT)
    assert generation.snapshot().text == "a"
    assert generations.running == 0


def test_pausing_and_resuming_twice_is_doing_it_once() -> None:
    generation = Generation()
    for control in (generation.resume, generation.pause, generation.pause):
        control()
    assert (generation.state, generation.pauses) == ("paused", 1)
    generation.resume()
    generation.resume()
    assert (generation.state, generation.pauses) == ("running", 1)


def test_after_the_end_no_control_does_anything() -> None:
    generation = Generation()
    for control in (generation.stop, generation.stop, generation.pause, generation.resume):
        control()
    assert generation.state == "stopped"
    assert generation.wait(0, timeout_seconds=0) == [Finished("stopped")]


def test_a_paused_reply_that_nobody_keeps_ends_when_its_last_watcher_leaves(generations: Generations) -> None:
    source = Source()
    generation = generations.start(Generation(kept=False), source)
    watching: AbstractContextManager[None] = generation.followed()
    with watching:
        source.put(STARTED, TextDelta("a"))
        said(generation, "a")
        generation.pause()
    over(generation)
    assert generation.state == "stopped"


def test_a_paused_reply_gives_its_place_back_once_its_connection_is_closed(generations: Generations) -> None:
    generations._paused_seconds = 0.02
    sources = [Source() for _ in range(4)]
    held = [generations.start(Generation(), source) for source in sources[:2]]
    for generation, source in zip(held, sources, strict=False):
        source.put(STARTED)
        assert generation.wait(0, timeout_seconds=WAIT) == [STARTED]
        generation.pause()
        source.put(TextDelta("a"))
        assert source.closed.wait(WAIT)
    third = generations.start(Generation(), sources[2])
    assert third.live
    for generation in held:
        generation.resume()
        said(generation, "a")
    refused = generations.start(Generation(), sources[3])
    assert refused.state == "failed"


def test_close_ends_paused_replies(generations: Generations) -> None:
    generation = generations.start(Generation(), Source())
    generation.pause()
    generations.close()
    assert generation.state == "interrupted"


@pytest.mark.parametrize("seed", range(5))
def test_however_often_it_is_paused_from_many_threads_every_word_comes_once(
    generations: Generations, seed: int
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
    generations._paused_seconds = 0.001
    generation = Generation()

    def press(chance: random.Random) -> None:
        while not done.is_set():
            chance.choice([generation.pause, generation.resume])()
            done.wait(chance.random() / 2_000)

    pressing = [threading.Thread(target=press, args=(random.Random(seed * 10 + n),)) for n in range(4)]
    for thread in pressing:
        thread.start()
    generations.start(generation, counting)
    with generation._condition:
        assert generation._condition.wait_for(lambda: not generation.live, 60)
    done.set()
    for thread in pressing:
        thread.join()
    events = generation.wait(0, timeout_seconds=0)
    text = generation.snapshot().text
    assert "".join(words).startswith(text)
    assert events[-1] == Finished("stop") if text == "".join(words) else isinstance(events[-1], Failed)
    assert "".join(event.content for event in events if isinstance(event, TextDelta)) == text
    assert all("".join(words).startswith(known) for known in asked_with)


@pytest.mark.anyio
async def test_a_follower_waits_through_a_pause_and_sees_every_event(generations: Generations) -> None:
    source = Source()
    generation = generations.start(Generation(), source)
    source.put(STARTED)
    seen = []
    async for number, event in generation.events():
        seen.append((number, event))
        if number == 1:
            generation.pause()
            source.put(TextDelta("a"), Finished("stop"))
            asyncio.get_running_loop().call_later(0.05, generation.resume)
    assert seen == [(1, STARTED), (2, TextDelta("a")), (3, Finished("stop"))]


def test_a_silent_provider_is_given_up_during_a_pause_and_asked_again_after_it(
    fake: FakeProvider, generations: Generations, asked: Asked
) -> None:
    fake.enqueue(hang(), tokens(["one"]))
    generation = generations.start(Generation(), asked)
    fake.wait_for_chats()
    generation.pause()
    assert fake.wait_for_disconnect(WAIT)
    assert generation.state == "paused"
    generation.resume()
    assert over(generation)[-1] == Finished("stop")
    assert generation.snapshot().text == "one"
