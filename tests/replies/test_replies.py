"""Replies from persona and path: who is asked and what, what it costs, and what the model remembers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from personachat.conversations.model import Reply, SentRequest, Turn
from personachat.errors import ModelNotFound
from personachat.messages import (
    Failed,
    Finished,
    Noticed,
    ReplyEvent,
    Started,
    TextDelta,
    Usage,
    UsageReported,
)
from personachat.personas.persona import Persona
from personachat.providers import registry as registry_module
from personachat.providers.embedded.provider import MODEL_NAME
from personachat.providers.registry import ProviderRegistry
from personachat.replies.engine import ReplyLimits
from personachat.replies.planner import ReplyPlan, ReplyPlanner
from personachat.replies.request_code import RequestBody
from personachat.settings import Settings
from personachat.usage.pricing import cost_usd
from tests.fake_provider import FakeProvider, failure, tokens

pytestmark = pytest.mark.anyio

KEY = "sk-of-the-replies"
SUMMARY = "Grace wants tea."


@pytest.fixture
async def make(fake: FakeProvider) -> AsyncGenerator[Callable[..., ReplyPlanner]]:
    registries: list[ProviderRegistry] = []

    def made(**settings: Any) -> ReplyPlanner:
        explicit = {"openai_base_url": fake.base_url, "openai_api_key": KEY}
        registries.append(ProviderRegistry(Settings.model_validate(explicit | settings)))
        return ReplyPlanner(registries[-1], limits=ReplyLimits())

    yield made
    for registry in registries:
        await registry.aclose()


@pytest.fixture
def replies(make: Callable[..., ReplyPlanner]) -> ReplyPlanner:
    return make()


def persona(**keys: Any) -> Persona:
    required = {"id": "ada", "name": "Ada", "systemPrompt": "You help.", "model": "fake-1", "maxTokens": 50}
    return Persona.model_validate(required | keys)


def question(text: str, *, depth: int = 0) -> Turn:
    return Turn(f"q{depth}-{text[:9]}", None, "user", text, "ada", "Ada", depth=depth)


def answer(text: str, *, depth: int, **known: Any) -> Turn:
    reply = Reply(state="finished", text=text, provider="openai", model="fake-1", **known)
    return Turn(f"a{depth}-{text[:9]}", None, "assistant", "", "ada", "Ada", depth=depth, reply=reply)


def talk(exchanges: int, *, letters: int = 400) -> list[Turn]:
    """So many numbered questions and answers of about a hundred tokens, and a last question."""
    path: list[Turn] = []
    for number in range(exchanges):
        path.append(question(f"q{number} ".ljust(letters, "x"), depth=2 * number))
        path.append(answer(f"a{number} ".ljust(letters, "x"), depth=2 * number + 1))
    return [*path, question("last", depth=2 * exchanges)]


async def events_of(plan: ReplyPlan, text: str = "") -> list[ReplyEvent]:
    return [event async for event in plan.events(text)]


def words(events: Sequence[ReplyEvent]) -> str:
    return "".join(event.content for event in events if isinstance(event, TextDelta))


def notices(events: Sequence[ReplyEvent]) -> list[Noticed]:
    return [event for event in events if isinstance(event, Noticed)]


def said(body: dict[str, Any]) -> list[str]:
    return [message["content"].split(" ")[0] for message in body["messages"]]


# --- who is asked, and what -----------------------------------------------------------------------


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


# --- what it costs --------------------------------------------------------------------------------


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


# --- what the model remembers ---------------------------------------------------------------------


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


# --- summaries ------------------------------------------------------------------------------------


SUMMING = {"contextTokens": 4000, "summarize": True}


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


# --- how full it is -------------------------------------------------------------------------------


async def test_the_gauge_shows_what_the_last_reply_was_counted(replies: ReplyPlanner) -> None:
    leaf = answer("b", depth=1, usage=Usage(300, 40), memory_from=None)
    memory = replies.memory(persona(contextTokens=1000), [question("a"), leaf])

    assert (memory.used_tokens, memory.window_tokens, memory.measured) == (340, 1000, True)


@pytest.mark.parametrize(
    "leaf",
    [
        answer("b", depth=1),
        answer("b", depth=1, usage=Usage(300, None)),
        answer("b", depth=1, usage=Usage(900, 900)),
    ],
)
async def test_the_gauge_estimates_where_the_count_is_missing_or_of_more_than_fits(
    replies: ReplyPlanner, leaf: Turn
) -> None:
    memory = replies.memory(persona(contextTokens=1000), [question("a"), leaf])

    assert not memory.measured
    assert 0 < memory.used_tokens < 100


async def test_the_gauge_estimates_what_another_model_would_be_told(replies: ReplyPlanner) -> None:
    leaf = answer("b", depth=1, usage=Usage(300, 40))

    assert not replies.memory(persona(model="fake-2"), [question("a"), leaf]).measured
    assert replies.memory(persona(contextTokens=512), talk(5)).memory_from == 8


# --- what is sent ---------------------------------------------------------------------------------


async def test_the_preview_is_what_is_sent(fake: FakeProvider, replies: ReplyPlanner) -> None:
    asked = persona(contextTokens=512, topP=0.5, stop=["END"])
    preview = replies.preview(asked, talk(5))
    await events_of(replies.plan(asked, talk(5)))

    assert preview == RequestBody("openai", fake.base_url, "fake-1", fake.chats[0].body)
    assert KEY not in repr(preview)


async def test_what_was_sent_is_put_together_again(fake: FakeProvider, replies: ReplyPlanner) -> None:
    asked, path = persona(contextTokens=512, topP=0.5, stop=["END"]), talk(5)
    refusal = failure(
        400, "Unsupported parameter: 'top_p'", error_code="unsupported_parameter", param="top_p"
    )
    fake.enqueue(refusal)
    plan = replies.plan(asked, path)
    await events_of(plan)
    assert plan.request
    turn = answer("x", depth=11, memory_from=plan.first.memory_from)

    assert replies.sent_request(turn, path, plan.request).body == fake.chats[-1].body
    assert "top_p" not in fake.chats[-1].body


async def test_a_summary_that_was_sent_is_among_it(fake: FakeProvider, replies: ReplyPlanner) -> None:
    asked, path = persona(**SUMMING), talk(18)
    fake.enqueue(tokens([SUMMARY]))
    plan = replies.plan(asked, path)
    (notice,) = notices(await events_of(plan))
    assert plan.request
    turn = answer("x", depth=37, memory_from=notice.memory_from, summary=notice.summary)

    assert replies.sent_request(turn, path, plan.request).body == fake.chats[-1].body


async def test_the_preview_says_where_a_summary_will_be(replies: ReplyPlanner) -> None:
    body = replies.preview(persona(**SUMMING), talk(18)).body

    assert "summed up here" in body["messages"][1]["content"]


async def test_what_a_provider_was_sent_that_is_gone_is_still_known(replies: ReplyPlanner) -> None:
    request = SentRequest((), {"model": "m", "temperature": 0.5, "stop": ["END"]})
    turn = Turn("a", None, "assistant", "", "ada", "Ada", depth=1, reply=Reply(provider="gone", model="m"))
    sent = replies.sent_request(turn, talk(0), request)

    assert (sent.provider, sent.base_url, sent.model) == ("gone", None, "m")
    assert sent.body["messages"] == [{"role": "user", "content": "last"}]
    assert (sent.body["temperature"], sent.body["stop"]) == (0.5, ["END"])


async def test_a_preview_that_nobody_would_answer_says_why(make: Callable[..., ReplyPlanner]) -> None:
    with pytest.raises(ModelNotFound):
        make(openai_api_key=None, openai_base_url=None).preview(persona(model="no/where"), talk(0))


async def test_the_embedded_model_has_a_body_and_a_window_but_no_address(replies: ReplyPlanner) -> None:
    pytest.importorskip("xllamacpp")
    sent = replies.preview(persona(), talk(0), offline=True)

    assert (sent.provider, sent.base_url, sent.model, sent.wants_key) == ("local", None, MODEL_NAME, False)
    assert said(sent.body) == ["You", "last"]
    assert replies.memory(persona(), talk(0), offline=True).window_tokens == 8192
