"""What fails in a chat over HTTP: before the first event a status, after it an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from personachat.conversations.tables import conversations
from personachat.services import Services
from tests.api.conftest import served
from tests.api.wire import chatting, problem_of, said, text_of, until
from tests.fake_provider import (
    FakeProvider,
    Gate,
    chunk,
    events,
    failure,
    reset,
    status,
    tokens,
)

KEY = "sk-test-key-that-nobody-may-see"


def test_unknown_replies_are_not_found(client: httpx2.Client) -> None:
    problem_of(client.post("/chat/nothing/stop"), 404, "reply_not_found")
    problem_of(client.get("/chat/nothing/events"), 404, "reply_not_found")


@pytest.mark.parametrize(
    ("upstream", "expected", "code"),
    [
        (failure(401, "bad key"), 502, "api_key_refused"),
        (failure(404, "no such model", error_code="model_not_found"), 404, "model_not_found"),
        (failure(429, "no money", error_code="insufficient_quota"), 402, "quota_exceeded"),
        (status(302, {"Location": "http://192.0.2.1/"}), 502, "redirect_refused"),
    ],
)
def test_what_fails_before_the_first_event_is_a_status(
    client: httpx2.Client, fake: FakeProvider, services: Services, upstream: Any, expected: int, code: str
) -> None:
    fake.enqueue(upstream)
    response = client.post("/chat", json={"message": "Hi", "personaId": "tester"})
    problem_of(response, expected, code)
    assert KEY not in response.text
    with services.database.read() as connection:
        assert not connection.execute(conversations.select()).all(), "what never began is left behind"


def test_a_provider_that_wants_us_to_wait_says_how_long(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(status(429, {"Retry-After": "31"}, {"error": {"message": "slow down"}}))
    response = client.post("/chat", json={"message": "Hi", "personaId": "tester"})
    problem_of(response, 429, "rate_limited")
    assert response.headers["retry-after"] == "31"


def test_a_provider_that_is_away_is_unavailable(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(reset(), reset(), reset())
    response = client.post("/chat", json={"message": "Hi", "personaId": "tester"})
    assert response.status_code in {502, 503}
    problem_of(response, response.status_code, response.json()["code"])


def test_what_fails_after_the_first_event_is_an_event(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(events(chunk("some"), {"error": {"message": "boom"}}, done=False))
    found = said(client)
    assert text_of(found) == "some"
    assert found[-2].name == "error"
    assert found[-2].data["code"] == "stream_failed"
    assert found[-2].data["message"]
    assert found[-1].data == "[DONE]"


def test_above_the_limit_a_reply_is_refused_until_later(
    make_services: Callable[..., Services], fake: FakeProvider
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one", gate]))
    with served(make_services(max_concurrent_replies=1)) as client, chatting(client) as (_, stream):
        until(stream, "delta")
        refused = client.post("/chat", json={"message": "Hi", "personaId": "tester"})
        problem_of(refused, 429, "too_many_replies")
        assert int(refused.headers["retry-after"]) >= 1
        gate.open()
        assert list(stream)[-1].data == "[DONE]"
        assert text_of(said(client, "again")) == "You said: again"


@pytest.mark.parametrize(
    ("body", "expected", "code"),
    [
        ({"message": "Hi", "personaId": "nobody"}, 404, "persona_not_found"),
        ({"message": "Hi", "personaId": "../../etc/passwd"}, 404, "persona_not_found"),
        ({"message": "Hi", "personaId": "tester", "conversationId": "no"}, 404, "conversation_not_found"),
        ({"message": "", "personaId": "tester"}, 422, "request_invalid"),
        ({"message": " \n ", "personaId": "tester"}, 422, "message_invalid"),
        ({"message": 1, "personaId": "tester"}, 422, "request_invalid"),
        ({"message": ["Hi"], "personaId": None}, 422, "request_invalid"),
        ({"personaId": "tester"}, 422, "request_invalid"),
        ({"message": "Hi", "persona_id": "tester"}, 422, "request_invalid"),
        ({"message": "Hi", "personaId": "tester", "baseUrl": "http://192.0.2.1"}, 422, "request_invalid"),
        ({"message": "Hi", "personaId": "tester", "apiKey": "sk-x"}, 422, "request_invalid"),
        ({"message": "Hi", "personaId": "tester", "temporary": "yes"}, 422, "request_invalid"),
        ({"message": "Hi", "personaId": "tester", "model": "gpt-4"}, 422, "request_invalid"),
        ({"message": "Hi", "personaId": "tester", "conversationId": "\0"}, 404, "conversation_not_found"),
        ({"message": "Hi", "personaId": "tester", "history": {"role": "user"}}, 422, "request_invalid"),
        (
            {"message": "Hi", "personaId": "tester", "history": [{"role": "system", "content": "x"}]},
            422,
            "request_invalid",
        ),
        ([], 422, "request_invalid"),
        (None, 422, "request_invalid"),
    ],
)
def test_a_body_that_is_wrong_is_named(
    client: httpx2.Client, fake: FakeProvider, body: Any, expected: int, code: str
) -> None:
    problem_of(client.post("/chat", json=body), expected, code)
    assert not fake.chats


def test_history_and_a_conversation_exclude_each_other(client: httpx2.Client, fake: FakeProvider) -> None:
    conversation_id = said(client)[0].data["conversationId"]
    body = {"message": "Hi", "personaId": "tester", "conversationId": conversation_id}
    history = [{"role": "user", "content": "x"}]
    problem_of(client.post("/chat", json=body | {"history": history}), 422, "request_invalid")


@pytest.mark.parametrize(
    "raw",
    [
        b'{"message": "\xff"}',
        b"{",
        b"",
        b"[" * 100_000,
        b'{"message": NaN}',
        b"\x00",
        b'"\\ud800"',
        b"1" * 5000,
    ],
)
def test_a_body_that_is_no_json_is_never_our_fault(client: httpx2.Client, raw: bytes) -> None:
    response = client.post("/chat", content=raw, headers={"Content-Type": "application/json"})
    assert response.status_code in {400, 422}
    problem_of(response, response.status_code, response.json()["code"])


def test_half_characters_in_a_message_do_no_harm(client: httpx2.Client, fake: FakeProvider) -> None:
    raw = b'{"message": "a\\ud800b\\u0000", "personaId": "tester"}'
    response = client.post("/chat", content=raw, headers={"Content-Type": "application/json"})
    assert response.status_code in {200, 422}


def test_a_broken_persona_cannot_answer(client: httpx2.Client, services: Services) -> None:
    (services.settings.personas_dir / "broken.json").write_text('{"id": "broken"', "utf-8")
    response = client.post("/chat", json={"message": "Hi", "personaId": "broken"})
    assert problem_of(response, 409, "persona_broken")["problems"]
