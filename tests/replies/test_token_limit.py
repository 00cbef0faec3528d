"""The operator's limit on tokens, and what a refused request leaves to others, whoever asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from openai import OpenAI

from personachat.chat.completions import CompletionRequest
from personachat.messages import ChatMessage
from personachat.owners import LOCAL_OWNER
from personachat.replies.live import LiveReply
from personachat.services import Services
from tests.api.conftest import served
from tests.cli.conftest import environment, run
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, events, failure, status

__all__ = ["environment", "run"]

LIMIT = 300


def ended(live_reply: LiveReply) -> None:
    while live_reply.live:
        live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=10)


def asked(fake: FakeProvider) -> list[int | None]:
    return [request.body.get("max_tokens") for request in fake.chats]


def chat(services: Services) -> None:
    here = local(services).chat
    ended(here.send(here.start().id, "Hi", persona_id="tester"))


def try_out(services: Services) -> None:
    trying = services.trying_out(persona_text(maxTokens=100_000), owner=LOCAL_OWNER)
    ended(trying.send(trying.start(temporary=True).id, "Hi", persona_id="tester"))


def draft(services: Services) -> None:
    ended(services.drafter.start("A pirate", owner=LOCAL_OWNER, model="fake-1"))


def complete(services: Services) -> None:
    ended(
        services.completions.start(
            "tester", CompletionRequest([{"role": "user", "content": "Hi"}])
        ).live_reply
    )


def complete_long(services: Services) -> None:
    ask = CompletionRequest([{"role": "user", "content": "Hi"}], max_tokens=999_999)
    ended(services.completions.start("tester", ask).live_reply)


def go_on(services: Services) -> None:
    here = local(services).chat
    conversation = here.start()
    ended(here.send(conversation.id, "Hi", persona_id="tester"))
    ended(here.retry(conversation.id))


def sum_up(services: Services) -> None:
    services.personas.save(persona_text(maxTokens=100_000, contextTokens=2400, summarize=True))
    here = local(services).chat
    conversation = here.start()
    for _ in range(4):
        ended(here.send(conversation.id, "beta " * 700, persona_id="tester"))
    last = here.conversation(conversation.id).path[-1].reply
    assert last is not None
    assert last.summary


WAYS = [chat, try_out, draft, complete, complete_long, go_on, sum_up]


@pytest.mark.parametrize("ask", WAYS, ids=lambda ask: ask.__name__)
@pytest.mark.parametrize("setting", ["max_tokens", "api_max_tokens"])
def test_the_limit_holds_whoever_asks(
    make_services: Callable[..., Services], fake: FakeProvider, setting: str, ask: Callable[[Services], None]
) -> None:
    services = make_services(**{setting: LIMIT})
    services.personas.save(persona_text(maxTokens=100_000))
    ask(services)
    assert fake.chats
    assert max(limit or 10**9 for limit in asked(fake)) <= LIMIT


def test_the_smaller_of_two_limits_holds(make_services: Callable[..., Services], fake: FakeProvider) -> None:
    chat(make_services(max_tokens=LIMIT, api_max_tokens=200))
    assert asked(fake) == [200]


def test_the_limit_holds_over_http(make_services: Callable[..., Services], fake: FakeProvider) -> None:
    services = make_services(max_tokens=LIMIT)
    services.personas.save(persona_text(maxTokens=100_000))
    with served(services) as client:
        client.post("/chat", json={"personaId": "tester", "message": "Hi"}).read()
        with OpenAI(base_url=str(client.base_url).replace("/api/", "/v1"), api_key="x", max_retries=0) as sdk:
            sdk.chat.completions.create(
                model="tester", messages=[{"role": "user", "content": "Hi"}], max_tokens=10**6
            )
            sdk.responses.create(model="tester", input="Hi", max_output_tokens=10**6)
            sdk.responses.create(model="tester", input="Hi")
    assert asked(fake) == [LIMIT] * 4


def test_the_limit_holds_in_the_terminal(fake: FakeProvider, run: Any) -> None:
    run("chat", "--persona", "tester", "Hi", PERSONACHAT_MAX_TOKENS="7")
    assert asked(fake) == [7]


def test_the_embedded_model_is_limited_too(make_services: Callable[..., Services]) -> None:
    services = make_services(max_tokens=4)
    here = local(services).chat
    conversation = here.start()
    ended(here.send(conversation.id, "Count to a hundred.", persona_id="tester", offline=True))
    reply = here.conversation(conversation.id).path[-1].reply
    assert reply is not None
    assert reply.usage is not None
    assert (reply.usage.completion_tokens, reply.finish_reason) == (4, "length")


TOO_LARGE = "max_tokens is too large: 200000. This model supports at most 16384 completion tokens."


def test_one_who_asks_for_too_much_takes_nothing_from_others(services: Services, fake: FakeProvider) -> None:
    fake.enqueue(failure(400, TOO_LARGE, param="max_tokens"))
    complete_long(services)
    complete(services)
    chat(services)
    assert asked(fake) == [999_999, 16384, 1000, 1000]


def test_the_inspector_shows_what_was_really_sent(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    services = make_services()
    services.personas.save(persona_text(maxTokens=200_000))
    refused = "'temperature' is not supported with this model."
    fake.enqueue(failure(400, TOO_LARGE, param="max_tokens"), failure(400, refused, param="temperature"))
    here = local(services)
    conversation = here.chat.start()
    ended(here.chat.send(conversation.id, "Hi", persona_id="tester"))
    turn = here.chat.conversation(conversation.id).path[-1]
    sent = here.inspection.sent_request(turn.id)
    assert sent is not None
    assert sent.body == fake.chats[-1].body
    assert sent.body["max_tokens"] == 16384
    services.close()

    # Another process, to which the model has never refused anything.
    later = make_services()
    shown = local(later).inspection.sent_request(turn.id)
    assert shown is not None
    assert json.dumps(shown.body) == json.dumps(sent.body)


@pytest.mark.parametrize("inside", [False, True], ids=["with a status", "inside the answer"])
def test_the_inspector_shows_the_form_in_which_messages_were_sent(
    make_services: Callable[..., Services], fake: FakeProvider, *, inside: bool
) -> None:
    services = make_services()
    services.personas.save(persona_text(greeting="Welcome."))
    refusal = {"error": {"message": "Conversation roles must alternate user/assistant/..."}}
    fake.enqueue(events(refusal, done=False) if inside else status(400, body=refusal))
    here = local(services)
    opening = [ChatMessage("assistant", "Welcome.")]
    live_reply = here.chat.begin("Hi", persona_id="tester", history=opening)
    ended(live_reply)
    assert [message["role"] for message in fake.chats[-1].body["messages"]] == ["system", "user"]
    services.close()

    later = make_services()
    shown = local(later).inspection.sent_request(live_reply.id)
    assert shown is not None
    assert shown.body == fake.chats[-1].body
