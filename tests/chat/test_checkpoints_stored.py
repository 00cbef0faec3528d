"""Two processes on one database: what one generates, the other follows, pauses, stops and continues."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from personachat.chat.checkpoints import Checkpoints
from personachat.history.filters import Filters
from personachat.history.sharing import SharedConversations
from personachat.messages import Finished, ReplyEvent, Started, TextDelta, TurnState
from personachat.owners import LOCAL_OWNER
from personachat.replies.live import LiveReply
from personachat.services import Services
from tests.fake_provider import FakeProvider, Gate, tokens

WAIT = 15


def until(live_reply: LiveReply, state: TurnState, text: str) -> None:
    with live_reply.followed(), live_reply._condition:
        there = lambda: (live_reply.state, live_reply._draft.reply().text) == (state, text)  # noqa: E731  # shorter here than a function
        assert live_reply._condition.wait_for(there, WAIT), live_reply.snapshot()


class Pair:
    """Services twice over the same folders, and a reply that has come as far as a gate."""

    def __init__(self, fake: FakeProvider, make_services: Callable[..., Services]) -> None:
        self.gate = Gate()
        fake.enqueue(tokens(["Once", self.gate, " upon", " a time"]), tokens([" and", " again"]))
        self.services = [make_services(), make_services()]
        here, there = (services.of(LOCAL_OWNER).chat for services in self.services)
        self.conversation_id = here.start().id
        self.here = here.send(self.conversation_id, "Tell me", persona_id="tester")
        until(self.here, "running", "Once")
        self.there = there.live_reply(self.here.id)
        assert self.there is not self.here
        until(self.there, "running", "Once")


@pytest.fixture
def pair(fake: FakeProvider, make_services: Callable[..., Services]) -> Pair:
    return Pair(fake, make_services)


@pytest.mark.anyio
async def test_a_reply_is_followed_from_another_process_event_by_event(pair: Pair) -> None:
    async def watch() -> list[tuple[int, ReplyEvent]]:
        return [item async for item in pair.there.events()]

    watching = asyncio.create_task(watch())
    pair.gate.open()
    seen = await asyncio.wait_for(watching, WAIT)
    assert seen == [item async for item in pair.here.events()]
    assert pair.there.snapshot() == pair.here.snapshot()


def test_a_reply_is_paused_resumed_and_stopped_from_another_process(pair: Pair) -> None:
    pair.there.pause()
    until(pair.here, "paused", "Once")
    until(pair.there, "paused", "Once")
    pair.gate.open()
    pair.there.resume()
    until(pair.there, "finished", "Once upon a time")


def test_a_reply_stopped_by_another_process_is_continued_there(pair: Pair) -> None:
    pair.there.stop()
    until(pair.here, "stopped", "Once")
    until(pair.there, "stopped", "Once")
    services = pair.services[1]
    chat = services.of(LOCAL_OWNER).chat
    live_reply = chat.continue_reply(pair.here.id)
    until(live_reply, "finished", "Once and again")
    events = live_reply.wait(0, timeout_seconds=0)
    assert [type(event) for event in events].count(Started) == 2
    assert "".join(event.content for event in events if isinstance(event, TextDelta)) == "Once and again"
    assert events[-1] == Finished("stop")
    assert services.checkpoints.flush(timeout_seconds=WAIT)
    leaf = chat.conversation(pair.conversation_id).leaf
    assert leaf
    assert leaf.text == "Once and again"


def test_what_a_restarted_process_finds_is_every_event(
    fake: FakeProvider, make_services: Callable[..., Services]
) -> None:
    services = make_services()
    chat = services.of(LOCAL_OWNER).chat
    fake.enqueue(tokens(["Once", " upon", " a time"]))
    live_reply = chat.send(chat.start().id, "Tell me", persona_id="tester")
    until(live_reply, "finished", "Once upon a time")
    services.close()
    found = make_services().of(LOCAL_OWNER).chat.live_reply(live_reply.id)
    assert found.wait(2, timeout_seconds=0) == live_reply.wait(2, timeout_seconds=0)
    assert found.snapshot() == live_reply.snapshot()


def listed(services: Services, conversation_id: str) -> str:
    summaries = services.of(LOCAL_OWNER).library.list(Filters(model="gpt-4")).conversations
    return "Albatross" if conversation_id in [each.id for each in summaries] else ""


def searched(services: Services, conversation_id: str) -> str:
    hits = services.of(LOCAL_OWNER).library.search("Albatross").hits
    return next(hit.excerpt for hit in hits if hit.conversation.id == conversation_id)


def exported(services: Services, conversation_id: str) -> str:
    return services.of(LOCAL_OWNER).library.export([conversation_id], "markdown").content.decode()


def shared(services: Services, conversation_id: str) -> str:
    share = services.of(LOCAL_OWNER).library.share(conversation_id)
    return SharedConversations(services.database).read(share.token).turns[-1].text


@pytest.mark.parametrize("read", [listed, searched, exported, shared])
def test_a_reply_that_was_seen_to_end_is_read_whole(
    read: Callable[[Services, str], str],
    fake: FakeProvider,
    make_services: Callable[..., Services],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Checkpoints, "_work", lambda _: None)  # nothing is written in the background
    services = make_services()
    fake.enqueue(tokens(["Albatross"]))
    chat = services.of(LOCAL_OWNER).chat
    conversation_id = chat.start().id
    until(chat.send(conversation_id, "Tell me", persona_id="tester"), "finished", "Albatross")
    assert "Albatross" in read(services, conversation_id)
