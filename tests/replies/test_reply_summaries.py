"""Turns that no longer fit are summed up before the reply."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from personachat.conversations.model import Reply, Turn
from personachat.messages import (
    Started,
    Usage,
    UsageReported,
)
from personachat.replies.planner import ReplyPlanner
from personachat.usage.pricing import cost_usd
from tests.fake_provider import FakeProvider, failure, tokens
from tests.replies.planning import (
    SUMMARY,
    SUMMING,
    answer,
    events_of,
    notices,
    persona,
    question,
    said,
    talk,
    words,
)

pytestmark = pytest.mark.anyio


async def test_turns_that_do_not_fit_are_summed_up_before_the_reply(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    fake.enqueue(tokens([SUMMARY]))
    plan = replies.plan(persona(**SUMMING), talk(18))
    events = await events_of(plan)
    summing, asked = (request.body for request in fake.chats)

    assert "User: q0" in summing["messages"][-1]["content"]
    assert "Ada: a0" in summing["messages"][-1]["content"]
    assert "last" not in summing["messages"][-1]["content"]
    assert (summing["temperature"], summing["max_tokens"]) == (0.3, 400)
    assert asked["messages"][:2] == [
        {"role": "system", "content": "You help."},
        {"role": "system", "content": f"Summary of the conversation so far:\n{SUMMARY}"},
    ]
    (notice,) = notices(events)
    assert isinstance(events[0], Started)
    assert events[1] == notice
    assert (notice.message, notice.summary) == ("Earlier turns were summarized.", SUMMARY)
    assert notice.memory_from is not None
    assert said(asked)[2] == f"q{notice.memory_from // 2}"
    assert f"q{notice.memory_from // 2} " not in summing["messages"][-1]["content"]
    assert plan.first.memory_from is None


async def test_another_reply_to_the_same_message_uses_the_same_summary(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    fake.enqueue(tokens([SUMMARY]))
    first = notices(await events_of(replies.plan(persona(**SUMMING), talk(18))))
    second = notices(await events_of(replies.plan(persona(**SUMMING), talk(18))))

    assert first == second
    assert len(fake.chats) == 3


async def test_the_rest_of_a_reply_is_told_the_same_summary_without_another_word(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    fake.enqueue(tokens([SUMMARY]), tokens(["one pot"]))
    plan = replies.plan(persona(**SUMMING), talk(18))
    await events_of(plan)
    events = await events_of(plan, "one pot")

    assert len(fake.chats) == 3
    assert SUMMARY in fake.chats[2].body["messages"][1]["content"]
    assert notices(events) == []


async def conversation_with_summaries(
    fake: FakeProvider, replies: ReplyPlanner, *, exchanges: int
) -> tuple[list[Turn], list[int]]:
    """Goes on with a conversation; returns it, and at which exchanges a summary was made."""
    path: list[Turn] = []
    summed_up = []
    for number in range(exchanges):
        path.append(question(f"q{number} ".ljust(400, "x"), depth=len(path)))
        before = len(fake.chats)
        plan = replies.plan(persona(**SUMMING), path)
        reply = plan.first
        for notice in notices(await events_of(plan)):
            reply = Reply(memory_from=notice.memory_from, summary=notice.summary)
        if len(fake.chats) - before == 2:
            summed_up.append(number)
        known = {"memory_from": reply.memory_from, "summary": reply.summary}
        path.append(answer(f"a{number} ".ljust(400, "x"), depth=len(path), **known))
    return path, summed_up


async def test_a_summary_serves_for_several_turns_and_goes_into_the_next(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    path, summed_up = await conversation_with_summaries(fake, replies, exchanges=32)

    gaps = [later - earlier for earlier, later in pairwise(summed_up)]
    assert len(summed_up) >= 2
    assert min(gaps) >= 4
    prompts = [
        chat.body["messages"][-1]["content"] for chat in fake.chats if chat.body.get("temperature") == 0.3
    ]
    assert not prompts[0].startswith("Summary of what came before")
    assert all(prompt.startswith("Summary of what came before:\n") for prompt in prompts[1:])
    reused = path[2 * summed_up[0] + 3].reply
    made = path[2 * summed_up[0] + 1].reply
    assert made
    assert reused
    assert (reused.summary, reused.memory_from) == (made.summary, made.memory_from)


async def test_after_a_restart_the_summary_on_the_path_is_used(
    fake: FakeProvider, make: Callable[..., ReplyPlanner]
) -> None:
    path, summed_up = await conversation_with_summaries(fake, make(), exchanges=32)
    place = 2 * summed_up[0] + 3
    asked = len(fake.chats)
    await events_of(make().plan(persona(**SUMMING), path[:place]))

    assert len(fake.chats) == asked + 1
    assert fake.chats[-1].body["messages"][1]["content"].startswith("Summary of the conversation so far")


@pytest.mark.parametrize("bad", [failure(400, "No."), tokens([], usage=None)])
async def test_where_summing_up_fails_turns_are_dropped_and_it_is_said(
    fake: FakeProvider, replies: ReplyPlanner, bad: Any
) -> None:
    fake.enqueue(bad)
    events = await events_of(replies.plan(persona(**SUMMING), talk(18)))
    (notice,) = notices(events)

    assert notice.message.startswith("Earlier turns were left out because they couldn't be summarized: ")
    assert notice.summary == ""
    assert notice.memory_from is not None
    assert said(fake.chats[-1].body)[:2] == ["You", f"q{notice.memory_from // 2}"]
    assert words(events) == "You said: last"


async def test_summing_up_is_paid_for_with_the_reply(fake: FakeProvider, replies: ReplyPlanner) -> None:
    fake.enqueue(tokens([SUMMARY], usage=(800, 40)), tokens(["a"], usage=(500, 20)))
    events = await events_of(replies.plan(persona(model="gpt-4", **SUMMING), talk(18)))
    (reported,) = [event for event in events if isinstance(event, UsageReported)]
    parts = [cost_usd("openai", "gpt-4", usage) for usage in (Usage(800, 40), Usage(500, 20))]

    assert reported.usage == Usage(500, 20)
    assert reported.cost_usd == pytest.approx(sum(part or 0 for part in parts))


async def test_without_being_told_to_nobody_sums_up(fake: FakeProvider, replies: ReplyPlanner) -> None:
    await events_of(replies.plan(persona(contextTokens=4000), talk(18)))

    assert len(fake.chats) == 1
