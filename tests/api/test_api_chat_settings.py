"""A conversation's own settings over the API: given, read, replaced, taken back, and carried by an export."""

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


@pytest.fixture
def client(services: Services) -> Iterator[httpx2.Client]:
    services.personas.save(persona_text("clerk", model="fake-1", temperature=1))
    with served(services) as made:
        yield made


def chat(client: httpx2.Client, **keys: Any) -> httpx2.Response:
    return client.post("/chat", json={"message": "Hi", "personaId": "clerk"} | keys, headers=WHOLE)


def asked(fake: FakeProvider) -> tuple[object, object]:
    body = fake.chats[-1].body
    return body["model"], body["temperature"]


def said(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def test_settings_hold_from_the_message_on_with_which_they_come(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    begun = chat(client, settings={"model": "fake-2", "maxTokens": 9}).json()
    at = f"/conversations/{begun['conversationId']}"
    assert asked(fake) == ("fake-2", 1)
    assert said(client.get(at).json()["settings"]) == {"model": "fake-2", "maxTokens": 9}
    assert chat(client, conversationId=begun["conversationId"]).status_code == 200
    assert asked(fake) == ("fake-2", 1)
    assert chat(client, conversationId=begun["conversationId"], settings={"temperature": 0}).is_success
    assert asked(fake) == ("fake-1", 0)
    assert client.patch(at, json={"title": "Renamed"}).is_success
    assert said(client.get(at).json()["settings"]) == {"temperature": 0}
    assert client.patch(at, json={"settings": {}}).is_success
    assert chat(client, conversationId=begun["conversationId"]).is_success
    assert asked(fake) == ("fake-1", 1)


@pytest.mark.parametrize(
    "wrong", [{"temperature": 3}, {"maxTokens": 0}, {"topP": 2}, {"seed": 1}, {"model": ""}, {"model": 5}]
)
def test_settings_that_no_persona_could_have_are_refused(
    client: httpx2.Client, wrong: dict[str, Any]
) -> None:
    assert chat(client, settings=wrong).status_code == 422
    begun = chat(client).json()
    at = f"/conversations/{begun['conversationId']}"
    assert client.patch(at, json={"settings": wrong}).status_code == 422


def test_an_exported_conversation_brings_its_settings_back(client: httpx2.Client, fake: FakeProvider) -> None:
    begun = chat(client, settings={"model": "fake-2", "tone": ""}).json()
    plain = chat(client).json()["conversationId"]
    at = f"/conversations/{begun['conversationId']}"
    exported = client.get(f"{at}/export", params={"format": "json"}).json()
    assert exported["conversations"][0]["settings"] == {"model": "fake-2", "tone": ""}
    file = client.get(f"/conversations/{plain}/export", params={"format": "json"}).json()
    assert "settings" not in file["conversations"][0]
    client.delete(at)
    (back,) = client.post("/conversations/import", json=exported).json()["ids"]
    kept = client.get(f"/conversations/{back}").json()["settings"]
    assert said(kept) == {"model": "fake-2", "tone": ""}
    exported["conversations"][0]["settings"] = {"temperature": 99}
    assert client.post("/conversations/import", json=exported).status_code in {400, 422}
