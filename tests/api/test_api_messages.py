"""Messages over HTTP: rated, edited, shown, deleted, restored, and what was sent for them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from personachat.services import Services
from tests.api.wire import chatting, problem_of, said, streamed, text_of
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, failure, tokens


def spoken(client: httpx2.Client, *words: str) -> tuple[str, list[dict[str, Any]]]:
    """A conversation in which this was said: its id and its messages."""
    conversation_id = said(client, words[0])[0].data["conversationId"]
    for more in words[1:]:
        said(client, more, conversationId=conversation_id)
    return conversation_id, messages_of(client, conversation_id)


def messages_of(client: httpx2.Client, conversation_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/conversations/{conversation_id}").json()["messages"]
    return found


def contents(client: httpx2.Client, conversation_id: str) -> list[str]:
    return [message["content"] for message in messages_of(client, conversation_id)]


def test_a_reply_is_rated_with_a_note_and_the_rating_taken_back(client: httpx2.Client) -> None:
    conversation_id, (_, reply) = spoken(client, "Hi")
    path = f"/messages/{reply['id']}"
    rated = client.patch(path, json={"rating": "down", "note": "too short"}).json()
    assert (rated["id"], rated["rating"], rated["note"]) == (reply["id"], "down", "too short")
    assert client.patch(path, json={"note": "far too short"}).json()["rating"] == "down"
    assert messages_of(client, conversation_id)[-1]["note"] == "far too short"
    assert client.patch(path, json={"rating": "down"}).json()["note"] == "far too short"
    taken = client.patch(path, json={"rating": None}).json()
    assert (taken["rating"], taken["note"]) == (None, "")


def test_only_replies_are_rated_and_only_up_or_down(client: httpx2.Client) -> None:
    _, (words, reply) = spoken(client, "Hi")
    problem_of(client.patch(f"/messages/{words['id']}", json={"rating": "up"}), 404, "turn_not_found")
    for body in ({"rating": 1}, {"rating": "sideways"}, {"note": "x"}, {"note": "x" * 2001}, {"stars": 5}):
        problem_of(client.patch(f"/messages/{reply['id']}", json=body), 422, "request_invalid")


def test_a_users_words_are_edited_and_answered_anew(client: httpx2.Client, fake: FakeProvider) -> None:
    conversation_id, messages = spoken(client, "one", "two")
    with streamed(client, "POST", f"/messages/{messages[2]['id']}/edit", json={"content": "deux"}) as (
        _,
        stream,
    ):
        reply = list(stream)
    assert text_of(reply) == "You said: deux"
    now = messages_of(client, conversation_id)
    assert [each["content"] for each in now] == ["one", "You said: one", "deux", "You said: deux"]
    assert (now[2]["edited"], len(now[2]["siblings"])) == (True, 2)
    assert now[2]["siblings"][0] == messages[2]["id"]


def test_an_assistants_words_are_edited_without_asking_anybody(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    conversation_id, (_, reply) = spoken(client, "one")
    edited = client.post(f"/messages/{reply['id']}/edit", json={"content": "better"})
    assert edited.status_code == 201
    made = edited.json()
    assert (made["content"], made["role"], made["edited"]) == ("better", "assistant", True)
    assert made["siblings"] == [reply["id"], made["id"]]
    assert contents(client, conversation_id) == ["one", "better"]
    assert len(fake.chats) == 1


def test_an_edit_that_cannot_be_is_refused(client: httpx2.Client, fake: FakeProvider) -> None:
    conversation_id, (words, _) = spoken(client, "one")
    path = f"/messages/{words['id']}/edit"
    for body in ({"content": ""}, {}, {"content": 1}, {"content": "x", "role": "system"}):
        problem_of(client.post(path, json=body), 422, "request_invalid")
    problem_of(client.post(path, json={"content": " \n"}), 422, "message_invalid")
    fake.enqueue(tokens(["x", Gate()]))
    with chatting(client, "two", conversationId=conversation_id) as (_, stream):
        message_id = next(stream).data["messageId"]
        problem_of(client.post(path, json={"content": "deux"}), 409, "reply_in_progress")
        client.post(f"/chat/{message_id}/stop")


def test_an_edit_whose_reply_fails_at_once_is_a_status_and_keeps_the_words(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    conversation_id, (words, _) = spoken(client, "one")
    fake.enqueue(failure(401, "no"))
    response = client.post(f"/messages/{words['id']}/edit", json={"content": "un"})
    problem_of(response, 502, "api_key_refused")
    now = messages_of(client, conversation_id)
    assert (now[0]["content"], now[1]["state"]) == ("un", "failed")
    assert now[1]["error"]["code"] == "api_key_refused"


def test_another_branch_is_shown(client: httpx2.Client) -> None:
    conversation_id, messages = spoken(client, "one", "two")
    with streamed(client, "POST", f"/messages/{messages[0]['id']}/edit", json={"content": "un"}) as (
        _,
        stream,
    ):
        list(stream)
    assert contents(client, conversation_id) == ["un", "You said: un"]
    shown = client.post(f"/messages/{messages[0]['id']}/show")
    assert shown.json() == {"conversationId": conversation_id, "leafId": messages[-1]["id"]}
    assert [each["id"] for each in messages_of(client, conversation_id)] == [each["id"] for each in messages]


def test_a_deleted_message_takes_along_what_follows_until_it_is_restored(client: httpx2.Client) -> None:
    conversation_id, messages = spoken(client, "one", "two")
    path = f"/messages/{messages[2]['id']}"
    deleted = client.delete(path).json()
    assert deleted == {"conversationId": conversation_id, "leafId": messages[3]["id"]}
    assert contents(client, conversation_id) == ["one", "You said: one"]
    problem_of(client.delete(path), 404, "turn_not_found")
    restored = client.post(f"{path}/restore", json={"leafId": deleted["leafId"]})
    assert restored.json() == deleted
    assert len(contents(client, conversation_id)) == 4


def test_deleting_a_message_stops_the_reply_to_it(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["one", Gate()]))
    with chatting(client) as (_, stream):
        start = next(stream).data
        words = messages_of(client, start["conversationId"])[0]["id"]
        client.delete(f"/messages/{words}")
        assert list(stream)[-2].data == {"finishReason": "stopped"}
    assert contents(client, start["conversationId"]) == []


def test_what_was_sent_is_shown_as_it_was_and_without_the_key(
    client: httpx2.Client, fake: FakeProvider, services: Services
) -> None:
    services.personas.save(persona_text("exact", temperature=0.3, model="fake-1", stop=["END"]))
    start = said(client, "Grüße", personaId="exact")[0].data
    response = client.get(f"/messages/{start['messageId']}/request")
    sent = response.json()
    assert sent["body"] == fake.chats[0].body
    assert (sent["provider"], sent["model"], sent["baseUrl"]) == ("openai", "fake-1", fake.base_url)
    assert "sk-test-key" not in response.text
    services.personas.save(persona_text("exact", systemPrompt="Changed since."))
    assert client.get(f"/messages/{start['messageId']}/request").json() == sent


def test_a_personas_own_parameters_go_along_and_are_shown_as_they_were_sent(
    client: httpx2.Client, fake: FakeProvider, services: Services
) -> None:
    parameters = {"top_k": 40, "api_key": "another", "max_tokens": 9}
    services.personas.save(persona_text("tuned", extensions={"parameters": parameters}))
    start = said(client, "Hi", personaId="tuned")[0].data
    sent = client.get(f"/messages/{start['messageId']}/request").json()["body"]
    assert sent == fake.chats[0].body
    assert (sent["top_k"], sent["max_tokens"]) == (40, 1000)
    assert "api_key" not in sent
    services.personas.save(persona_text("tuned"))
    assert client.get(f"/messages/{start['messageId']}/request").json()["body"] == sent


def test_nothing_was_sent_for_a_users_words(client: httpx2.Client) -> None:
    _, (words, _) = spoken(client, "one")
    problem_of(client.get(f"/messages/{words['id']}/request"), 404, "request_not_found")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"rating": "up"}),
        ("DELETE", "", None),
        ("POST", "/edit", {"content": "x"}),
        ("POST", "/show", None),
        ("POST", "/restore", {"leafId": None}),
        ("GET", "/request", None),
    ],
)
@pytest.mark.parametrize("message_id", ["nothing", "%00", "'%20OR%201=1", "%F0%9F%98%80"])
def test_an_unknown_message_is_not_found(
    client: httpx2.Client, method: str, path: str, body: Any, message_id: str
) -> None:
    options = {} if body is None else {"json": body}
    problem_of(client.request(method, f"/messages/{message_id}{path}", **options), 404, "turn_not_found")
