"""Strict chat templates: what they refuse is put into a form that they take, and remembered for the model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from personachat.errors import ProviderUnavailable, RequestRefused
from personachat.messages import ChatMessage, Noticed, Role, Started
from personachat.providers.base import ChatRequest
from personachat.providers.openai.folding import ALTERNATING, PLAIN, WITHOUT_SYSTEM, folded, next_form
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.providers.openai.reports import Report
from personachat.providers.openai.request import REMEMBERED_SECONDS
from tests.fake_provider import FakeProvider, Reply, events, failure, status, tokens
from tests.providers.conftest import KEY, events_of, reply_of

pytestmark = pytest.mark.anyio

ALTERNATE = (
    "After the optional system message, conversation roles must alternate user/assistant/user/assistant/..."
)


def message(role: Role, content: str) -> ChatMessage:
    return ChatMessage(role, content)


def wire(*pairs: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in pairs]


GREETED = ChatRequest(
    "gemma",
    (message("system", "Be brief."), message("assistant", "Welcome."), message("user", "Hi")),
    pinned=1,
)
TALK = replace(GREETED, messages=(GREETED.messages[0], GREETED.messages[2]))


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
async def provider(fake: FakeProvider, now: list[float]) -> AsyncIterator[OpenAICompatibleProvider]:
    made = OpenAICompatibleProvider(
        "acme", base_url=fake.base_url, api_key=SecretStr(KEY), clock=lambda: now[0]
    )
    yield made
    await made.aclose()


def roles(fake: FakeProvider) -> list[list[str]]:
    return [[message["role"] for message in request.body["messages"]] for request in fake.chats]


SAID_FIRST = "You have begun the conversation; your first words to the user were:\n"


def test_a_greeting_becomes_what_was_said_first() -> None:
    plain = wire(("system", "Be brief."), ("assistant", "Welcome."), ("user", "Hi"))
    assert folded(plain, PLAIN, pinned=1) == plain
    system = f"Be brief.\n\n{SAID_FIRST}Welcome."
    assert folded(plain, ALTERNATING, pinned=1) == wire(("system", system), ("user", "Hi"))
    assert folded(plain, WITHOUT_SYSTEM, pinned=1) == wire(("user", f"{system}\n\nHi"))


def test_examples_stay_examples_and_the_greeting_behind_them_does_not_join_them() -> None:
    plain = wire(
        ("system", "S"), ("user", "Ping?"), ("assistant", "Pong."), ("assistant", "Welcome."), ("user", "Hi")
    )
    assert folded(plain, ALTERNATING, pinned=3) == wire(
        ("system", f"S\n\n{SAID_FIRST}Welcome."),
        ("user", "Ping?"),
        ("assistant", "Pong."),
        ("user", "Hi"),
    )


def test_neighbours_of_one_role_are_joined_and_system_messages_merged() -> None:
    plain = wire(
        ("system", "S"),
        ("user", "a"),
        ("user", "b"),
        ("assistant", "c"),
        ("system", "T"),
        ("user", "d"),
    )
    assert folded(plain, ALTERNATING, pinned=1) == wire(
        ("system", "S\n\nT"), ("user", "a\n\nb"), ("assistant", "c"), ("user", "d")
    )


def test_pictures_stay_parts_and_calls_of_tools_stay_as_they_are() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:,"}}
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]}
    result = {"role": "tool", "tool_call_id": "a", "content": "42"}
    plain = [
        *wire(("system", "S"), ("developer", "D"), ("user", "Look:"), ("user", [picture])),
        call,
        result,
        *wire(("assistant", "x"), ("user", "y")),
    ]
    text = {"type": "text", "text": "Look:"}
    turns = [call, result, *wire(("assistant", "x"), ("user", "y"))]
    assert folded(plain, ALTERNATING, pinned=1) == [
        *wire(("system", "S\n\nD"), ("user", [text, picture])),
        *turns,
    ]
    system = {"type": "text", "text": "S\n\nD"}
    told = folded(plain, WITHOUT_SYSTEM, pinned=1)
    assert told[0]["content"][-2:] == [text, picture]
    assert "".join(part.get("text", "") for part in told[0]["content"]).startswith("SD")
    assert system not in told
    assert told[1:] == turns


def test_without_any_turn_of_the_users_the_system_message_is_one() -> None:
    assert folded(wire(("system", "S")), WITHOUT_SYSTEM, pinned=1) == wire(("user", "S"))


turns_ = st.lists(
    st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text("abc", min_size=1, max_size=4)),
    min_size=1,
    max_size=8,
)


@given(turns_, st.integers(0, 3))
@settings(max_examples=300, deadline=None)
def test_every_word_is_told_and_the_roles_take_turns(turns: list[tuple[str, str]], pinned: int) -> None:
    marked = [(role, f"<{number}:{text}>") for number, (role, text) in enumerate(turns)]
    plain = wire(*marked)
    for form in (ALTERNATING, WITHOUT_SYSTEM):
        told = folded(plain, form, pinned=pinned)
        everything = "".join(each["content"] for each in told)
        assert all(everything.count(text) == 1 for _, text in marked)
        said = [each["role"] for each in told if each["role"] != "system"]
        assert all(role == ("assistant" if at % 2 else "user") for at, role in enumerate(said))
        assert [each["role"] for each in told].count("system") <= (form == ALTERNATING)
        assert folded(told, form, pinned=0) == told or form == ALTERNATING


@pytest.mark.parametrize(
    "text",
    [
        ALTERNATE,
        "Conversation roles must alternate user/assistant/user/assistant/...",
        'messages: roles must alternate between "user" and "assistant", but found multiple "user" in a row',
        "A conversation must start with a user message. Try again with a conversation that starts with one.",
        "Expected the first message to be ... conversations start with a 'user' role.",
        "System message must be at the beginning.",
        "Only one system message is allowed.",
        "Unexpected role 'system' after role 'user'",
        'Error rendering prompt with jinja template: "Something".',
        "Failed to apply chat template: raise_exception",
    ],
)
def test_a_template_that_wants_turns_is_known_in_every_wording(text: str) -> None:
    plain = wire(("system", "S"), ("assistant", "W"), ("user", "a"))
    assert next_form(Report(text), plain, form=PLAIN, pinned=1) == ALTERNATING
    assert next_form(Report(text), plain, form=ALTERNATING, pinned=1) == WITHOUT_SYSTEM
    assert next_form(Report(text), plain, form=WITHOUT_SYSTEM, pinned=1) is None


@pytest.mark.parametrize(
    "text",
    [
        "System role not supported",
        "The system role is not supported by this model.",
        "This model doesn't support system messages.",
        "Developer instruction is not enabled for models/gemma-3-27b-it",
        "Unknown role: system",
        "Only user and assistant roles are supported!",
        "messages.0.role: Input should be 'user' or 'assistant'; role must be 'user' or 'assistant'",
        "This model doesn't support system prompts",
    ],
)
def test_a_model_without_a_system_role_is_known_in_every_wording(text: str) -> None:
    plain = wire(("system", "S"), ("user", "a"))
    assert next_form(Report(text), plain, form=PLAIN, pinned=1) == WITHOUT_SYSTEM


@pytest.mark.parametrize(
    "text",
    [
        "Overheated.",
        "max_tokens is too large",
        "The model is not supported.",
        "Invalid API key",
        "Bad request",
    ],
)
def test_other_refusals_are_not_taken_for_one_of_a_template(text: str) -> None:
    plain = wire(("system", "S"), ("assistant", "W"), ("user", "a"))
    assert next_form(Report(text), plain, form=PLAIN, pinned=1) is None


async def test_a_model_that_takes_the_plain_form_gets_it(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    await reply_of(provider, GREETED)
    assert roles(fake) == [["system", "assistant", "user"]]


REFUSALS: Sequence[Callable[[], Reply]] = (
    lambda: failure(400, ALTERNATE),
    lambda: failure(422, ALTERNATE),
    lambda: status(500, body={"error": {"code": 500, "message": f"Jinja Exception: {ALTERNATE}"}}),
    lambda: status(200, body={"error": {"message": ALTERNATE}}),
    lambda: events({"error": {"message": ALTERNATE}}, done=False),
)


@pytest.mark.parametrize("refuse", REFUSALS, ids=["400", "422", "500", "JSON with 200", "in the stream"])
async def test_what_is_refused_is_folded_once_and_remembered_for_the_model(
    fake: FakeProvider, provider: OpenAICompatibleProvider, refuse: Callable[[], Reply]
) -> None:
    fake.enqueue(refuse(), tokens(["Hello."]))
    seen, error = await events_of(provider, GREETED)
    assert error is None
    assert not any(isinstance(event, Noticed) for event in seen)
    assert [event.form for event in seen if isinstance(event, Started)][-1] == ALTERNATING
    assert provider.body(GREETED) == fake.chats[-1].body
    await reply_of(provider, GREETED)
    assert roles(fake) == [["system", "assistant", "user"], ["system", "user"], ["system", "user"]]
    await reply_of(provider, replace(GREETED, model="another"))
    assert roles(fake)[-1] == ["system", "assistant", "user"]


async def test_the_plain_form_is_tried_again_after_an_hour(
    fake: FakeProvider, provider: OpenAICompatibleProvider, now: list[float]
) -> None:
    fake.enqueue(failure(400, ALTERNATE))
    await reply_of(provider, GREETED)
    now[0] += REMEMBERED_SECONDS + 1
    await reply_of(provider, GREETED)
    assert roles(fake)[-1] == ["system", "assistant", "user"]


async def test_a_template_that_refuses_turns_and_system_gets_neither(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(failure(400, ALTERNATE), failure(400, "System role not supported"))
    await reply_of(provider, GREETED)
    await reply_of(provider, TALK)
    assert roles(fake) == [["system", "assistant", "user"], ["system", "user"], ["user"], ["user"]]


async def test_a_server_that_refuses_every_form_is_told_and_nothing_is_remembered(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(*[failure(400, ALTERNATE)] * 3)
    _, error = await events_of(provider, GREETED)
    assert isinstance(error, RequestRefused)
    assert len(fake.chats) == 3
    await reply_of(provider, GREETED)
    assert roles(fake)[-1] == ["system", "assistant", "user"]


async def test_an_ordinary_fault_of_the_server_is_no_refusal(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    fake.enqueue(status(500, body={"error": {"message": "Out of memory."}}))
    _, error = await events_of(provider, GREETED)
    assert isinstance(error, ProviderUnavailable)
    assert len(fake.chats) == 1


async def test_a_parameter_and_a_form_may_both_be_refused(
    fake: FakeProvider, provider: OpenAICompatibleProvider
) -> None:
    unsupported = failure(400, "'temperature' is not supported with this model.", param="temperature")
    fake.enqueue(failure(400, ALTERNATE), unsupported)
    await reply_of(provider, replace(GREETED, temperature=0.7))
    assert roles(fake)[-1] == ["system", "user"]
    assert "temperature" not in fake.chats[-1].body
