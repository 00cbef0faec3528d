"""Values for variables over `/api/chat` and `/v1`: filled in, never passed on, refused when odd."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from personachat.services import Services
from tests.api.conftest import served
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider

WHOLE = {"Accept": "application/json"}
HELLO = [{"role": "user", "content": "Hello {{company}}"}]


@pytest.fixture
def client(services: Services) -> Iterator[httpx2.Client]:
    keys: dict[str, Any] = {
        "systemPrompt": "Help {{user}} at {{company}}.",
        "greeting": "Welcome to {{company}}.",
        "extensions": {"variables": {"company": "ACME"}},
    }
    services.personas.save(persona_text("clerk", **keys))
    with served(services) as made:
        yield made


def sent(fake: FakeProvider) -> list[str]:
    return [str(message["content"]) for message in fake.chats[-1].body["messages"]]


def chat(client: httpx2.Client, **keys: Any) -> httpx2.Response:
    return client.post("/chat", json={"message": "Hi", "personaId": "clerk"} | keys, headers=WHOLE)


def test_a_chat_has_the_defaults_or_the_callers_values(client: httpx2.Client, fake: FakeProvider) -> None:
    assert chat(client).status_code == 200
    assert sent(fake)[:2] == ["Help User at ACME.", "Welcome to ACME."]
    answer = chat(client, variables={"company": "Initech {{user}}", "user": "Ada"})
    assert answer.status_code == 200
    assert sent(fake)[:2] == ["Help Ada at Initech {{user}}.", "Welcome to Initech {{user}}."]
    more = chat(client, conversationId=answer.json()["conversationId"], variables={"company": "Globex"})
    assert more.status_code == 200
    assert sent(fake)[0] == "Help Ada at Globex."


def test_a_conversation_keeps_the_values_for_every_reply_of_it(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    begun = chat(client, variables={"Company": "Initech", "user": "Ada"}).json()
    at = f"/conversations/{begun['conversationId']}"
    assert client.get(at).json()["variables"] == {"company": "Initech", "user": "Ada"}

    assert chat(client, conversationId=begun["conversationId"]).status_code == 200
    assert sent(fake)[0] == "Help Ada at Initech."
    again = client.post(f"/chat/{begun['messageId']}/regenerate", json={}, headers=WHOLE)
    assert again.status_code == 200
    assert sent(fake)[0] == "Help Ada at Initech."
    fork = client.post(f"{at}/fork", json={"messageId": begun["messageId"]}).json()
    assert fork["variables"] == {"company": "Initech", "user": "Ada"}

    assert client.patch(at, json={"variables": {"company": "Globex", "user": ""}}).status_code == 200
    assert chat(client, conversationId=begun["conversationId"]).status_code == 200
    assert sent(fake)[0] == "Help User at Globex."
    assert client.get(f"/conversations/{fork['id']}").json()["variables"]["company"] == "Initech"


def test_a_conversation_takes_its_values_along(client: httpx2.Client, fake: FakeProvider) -> None:
    begun = chat(client, variables={"company": "Initech"}).json()["conversationId"]
    file = client.get(f"/conversations/{begun}/export").content
    (copy,) = client.post("/conversations/import?onRepeat=copy", content=file).json()["ids"]
    assert chat(client, conversationId=copy).status_code == 200
    assert sent(fake)[0] == "Help User at Initech."


@pytest.mark.parametrize("odd", [[], {"a b": "x"}, {"a": 1}, {"a": "x" * 8_001}])
def test_odd_values_in_a_file_are_refused(client: httpx2.Client, odd: Any) -> None:
    begun = chat(client, variables={"company": "Initech"}).json()["conversationId"]
    file = client.get(f"/conversations/{begun}/export").json()
    file["conversations"][0]["variables"] = odd
    answer = client.post("/conversations/import", json=file)
    assert (answer.status_code, answer.json()["code"]) == (422, "import_refused")


@pytest.mark.parametrize(
    "odd", [[], "x", {"a b": "x"}, {"a": 1}, {"a": "x" * 8_001}, {f"n{at}": "x" for at in range(101)}]
)
def test_odd_values_are_refused(client: httpx2.Client, fake: FakeProvider, odd: Any) -> None:
    assert chat(client, variables=odd).status_code == 422
    address = str(client.base_url).replace("/api/", "/v1")
    body = {"model": "clerk", "messages": HELLO, "variables": odd}
    assert httpx2.post(f"{address}/chat/completions", json=body).status_code == 400
    assert not fake.chats


@pytest.mark.parametrize(
    ("path", "words"), [("/chat/completions", {"messages": HELLO}), ("/responses", {"input": "Hello"})]
)
def test_v1_fills_them_and_the_provider_never_sees_them(
    client: httpx2.Client, fake: FakeProvider, path: str, words: dict[str, Any]
) -> None:
    address = str(client.base_url).replace("/api/", "/v1")
    body = {"model": "clerk", "variables": {"company": "Initech"}} | words
    assert httpx2.post(f"{address}{path}", json=body, timeout=20).status_code == 200
    assert sent(fake)[0] == "Help User at Initech."
    assert "variables" not in fake.chats[-1].body
    assert httpx2.post(f"{address}{path}", json={"model": "clerk"} | words, timeout=20).status_code == 200
    assert sent(fake)[0] == "Help User at ACME."
    if "messages" in words:
        assert sent(fake)[-1] == "Hello {{company}}"  # what people say is nobody's template
