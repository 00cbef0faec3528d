"""One reply as a value that grows: continued, rebuilt, and added up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from personachat.conversations.model import Reply
from personachat.messages import (
    Failed,
    Finished,
    Noticed,
    ReasoningDelta,
    ReplyEvent,
    Started,
    TextDelta,
    Usage,
    UsageReported,
)
from personachat.replies.live import LiveReply

STARTED = Started("acme", "gpt-x")
FIRST = Reply(provider="acme", model="gpt-x", reason="Asked for.", memory_from=4)


def ended_with(*events: ReplyEvent) -> LiveReply:
    live_reply = LiveReply("turn", first=FIRST, conversation_id="talk", persona_id="tester")
    for event in (STARTED, ReasoningDelta("Hm."), TextDelta("Once "), *events):
        live_reply.add(event)
    return live_reply


def events_of(live_reply: LiveReply) -> list[ReplyEvent]:
    return live_reply.wait(0, timeout_seconds=0)


@pytest.mark.parametrize("end", [Finished("stopped"), Finished("length"), Failed("connection_lost", "Lost.")])
def test_a_continued_reply_goes_on_where_its_end_was(end: ReplyEvent) -> None:
    earlier = ended_with(end)
    live_reply = LiveReply.continued(earlier, first=replace(FIRST, model="gpt-y", memory_from=6))
    assert (live_reply.id, live_reply.conversation_id, live_reply.persona_id) == ("turn", "talk", "tester")
    begun = live_reply.snapshot()
    assert (begun.state, begun.text, begun.model, begun.memory_from) == ("running", "Once ", "gpt-y", 6)
    assert (begun.finish_reason, begun.error) == (None, None)
    assert len(events_of(live_reply)) == len(events_of(earlier)) - 1
    live_reply.add(again := Started("acme", "gpt-y"))
    assert live_reply.wait(len(events_of(earlier)) - 1, timeout_seconds=0) == [again]
    live_reply.add(TextDelta("upon"))
    live_reply.add(Finished("stop"))
    assert live_reply.snapshot().text == "Once upon"
    assert live_reply.snapshot().finish_reason == "stop"
    assert events_of(earlier)[-1] == end


def test_an_interrupted_reply_goes_on_behind_its_last_event() -> None:
    earlier = ended_with()
    earlier.interrupt()
    live_reply = LiveReply.continued(earlier, first=FIRST)
    live_reply.add(TextDelta("upon"))
    assert events_of(live_reply) == [*events_of(earlier), TextDelta("upon")]


def test_what_a_continued_reply_took_adds_up() -> None:
    earlier = ended_with(UsageReported(Usage(10, 2), 0.25), Finished("length"))
    before = earlier.snapshot()
    live_reply = LiveReply.continued(earlier, first=FIRST)
    live_reply.add(UsageReported(Usage(13, None), 0.5))
    live_reply.add(Finished("stop"))
    after = live_reply.snapshot()
    assert after.usage == Usage(23, 2)
    assert after.cost_usd == 0.75
    assert before.duration_seconds is not None
    assert after.duration_seconds is not None
    assert after.duration_seconds > before.duration_seconds
    assert after.first_token_seconds == before.first_token_seconds
    assert after.reasoning_seconds == before.reasoning_seconds


def test_a_cost_of_which_a_part_is_not_known_is_not_known() -> None:
    live_reply = LiveReply()
    live_reply.add(UsageReported(Usage(1, 1), None))
    live_reply.add(UsageReported(Usage(1, 1), 0.5))
    assert live_reply.snapshot().cost_usd is None


def test_a_notice_says_from_where_on_the_model_remembers() -> None:
    live_reply = LiveReply(first=FIRST)
    live_reply.add(Noticed("A parameter was left out."))
    assert live_reply.snapshot().memory_from == 4
    live_reply.add(Noticed("Turns were left out.", memory_from=8, summary="They met."))
    live_reply.add(Noticed("Turns were left out.", memory_from=10))
    known = live_reply.snapshot()
    assert known.notices == ("A parameter was left out.", "Turns were left out.")
    assert (known.memory_from, known.summary) == (10, "")


@pytest.mark.anyio
async def test_a_stored_reply_can_be_watched_from_any_event() -> None:
    earlier = ended_with(TextDelta("upon"), Finished("stop"))
    reply, journal = earlier.record()
    live_reply = LiveReply.ended("turn", reply, journal, conversation_id="talk", persona_id="tester")
    assert live_reply.snapshot() == reply
    assert not live_reply.live
    assert [item async for item in live_reply.events(3)] == [(4, TextDelta("upon")), (5, Finished("stop"))]
    live_reply.stop()
    live_reply.pause()
    assert events_of(live_reply) == events_of(earlier)


@pytest.mark.anyio
async def test_an_interrupted_reply_ends_for_its_followers_without_an_event() -> None:
    live_reply = ended_with()
    reply, journal = live_reply.record()
    stored = LiveReply.ended("turn", replace(reply, state="interrupted"), journal)
    assert [event async for _, event in stored.events()] == events_of(live_reply)
    assert stored.snapshot().continuable


def test_its_version_changes_with_every_event_and_state() -> None:
    live_reply = LiveReply()
    seen = [live_reply.version]
    for change in (
        lambda: live_reply.add(STARTED),
        live_reply.pause,
        live_reply.resume,
        lambda: live_reply.add(TextDelta("a")),
        live_reply.stop,
    ):
        before = live_reply.version
        change()
        assert live_reply.version != before
        seen.append(live_reply.version)
    assert live_reply.snapshot().state == "stopped"
