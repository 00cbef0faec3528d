"""Replies from persona and path: who is asked and what, what it costs, and what the model remembers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.conversations.model import Reply
from personachat.messages import (
    Failed,
    Finished,
    Noticed,
    Started,
    Usage,
    UsageReported,
)
from personachat.providers import registry as registry_module
from personachat.replies.planner import ReplyPlanner
from tests.fake_provider import FakeProvider, failure, tokens
from tests.replies.planning import answer, events_of, notices, persona, question, said, talk, words

pytestmark = pytest.mark.anyio


async def test_the_path_is_asked_after_the_persona_s_own_messages(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    examples = [{"user": "2+2", "assistant": "4"}]
    plan = replies.plan(persona(examples=examples), talk(1))
    events = await events_of(plan)

    assert said(fake.chats[0].body) == ["You", "2+2", "4", "q0", "a0", "last"]
    assert words(events) == "You said: last"
    assert (plan.first.provider, plan.first.model, plan.first.reason) == ("openai", "fake-1", "")
    assert plan.first.memory_from is None


async def test_nothing_is_asked_before_the_events_are_wanted(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    replies.plan(persona(), talk(1)).events("")

    assert fake.requests == []


async def test_turns_without_words_are_not_asked(fake: FakeProvider, replies: ReplyPlanner) -> None:
    await events_of(replies.plan(persona(), [question("one"), answer("", depth=1), question("two", depth=2)]))

    assert said(fake.chats[0].body) == ["You", "one", "two"]


async def test_another_model_may_be_asked_than_the_persona_s(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    plan = replies.plan(persona(), talk(0), model="fake-2")
    await events_of(plan)

    assert fake.chats[0].body["model"] == plan.first.model == "fake-2"


async def test_where_nobody_can_answer_the_only_event_says_why(
    make: Callable[..., ReplyPlanner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_module, "embedded_model_installed", lambda _file: False)
    nobody = make(openai_api_key=None, openai_base_url=None)
    plan = nobody.plan(persona(), talk(0))
    (only,) = await events_of(plan)

    assert isinstance(only, Failed)
    assert only.code == "no_model_available"
    assert plan.request is None
    assert plan.first == Reply(model="fake-1")
    assert nobody.memory(persona(contextTokens=300), talk(2)).window_tokens == 300


async def test_the_default_model_stands_in_for_one_the_provider_does_not_have(
    fake: FakeProvider, make: Callable[..., ReplyPlanner]
) -> None:
    replies = make(default_model="fake-2")
    fake.enqueue(failure(404, "no", error_code="model_not_found"))
    events = await events_of(replies.plan(persona(), talk(0)))

    assert events[0] == Started("openai", "fake-2")
    assert events[1] == Noticed(
        "fake-1 is not among the provider's models, so the default model fake-2 answers."
    )
    assert events[-1] == Finished("stop")
    assert replies.plan(persona(), talk(0)).first.model == "fake-2"


async def test_the_rest_of_a_reply_is_asked_for_and_joined(fake: FakeProvider, replies: ReplyPlanner) -> None:
    fake.enqueue(tokens(["a pot of tea ", "and a cup."]))
    events = await events_of(replies.plan(persona(), talk(0)), "I would like a pot of tea ")

    *_, asked, begun, more = fake.chats[0].body["messages"]
    assert asked == {"role": "user", "content": "last"}
    assert begun == {"role": "assistant", "content": "I would like a pot of tea "}
    assert more["role"] == "user"
    assert words(events) == "and a cup."


async def test_a_reply_is_priced_by_its_model(fake: FakeProvider, replies: ReplyPlanner) -> None:
    fake.enqueue(tokens(["a"], usage=(1_000, 500)))
    events = await events_of(replies.plan(persona(model="gpt-4o"), talk(0)))

    assert UsageReported(Usage(1_000, 500), cost_usd=0.0075) in events


async def test_a_model_without_a_price_is_not_taken_for_free(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    fake.enqueue(tokens(["a"], usage=(1_000, 500)))

    assert UsageReported(Usage(1_000, 500), cost_usd=None) in await events_of(
        replies.plan(persona(), talk(0))
    )


async def test_the_persona_s_own_limit_drops_the_oldest_turns(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    plan = replies.plan(persona(contextTokens=512), talk(5))
    await events_of(plan)

    assert said(fake.chats[0].body) == ["You", "q4", "a4", "last"]
    assert plan.first.memory_from == 8
    assert plan.first.summary == ""


async def test_the_window_of_the_price_list_counts_without_asking_anybody(replies: ReplyPlanner) -> None:
    plan = replies.plan(persona(model="gpt-4"), talk(60))  # 8,192 tokens

    assert plan.first.memory_from is not None
    assert replies.plan(persona(model="gpt-4o"), talk(60)).first.memory_from is None
    assert replies.plan(persona(), talk(60)).first.memory_from is None


async def test_what_a_server_said_of_its_window_is_kept_to_from_then_on(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    fake.enqueue(failure(400, "This model's maximum context length is 700 tokens."))
    await events_of(replies.plan(persona(), talk(6)))
    plan = replies.plan(persona(), talk(6))
    await events_of(plan)

    assert said(fake.chats[-1].body) == ["You", "q4", "a4", "q5", "a5", "last"]
    assert plan.first.memory_from == 8
    assert len(fake.chats) == 3
    assert replies.plan(persona(model="fake-2"), talk(6)).first.memory_from is None


async def test_the_smallest_of_all_windows_counts(fake: FakeProvider, replies: ReplyPlanner) -> None:
    fake.enqueue(failure(400, "This model's maximum context length is 5000 tokens."))
    await events_of(replies.plan(persona(model="gpt-4"), talk(0)))

    assert replies.memory(persona(model="gpt-4"), talk(0)).window_tokens == 5000
    assert replies.memory(persona(model="gpt-4", contextTokens=400), talk(0)).window_tokens == 400


async def test_what_the_engine_leaves_out_is_told_as_a_depth(
    fake: FakeProvider, replies: ReplyPlanner
) -> None:
    too_long = failure(400, "too long", error_code="context_length_exceeded")
    fake.enqueue(too_long, too_long)
    path = [*talk(3)[:2], answer("", depth=2), *[question("q1", depth=3), answer("a1", depth=4)]]
    (notice,) = notices(await events_of(replies.plan(persona(), [*path, question("last", depth=5)])))

    assert said(fake.chats[-1].body) == ["You", "last"]
    assert notice.message.startswith("The oldest 4 messages were left out")
    assert (notice.memory_from, notice.left_out) == (5, 0)


async def test_a_small_window_of_the_stand_in_counts_for_it(
    fake: FakeProvider, make: Callable[..., ReplyPlanner]
) -> None:
    replies = make(default_model="gpt-4")
    fake.enqueue(failure(404, "no", error_code="model_not_found"))
    (notice,) = notices(await events_of(replies.plan(persona(), talk(60))))

    assert notice.message.endswith("so the default model gpt-4 answers.")
    assert notice.memory_from is not None
    assert len(fake.chats[1].body["messages"]) < len(fake.chats[0].body["messages"])
