"""Conversations that are too long: the oldest turns are left out, the last message never."""

from __future__ import annotations

import pytest

from personachat.errors import ContextTooLong
from personachat.messages import ChatMessage, Failed, Finished, Noticed, TextDelta
from personachat.providers.base import ChatRequest
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.replies import engine
from personachat.replies.continuation import continuing
from tests.fake_provider import FakeProvider, failure
from tests.replies.conftest import STARTED, Scripted, end_of, events_of

pytestmark = pytest.mark.anyio


def conversation(turns: int) -> ChatRequest:
    """A system message, so many turns of question and answer, and a last question."""
    said = [ChatMessage("system", "You are.")]
    for number in range(turns):
        said += [ChatMessage("user", f"q{number}"), ChatMessage("assistant", f"a{number}")]
    return ChatRequest("gpt-x", (*said, ChatMessage("user", "last")), pinned=1)


TOO_LONG = ContextTooLong("Too long.", hint="Shorten it.")


async def test_the_oldest_turns_are_left_out_and_it_is_said() -> None:
    provider = Scripted([TOO_LONG], [STARTED, TextDelta("a"), Finished("stop")])
    seen = await events_of(provider, conversation(3))
    assert [message.content for message in provider.requests[1].messages] == ["You are.", "q2", "a2", "last"]
    notice = (
        "The oldest 4 messages were left out because the conversation is longer than "
        "the model's context window."
    )
    assert seen == [STARTED, Noticed(notice, left_out=4), TextDelta("a"), Finished("stop")]


async def test_turns_are_left_out_until_it_fits_and_it_is_said_once() -> None:
    provider = Scripted([TOO_LONG], [STARTED, TOO_LONG], [STARTED, TextDelta("a"), Finished("stop")])
    seen = await events_of(provider, conversation(7))
    assert [len(request.messages) for request in provider.requests] == [16, 8, 4]
    assert [event.message.split(" left")[0] for event in seen if isinstance(event, Noticed)] == [
        "The oldest 12 messages were"
    ]


async def test_the_last_message_always_stays() -> None:
    provider = Scripted(*[[TOO_LONG]] * 9)
    seen = await events_of(provider, conversation(200))
    assert seen == [Failed("context_too_long", "Too long.", "Shorten it.")]
    assert [message.content for message in provider.requests[-1].messages] == ["You are.", "last"]
    assert len(provider.requests) == engine.SHORTENINGS + 1


async def test_a_greeting_may_be_left_out_as_well() -> None:
    request = ChatRequest("gpt-x", (ChatMessage("assistant", "Welcome"), ChatMessage("user", "last")))
    provider = Scripted([TOO_LONG], [STARTED, TextDelta("a"), Finished("stop")])
    seen = await events_of(provider, request)
    assert provider.requests[1].messages == (ChatMessage("user", "last"),)
    assert isinstance(seen[1], Noticed)
    assert seen[1].message.startswith("The oldest message was left out")


async def test_a_message_alone_that_is_too_long_fails(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(failure(400, "too long", error_code="context_length_exceeded"))
    end = await end_of(provider)
    assert isinstance(end, Failed)
    assert end.code == "context_too_long"
    assert end.hint
    assert len(fake.chats) == 1


async def test_a_reply_that_is_continued_stays_with_what_it_answers() -> None:
    provider = Scripted(*[[ContextTooLong("Too long.")]] * 4, [STARTED, Finished("stop")])
    await events_of(provider, continuing(conversation(5), "Once upon a time", prefills=False))
    question, begun, go_on = provider.requests[-1].messages[-3:]
    assert (question.role, begun.content, go_on.role) == ("user", "Once upon a time", "user")
    assert len(provider.requests[-1].messages) == provider.requests[-1].pinned + 3
