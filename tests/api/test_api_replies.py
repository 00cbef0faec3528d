"""One reply over HTTP: paused, resumed, stopped, continued, had again, and watched after a restart."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select, update

from personachat.conversations.tables import turns
from personachat.services import Services, build_services
from personachat.settings import load_settings
from tests.api.conftest import served
from tests.api.wire import Event, chatting, problem_of, said, streamed, text_of
from tests.conftest import persona_text
from tests.fake_provider import Cut, FakeProvider, Gate, Reset, chunk, events, failure, tokens


def until(events: Iterator[Event], name: str) -> Event:
    return next(event for event in events if event.name == name)


def stopped_early(client: httpx2.Client, fake: FakeProvider, text: str = "one two") -> str:
    """The id of a reply that was stopped after these words."""
    fake.enqueue(tokens([text, Gate()]))
    with chatting(client) as (_, stream):
        message_id: str = next(stream).data["messageId"]
        until(stream, "delta")
        client.post(f"/chat/{message_id}/stop")
        assert list(stream)[-1].data == "[DONE]"
    return message_id


# --- pause and resume -----------------------------------------------------------------------------


def test_a_paused_reply_sends_nothing_and_goes_on_when_resumed(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    gate, end = Gate(), Gate()
    fake.enqueue(tokens(["one ", gate, "two ", end, "three"]))
    with chatting(client) as (_, stream):
        message_id = next(stream).data["messageId"]
        first = until(stream, "delta")
        assert client.post(f"/chat/{message_id}/pause").json() == {
            "messageId": message_id,
            "state": "paused",
        }
        gate.open()
        with streamed(client, "GET", f"/chat/{message_id}/events") as (_, other):
            assert [next(other).name, next(other).name] == ["start", "delta"]
            assert client.post(f"/chat/{message_id}/resume").json()["state"] == "running"
            end.open()
            rest = list(stream)
            assert text_of(list(other)) == "two three"
    assert text_of([first, *rest]) == "one two three"
    assert rest[-1].data == "[DONE]"


def test_while_paused_the_stream_has_heartbeats_alone(
    client: httpx2.Client, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("personachat.api.events.HEARTBEAT_SECONDS", 0.05)
    gate = Gate()
    fake.enqueue(tokens(["one", gate, "two"]))
    with client.stream("POST", "/chat", json={"message": "Hi", "personaId": "tester"}) as response:
        lines = response.iter_lines()
        shown = [next(line for line in lines if line.startswith("data: ")) for _ in range(2)]
        message_id = shown[0].partition('"messageId": "')[2].partition('"')[0]
        client.post(f"/chat/{message_id}/pause")
        gate.open()
        beats = [line for line in (next(lines) for _ in range(20)) if line]
        assert beats
        assert all(line.startswith(":") for line in beats[1:])
        client.post(f"/chat/{message_id}/stop")
        assert "data: [DONE]" in list(lines)


def test_pausing_keeps_the_provider_from_being_read(client: httpx2.Client, fake: FakeProvider) -> None:
    gate, later = Gate(), Gate()
    fake.enqueue(tokens(["one", gate, "two", later]))
    with chatting(client) as (_, stream):
        start = next(stream).data
        until(stream, "delta")
        client.post(f"/chat/{start['messageId']}/pause")
        gate.open()
        later.wait_reached()
        read = client.get(f"/conversations/{start['conversationId']}").json()["messages"][-1]
        assert (read["state"], read["content"]) == ("paused", "one")
        client.post(f"/chat/{start['messageId']}/resume")
        assert until(stream, "delta").data == {"content": "two"}
        later.open()
        assert list(stream)[-1].data == "[DONE]"


@pytest.mark.parametrize("farewell", [Reset(), Cut()])
def test_a_provider_that_hangs_up_while_paused_is_asked_for_the_rest(
    client: httpx2.Client, fake: FakeProvider, farewell: Reset | Cut
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["one two", gate, farewell]), tokens([" three"]))
    with chatting(client) as (_, stream):
        message_id = next(stream).data["messageId"]
        first = until(stream, "delta")
        client.post(f"/chat/{message_id}/pause")
        gate.open()
        client.post(f"/chat/{message_id}/resume")
        rest = list(stream)
    assert text_of([first, *rest]) == "one two three"
    assert [event.number for event in rest[:-1]] == list(range(3, 2 + len(rest)))
    assert rest[-2].name == "done"


def test_an_unkept_reply_that_is_paused_ends_when_its_client_leaves(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["one", Gate()]))
    with chatting(client) as (_, stream):
        message_id = next(stream).data["messageId"]
        until(stream, "delta")
        client.post(f"/chat/{message_id}/pause")
    assert fake.wait_for_disconnect()


def test_a_paused_reply_can_be_stopped(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["one", Gate()]))
    with chatting(client) as (_, stream):
        message_id = next(stream).data["messageId"]
        until(stream, "delta")
        client.post(f"/chat/{message_id}/pause")
        assert client.post(f"/chat/{message_id}/stop").json()["state"] == "stopped"
        assert [event.data for event in stream] == [{"finishReason": "stopped"}, "[DONE]"]


@pytest.mark.parametrize("control", ["pause", "resume", "stop"])
def test_an_ended_reply_is_left_as_it_is(client: httpx2.Client, fake: FakeProvider, control: str) -> None:
    message_id = said(client)[0].data["messageId"]
    steered = client.post(f"/chat/{message_id}/{control}")
    assert steered.json() == {"messageId": message_id, "state": "finished"}


@pytest.mark.parametrize("control", ["pause", "resume", "stop"])
def test_an_unknown_reply_cannot_be_steered(client: httpx2.Client, control: str) -> None:
    problem_of(client.post(f"/chat/nothing/{control}"), 404, "reply_not_found")


# --- continue -------------------------------------------------------------------------------------


def test_a_stopped_reply_is_continued_where_it_stopped(client: httpx2.Client, fake: FakeProvider) -> None:
    message_id = stopped_early(client, fake)
    with streamed(client, "GET", f"/chat/{message_id}/events") as (_, stream):
        before = list(stream)
    fake.enqueue(tokens([" three", " four"]))
    with streamed(client, "POST", f"/chat/{message_id}/continue") as (_, stream):
        rest = list(stream)
    assert (rest[0].name, rest[0].data["messageId"]) == ("start", message_id)
    assert rest[0].number == before[-2].number
    assert text_of(rest) == " three four"
    with streamed(client, "GET", f"/chat/{message_id}/events") as (_, stream):
        whole = list(stream)
    assert [event.number for event in whole[:-1]] == list(range(1, len(whole)))
    assert text_of(whole) == "one two three four"
    assert [event.name for event in whole].count("done") == 1


def test_a_reply_cut_off_at_its_limit_is_continued(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["begun"], finish="length"), tokens([" and done"]))
    start = said(client)[0].data
    with streamed(client, "POST", f"/chat/{start['messageId']}/continue") as (_, stream):
        assert text_of(list(stream)) == " and done"
    read = client.get(f"/conversations/{start['conversationId']}").json()["messages"][-1]
    assert (read["content"], read["state"], read["finishReason"]) == ("begun and done", "finished", "stop")


def test_a_finished_reply_has_nothing_to_continue(client: httpx2.Client, fake: FakeProvider) -> None:
    message_id = said(client)[0].data["messageId"]
    problem_of(client.post(f"/chat/{message_id}/continue"), 409, "not_continuable")
    problem_of(client.post("/chat/nothing/continue"), 404, "reply_not_found")


def test_a_running_reply_is_not_continued(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["one", Gate()]))
    with chatting(client) as (_, stream):
        message_id = next(stream).data["messageId"]
        problem_of(client.post(f"/chat/{message_id}/continue"), 409, "reply_in_progress")


def test_a_continuation_that_fails_at_once_is_a_status_and_keeps_the_text(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    message_id = stopped_early(client, fake)
    fake.enqueue(failure(401, "no"))
    problem_of(client.post(f"/chat/{message_id}/continue"), 502, "api_key_refused")
    fake.enqueue(tokens([" three"]))
    with streamed(client, "POST", f"/chat/{message_id}/continue") as (_, stream):
        assert text_of(list(stream)) == " three"


# --- regenerate -----------------------------------------------------------------------------------


def test_another_reply_stands_beside_the_first(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["first"]), tokens(["second"]))
    start = said(client)[0].data
    with streamed(client, "POST", f"/chat/{start['messageId']}/regenerate") as (_, stream):
        again = list(stream)
    assert text_of(again) == "second"
    new_id = again[0].data["messageId"]
    read = client.get(f"/conversations/{start['conversationId']}").json()["messages"]
    assert (read[-1]["id"], read[-1]["siblings"]) == (new_id, [start["messageId"], new_id])


def test_another_persona_or_model_may_answer(
    client: httpx2.Client, fake: FakeProvider, services: Services
) -> None:
    services.personas.save(persona_text("other", systemPrompt="You are another.", model="fake-2"))
    message_id = said(client)[0].data["messageId"]
    path = f"/chat/{message_id}/regenerate"
    with streamed(client, "POST", path, json={"personaId": "other"}) as (_, stream):
        start, *_ = [event.data for event in stream]
    assert (start["personaId"], start["model"]) == ("other", "fake-2")
    assert "another" in fake.chats[-1].body["messages"][0]["content"]
    with streamed(client, "POST", path, json={"model": "openai/fake-1"}) as (_, stream):
        start, *_ = [event.data for event in stream]
    assert (start["personaId"], start["model"], start["provider"]) == ("tester", "fake-1", "openai")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"personaId": "nobody"}, 404, "persona_not_found"),
        ({"baseUrl": "http://192.0.2.1"}, 422, "request_invalid"),
        ({"model": ""}, 422, "request_invalid"),
        ({"model": 7}, 422, "request_invalid"),
        ([], 422, "request_invalid"),
    ],
)
def test_who_cannot_answer_is_refused(
    client: httpx2.Client, fake: FakeProvider, body: object, status: int, code: str
) -> None:
    message_id = said(client)[0].data["messageId"]
    problem_of(client.post(f"/chat/{message_id}/regenerate", json=body), status, code)
    assert len(fake.chats) == 1


def test_a_model_never_chooses_an_address(client: httpx2.Client, fake: FakeProvider) -> None:
    message_id = said(client)[0].data["messageId"]
    connections = fake.connections
    response = client.post(f"/chat/{message_id}/regenerate", json={"model": "http://192.0.2.1/v1"})
    assert response.status_code in {200, 404}
    assert fake.connections >= connections
    assert all(chat.path == "/v1/chat/completions" for chat in fake.chats)


# --- after a restart ------------------------------------------------------------------------------

Lives = Callable[[], AbstractContextManager[tuple[httpx2.Client, Services]]]


@pytest.fixture
def lives(fake: FakeProvider, tmp_path: Path) -> Lives:
    """Serves one life of the product after the other, over the same folders."""

    @contextmanager
    def life() -> Iterator[tuple[httpx2.Client, Services]]:
        services = build_services(
            load_settings(
                openai_base_url=fake.base_url,
                openai_api_key="sk-test-key-that-nobody-may-see",
                personas_dir=tmp_path / "personas",
                data_dir=tmp_path / "data",
            )
        )
        services.personas.save(persona_text())
        try:
            with served(services) as client:
                yield client, services
        finally:
            services.close()

    return life


def everything(client: httpx2.Client, message_id: str, after: int = 0) -> list[Event]:
    headers = {"Last-Event-ID": str(after)} if after else {}
    with streamed(client, "GET", f"/chat/{message_id}/events", headers=headers) as (_, stream):
        return list(stream)


def test_after_a_restart_a_reply_resumes_at_every_event(lives: Lives, fake: FakeProvider) -> None:
    thought = [chunk({"reasoning_content": text}) for text in ("Hm", "m.\U0001f914")]
    fake.enqueue(
        events(*thought, chunk("Grü"), chunk("ße, "), chunk("\U0001f600!"), chunk({}, finish="stop"))
    )
    with lives() as (client, _):
        first = said(client)
    message_id = first[0].data["messageId"]
    with lives() as (client, _):
        for after in range(len(first) - 1):
            assert everything(client, message_id, after) == first[after:]
        seen = {"Last-Event-ID": str(len(first) - 1)}
        assert client.get(f"/chat/{message_id}/events", headers=seen).status_code == 204
        beyond = {"Last-Event-ID": str(len(first))}
        problem_of(client.get(f"/chat/{message_id}/events", headers=beyond), 422, "request_invalid")


def test_after_a_restart_a_failed_reply_still_says_why(lives: Lives, fake: FakeProvider) -> None:
    fake.enqueue(events(chunk("some"), {"error": {"message": "boom"}}, done=False))
    with lives() as (client, _):
        first = said(client)
    with lives() as (client, _):
        assert everything(client, first[0].data["messageId"]) == first
        read = client.get(f"/conversations/{first[0].data['conversationId']}").json()["messages"][-1]
        assert (read["state"], read["error"]["code"]) == ("failed", "stream_failed")


def test_a_reply_is_interrupted_by_the_end_of_the_server_and_can_be_continued_after_it(
    lives: Lives, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["so far", Gate()]), tokens([" and on"]))
    with lives() as (client, services), chatting(client) as (_, stream):
        start = next(stream).data
        message_id, conversation_id = start["messageId"], start["conversationId"]
        until(stream, "delta")
        services.runner.interrupt_all()
        error, closing = stream
        assert (error.name, error.data["code"], closing.data) == ("error", "interrupted", "[DONE]")
    with lives() as (client, _):
        conversation = client.get(f"/conversations/{conversation_id}").json()
        assert conversation["messages"][-1]["state"] == "interrupted"
        with streamed(client, "POST", f"/chat/{message_id}/continue") as (_, stream):
            assert text_of(list(stream)) == " and on"
        assert text_of(everything(client, message_id)) == "so far and on"


def test_a_reply_whose_server_died_ends_with_an_error_however_far_one_had_come(
    lives: Lives, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["so ", "far"]), tokens([" and on"]))
    with lives() as (client, before):
        message_id = said(client)[0].data["messageId"]
    with before.database.write() as connection:  # as if it had been killed before the reply's end
        this = turns.c.id == message_id
        items = json.loads(connection.execute(select(turns.c.journal).where(this)).scalar_one())
        lost = {"state": "running", "finish_reason": None, "process_id": "0" * 32}
        begun = [item for item in items if isinstance(item, int) or item[0] == "started"]
        connection.execute(update(turns).where(this).values(lost | {"journal": json.dumps(begun)}))
    before.database.close()
    with lives() as (client, _):
        seen = everything(client, message_id)
        assert [event.name for event in seen] == ["start", *["delta"] * (len(begun) - 1), "error", None]
        assert seen[-2].data["code"] == "interrupted"
        for after in (1, 2, 3, 4, 70):
            resumed = everything(client, message_id, after)
            assert resumed[-2].name == "error"
            assert text_of(resumed) == text_of(seen[after:])
            assert all(event.number > after for event in resumed if event.number is not None)
        with streamed(client, "POST", f"/chat/{message_id}/continue") as (_, stream):
            assert text_of(list(stream)) == " and on"
        assert text_of(everything(client, message_id)) == "so far and on"


def test_who_has_seen_the_end_and_comes_again_gets_204(client: httpx2.Client, fake: FakeProvider) -> None:
    """An EventSource asks again whenever a stream ends, and stops at 204."""
    found = said(client)
    message_id = found[0].data["messageId"]
    number = max(event.number for event in found if event.number)
    path = f"/chat/{message_id}/events"
    assert client.get(path, headers={"Last-Event-ID": str(number)}).status_code == 204
    rest = client.get(path, headers={"Last-Event-ID": str(number - 1)})
    assert rest.status_code == 200
    assert "event: done" in rest.text
