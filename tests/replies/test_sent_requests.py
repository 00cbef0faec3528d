"""What a reply sends: the preview, what was sent earlier, and how full the window is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.conversations.model import Reply, SentRequest, Turn
from personachat.errors import ModelNotFound
from personachat.messages import (
    Usage,
)
from personachat.providers.embedded.provider import MODEL_NAME
from personachat.replies.planner import ReplyPlanner
from personachat.replies.request_code import RequestBody
from tests.fake_provider import FakeProvider, failure, tokens
from tests.replies.planning import (
    KEY,
    SUMMARY,
    SUMMING,
    answer,
    events_of,
    notices,
    persona,
    question,
    said,
    talk,
)

pytestmark = pytest.mark.anyio


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
