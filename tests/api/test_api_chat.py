"""Chat over real HTTP: the stream, coming back to it, leaving it, stopping it, and what fails before it."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx2
import pytest

from personachat.services import Services
from tests.api.conftest import served
from tests.api.wire import chatting, events_of, left, problem_of, said, streamed, text_of, until
from tests.conftest import local, persona_text
from tests.fake_provider import (
    FakeProvider,
    Gate,
    Reply,
    Reset,
    chunk,
    events,
    failure,
    tokens,
)


def test_a_reply_comes_as_numbered_named_events(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Hel", "lo"], usage=(7, 2)))
    with chatting(client) as (response, stream):
        found = list(stream)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "no-cache" in response.headers["cache-control"]
    assert response.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in response.headers
    assert list(dict.fromkeys(event.name for event in found)) == ["start", "delta", "usage", "done", None]
    assert [event.number for event in found] == [*range(1, len(found)), None]
    start, *_, usage, done, end = [event.data for event in found]
    assert {key: start[key] for key in ("personaId", "model", "provider")} == {
        "personaId": "tester",
        "model": "gpt-4",
        "provider": "openai",
    }
    assert set(start) == {"conversationId", "messageId", "personaId", "model", "provider"}
    assert text_of(found) == "Hello"
    assert usage == {"promptTokens": 7, "completionTokens": 2, "costUsd": pytest.approx(0.00033)}
    assert done == {"finishReason": "stop"}
    assert end == "[DONE]"


def test_events_are_plain_ascii_on_the_wire(client: httpx2.Client, fake: FakeProvider) -> None:
    text = "é \u2028 \x85 \U0001f600\n\r\nid: 9\n\ndata: x"
    fake.enqueue(tokens([text]))
    with client.stream("POST", "/chat", json={"message": "Hi", "personaId": "tester"}) as response:
        raw = response.read()
    assert raw.isascii()
    lines = [line for line in raw.decode().split("\n") if line.startswith("data: {")]
    assert any(json.loads(line[6:]).get("content") == text for line in lines)


def test_reasoning_has_events_of_its_own(client: httpx2.Client, fake: FakeProvider) -> None:
    thought = chunk({"reasoning_content": "Hm."})
    fake.enqueue(events(thought, chunk("Yes."), chunk({}, finish="stop")))
    found = said(client)
    assert [event.data["content"] for event in found if event.name == "reasoning"] == ["Hm."]
    assert text_of(found) == "Yes."


def test_what_is_left_out_is_noticed_in_the_stream(client: httpx2.Client, fake: FakeProvider) -> None:
    too_long = failure(400, "too long", error_code="context_length_exceeded")
    fake.enqueue(too_long, tokens(["ok"]))
    history = [
        {"role": role, "content": f"{role} {number}"} for number in range(4) for role in ("user", "assistant")
    ]
    found = said(client, history=history)
    assert [event.name for event in found if event.name in {"notice", "done"}] == ["notice", "done"]


def test_a_conversation_goes_on_with_what_was_said(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["one"]), tokens(["two"]))
    conversation_id = said(client, "first")[0].data["conversationId"]
    second = said(client, "second", conversationId=conversation_id)
    assert second[0].data["conversationId"] == conversation_id
    asked = [message["content"] for message in fake.chats[1].body["messages"]]
    assert asked[1:] == ["first", "one", "second"]


def test_history_begins_a_conversation(client: httpx2.Client, fake: FakeProvider) -> None:
    history = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    said(client, "c", history=history)
    assert [message["content"] for message in fake.chats[0].body["messages"]][1:] == ["a", "b", "c"]


def test_a_lost_connection_is_resumed_after_the_last_event(client: httpx2.Client, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one ", "two ", gate, "three"]))
    with chatting(client) as (_, stream):
        message_id = next(stream).data["messageId"]
        last = until(stream, "delta")
    with streamed(
        client, "GET", f"/chat/{message_id}/events", headers={"Last-Event-ID": str(last.number)}
    ) as (_, stream):
        gate.open()
        rest = list(stream)
    assert rest[0].number == (last.number or 0) + 1
    assert text_of([last, *rest]) == "one two three"
    assert rest[-1].data == "[DONE]"


def test_a_reply_can_be_read_again_after_its_end(client: httpx2.Client, fake: FakeProvider) -> None:
    first = said(client)
    with streamed(client, "GET", f"/chat/{first[0].data['messageId']}/events") as (_, stream):
        assert list(stream) == first


def test_after_the_last_event_there_is_nothing(client: httpx2.Client, fake: FakeProvider) -> None:
    first = said(client)
    last = {"Last-Event-ID": str(first[-2].number)}
    answer = client.get(f"/chat/{first[0].data['messageId']}/events", headers=last)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("last", ["99999999", "-1", "1.5", "x", "9" * 400, "\u0661"])
def test_a_last_event_that_never_was_is_refused(client: httpx2.Client, fake: FakeProvider, last: str) -> None:
    message_id = said(client)[0].data["messageId"]
    headers = {b"Last-Event-ID": last.encode()}
    problem_of(client.get(f"/chat/{message_id}/events", headers=headers), 422, "request_invalid")


def test_closing_the_connection_stops_the_provider_within_two_seconds(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["one", Gate(), "two"]))
    with chatting(client) as (_, stream):
        until(stream, "delta")
    assert fake.wait_for_disconnect()


def test_the_text_of_an_abandoned_reply_is_stored(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["so far", Gate(), "never"]))
    with chatting(client) as (_, stream):
        start = next(stream).data
        until(stream, "delta")
    assert fake.wait_for_disconnect()
    with streamed(client, "GET", f"/chat/{start['messageId']}/events") as (_, rest):
        assert [event.name for event in rest] == ["start", "delta", "done", None]
    kept = client.get(f"/conversations/{start['conversationId']}").json()["messages"][-1]
    assert (kept["content"], kept["state"]) == ("so far", "stopped")


def test_a_conversation_begun_here_is_listed_at_once(client: httpx2.Client, fake: FakeProvider) -> None:
    conversation_id = said(client, "Hello there")[0].data["conversationId"]
    listed = client.get("/conversations").json()["conversations"]
    assert [each["id"] for each in listed] == [conversation_id]


def test_a_temporary_conversation_goes_on_and_is_never_written(
    client: httpx2.Client, fake: FakeProvider, services: Services
) -> None:
    fake.enqueue(tokens(["one"]), tokens(["two"]))
    start = said(client, "a secret", temporary=True)[0].data
    conversation_id = start["conversationId"]
    again = said(client, "more", conversationId=conversation_id, temporary=True)
    assert text_of(again) == "two"
    read = client.get(f"/conversations/{conversation_id}").json()
    assert [message["content"] for message in read["messages"]] == ["a secret", "one", "more", "two"]
    assert read["temporary"] is True
    assert client.get("/conversations").json()["conversations"] == []
    files = [file for file in services.settings.data_dir.rglob("*") if file.is_file()]
    assert not any(b"a secret" in file.read_bytes() for file in files)


def test_a_stored_conversation_is_not_taken_for_a_temporary_one(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    conversation_id = said(client)[0].data["conversationId"]
    body = {"message": "x", "personaId": "tester", "conversationId": conversation_id, "temporary": True}
    problem_of(client.post("/chat", json=body), 422, "request_invalid")
    assert len(fake.chats) == 1


def test_closing_the_connection_before_the_first_event_stops_the_provider(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    fake.enqueue(Reply(early=[Gate()]))
    left(client, {"message": "Hi", "personaId": "tester"}, when=fake.wait_for_chats)
    assert fake.wait_for_disconnect()


def test_a_kept_conversation_goes_on_without_a_connection(
    client: httpx2.Client, fake: FakeProvider, services: Services
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one"]), tokens(["two", gate, " three"]))
    conversation_id = said(client, "first")[0].data["conversationId"]
    with chatting(client, "second", conversationId=conversation_id) as (_, stream):
        message_id = next(stream).data["messageId"]
        until(stream, "delta")
    assert not fake.wait_for_disconnect(1.5)
    gate.open()
    with streamed(client, "GET", f"/chat/{message_id}/events") as (_, stream):
        assert text_of(list(stream)) == "two three"


def test_another_watcher_keeps_a_reply_alive(client: httpx2.Client, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one", gate, " two"]))
    with chatting(client) as (_, stream):
        message_id = next(stream).data["messageId"]
        until(stream, "delta")
        watching = streamed(client, "GET", f"/chat/{message_id}/events")
        _, watched = watching.__enter__()
        until(watched, "delta")
    assert not fake.wait_for_disconnect(1.5)
    gate.open()
    assert text_of(list(watched)) == " two"
    watching.__exit__(None, None, None)


def test_stop_ends_the_stream_and_keeps_the_text(
    client: httpx2.Client, fake: FakeProvider, services: Services
) -> None:
    fake.enqueue(tokens(["one", Gate(), "two"]))
    with chatting(client) as (_, stream):
        start = next(stream).data
        until(stream, "delta")
        stopped = client.post(f"/chat/{start['messageId']}/stop")
        assert stopped.json() == {"messageId": start["messageId"], "state": "stopped"}
        assert [event.data for event in stream] == [{"finishReason": "stopped"}, "[DONE]"]
    assert fake.wait_for_disconnect()
    leaf = local(services).chat.conversation(start["conversationId"]).leaf
    assert leaf is not None
    assert leaf.reply is not None
    assert leaf.reply.text == "one"


def test_stopping_an_ended_reply_changes_nothing(client: httpx2.Client, fake: FakeProvider) -> None:
    message_id = said(client)[0].data["messageId"]
    assert client.post(f"/chat/{message_id}/stop").json()["state"] == "finished"


def test_the_greeting_is_part_of_the_conversation(
    client: httpx2.Client, fake: FakeProvider, services: Services
) -> None:
    services.personas.save(persona_text("greeter", greeting="Welcome."))
    said(client, "Hi", personaId="greeter")
    assert [message["content"] for message in fake.chats[0].body["messages"]][1:] == ["Welcome.", "Hi"]


def test_a_silent_stream_carries_heartbeats(
    client: httpx2.Client, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.api.events.HEARTBEAT_SECONDS", 0.05)
    gate = Gate()
    fake.enqueue(tokens(["one", gate, "two"]))
    with client.stream("POST", "/chat", json={"message": "Hi", "personaId": "tester"}) as response:
        lines = response.iter_lines()
        assert any(line.startswith(":") for line in lines)
        gate.open()
        assert list(lines)[-2:] == ["data: [DONE]", ""]


def test_many_replies_stream_at_once(make_services: Callable[..., Services], fake: FakeProvider) -> None:
    count = 40
    gate = Gate()
    fake.enqueue(*[tokens(["a", gate, *["b"] * 50]) for _ in range(count)])
    body = {"message": "Hi", "personaId": "tester"}
    with served(make_services(max_concurrent_replies=count)) as client:
        watching = [client.stream("POST", "/chat", json=body) for _ in range(count)]
        streams = [events_of(stream.__enter__()) for stream in watching]
        for stream in streams:
            until(stream, "delta")
        gate.open()
        for stream in streams:
            rest = list(stream)
            assert text_of(rest) == "b" * 50
            assert rest[-1].data == "[DONE]"
        for opened in watching:
            opened.__exit__(None, None, None)


WHOLE = {"Accept": "application/json"}


def test_a_whole_reply_is_one_json_answer(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["A whole ", "reply."]), tokens(["And more."]))
    first = client.post("/chat", json={"message": "Hi", "personaId": "tester"}, headers=WHOLE)
    assert first.status_code == 200
    assert first.headers["content-type"] == "application/json"
    told = first.json()
    assert (told["content"], told["personaId"], told["finishReason"]) == ("A whole reply.", "tester", "stop")
    body = {"message": "Go on", "personaId": "tester", "conversationId": told["conversationId"]}
    second = client.post("/chat", json=body, headers=WHOLE).json()
    assert (second["content"], second["conversationId"]) == ("And more.", told["conversationId"])
    assert second["messageId"] != told["messageId"]


@pytest.mark.parametrize("accept", ["*/*", "application/json, text/event-stream", "text/event-stream", ""])
def test_who_does_not_ask_for_json_alone_gets_a_stream(client: httpx2.Client, accept: str) -> None:
    answer = client.post("/chat", json={"message": "Hi", "personaId": "tester"}, headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_a_whole_reply_that_fails_is_an_error_with_what_had_come(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["Half of ", Reset()]))
    answer = client.post("/chat", json={"message": "Hi", "personaId": "tester"}, headers=WHOLE)
    assert answer.status_code >= 500
    told = answer.json()
    assert told["code"] in {"connection_lost", "reply_truncated", "broken_stream"}
    assert told["content"] == "Half of "
    fake.enqueue(failure(401, "no"))
    refused = client.post("/chat", json={"message": "Hi", "personaId": "tester"}, headers=WHOLE)
    assert refused.json()["code"] == "api_key_refused"
