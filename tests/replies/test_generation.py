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
from personachat.replies.live import Generation

STARTED = Started("acme", "gpt-x")
FIRST = Reply(provider="acme", model="gpt-x", reason="Asked for.", memory_from=4)


def ended_with(*events: ReplyEvent) -> Generation:
    generation = Generation("turn", first=FIRST, conversation_id="talk", persona_id="tester")
    for event in (STARTED, ReasoningDelta("Hm."), TextDelta("Once "), *events):
        generation.add(event)
    return generation


def events_of(generation: Generation) -> list[ReplyEvent]:
    return generation.wait(0, timeout_seconds=0)


@pytest.mark.parametrize("end", [Finished("stopped"), Finished("length"), Failed("connection_lost", "Lost.")])
def test_a_continued_reply_goes_on_where_its_end_was(end: ReplyEvent) -> None:
    earlier = ended_with(end)
    generation = Generation.continued(earlier, first=replace(FIRST, model="gpt-y", memory_from=6))
    assert (generation.id, generation.conversation_id, generation.persona_id) == ("turn", "talk", "tester")
    begun = generation.snapshot()
    assert (begun.state, begun.text, begun.model, begun.memory_from) == ("running", "Once ", "gpt-y", 6)
    assert (begun.finish_reason, begun.error) == (None, None)
    assert len(events_of(generation)) == len(events_of(earlier)) - 1
    generation.add(again := Started("acme", "gpt-y"))
    assert generation.wait(len(events_of(earlier)) - 1, timeout_seconds=0) == [again]
    generation.add(TextDelta("upon"))
    generation.add(Finished("stop"))
    assert generation.snapshot().text == "Once upon"
    assert generation.snapshot().finish_reason == "stop"
    assert events_of(earlier)[-1] == end


def test_an_interrupted_reply_goes_on_behind_its_last_event() -> None:
    earlier = ended_with()
    earlier.interrupt()
    generation = Generation.continued(earlier, first=FIRST)
    generation.add(TextDelta("upon"))
    assert events_of(generation) == [*events_of(earlier), TextDelta("upon")]


def test_what_a_continued_reply_took_adds_up() -> None:
    earlier = ended_with(UsageReported(Usage(10, 2), 0.25), Finished("length"))
    before = earlier.snapshot()
    generation = Generation.continued(earlier, first=FIRST)
    generation.add(UsageReported(Usage(13, None), 0.5))
    generation.add(Finished("stop"))
    after = generation.snapshot()
    assert after.usage == Usage(23, 2)
    assert after.cost_usd == 0.75
    assert before.duration_seconds is not None
    assert after.duration_seconds is not None
    assert after.duration_seconds > before.duration_seconds
    assert after.first_token_seconds == before.first_token_seconds
    assert after.reasoning_seconds == before.reasoning_seconds


def test_a_cost_of_which_a_part_is_not_known_is_not_known() -> None:
    generation = Generation()
    generation.add(UsageReported(Usage(1, 1), None))
    generation.add(UsageReported(Usage(1, 1), 0.5))
    assert generation.snapshot().cost_usd is None


def test_a_notice_says_from_where_on_the_model_remembers() -> None:
    generation = Generation(first=FIRST)
    generation.add(Noticed("A parameter was left out."))
    assert generation.snapshot().memory_from == 4
    generation.add(Noticed("Turns were left out.", memory_from=8, summary="They met."))
    generation.add(Noticed("Turns were left out.", memory_from=10))
    known = generation.snapshot()
    assert known.notices == ("A parameter was left out.", "Turns were left out.")
    assert (known.memory_from, known.summary) == (10, "")


@pytest.mark.anyio
async def test_a_stored_reply_can_be_watched_from_any_event() -> None:
    earlier = ended_with(TextDelta("upon"), Finished("stop"))
    reply, journal = earlier.record()
    generation = Generation.ended("turn", reply, journal, conversation_id="talk", persona_id="tester")
    assert generation.snapshot() == reply
    assert not generation.live
    assert [item async for item in generation.events(3)] == [(4, TextDelta("upon")), (5, Finished("stop"))]
    generation.stop()
    generation.pause()
    assert events_of(generation) == events_of(earlier)


@pytest.mark.anyio
async def test_an_interrupted_reply_ends_for_its_followers_without_an_event() -> None:
    generation = ended_with()
    reply, journal = generation.record()
    stored = Generation.ended("turn", replace(reply, state="interrupted"), journal)
    assert [event async for _, event in stored.events()] == events_of(generation)
    assert stored.snapshot().continuable


def test_its_version_changes_with_every_event_and_state() -> None:
    generation = Generation()
    seen = [generation.version]
    for change in (
        lambda: generation.add(STARTED),
        generation.pause,
        generation.resume,
        lambda: generation.add(TextDelta("a")),
        generation.stop,
    ):
        before = generation.version
        change()
        assert generation.version != before
        seen.append(generation.version)
    assert generation.snapshot().state == "stopped"
