"""Comparisons over HTTP: one stream for all columns, and nothing that a blind vote must not know."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from personachat.services import Services
from tests.api.wire import Event, events_of, problem_of, streamed
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, failure, tokens
from tests.lab.comparisons.conftest import without_ids

AS_JSON = {"Accept": "application/json"}
WITHHELD = ("ada", "bob", "fake-1", "fake-2", "openai", "gpt", "token", "cost")


@pytest.fixture(autouse=True)
def personas(services: Services) -> None:
    for number, each in enumerate(("ada", "bob"), 1):
        services.personas.save(persona_text(each, model=f"fake-{number}"))


def body(message: str = "Hello?", **more: Any) -> dict[str, Any]:
    return {"message": message, "variants": [{"personaId": "ada"}, {"personaId": "bob"}], **more}


def started(client: httpx2.Client, **more: Any) -> dict[str, Any]:
    """A comparison whose replies are complete."""
    answer = client.post("/comparisons", json=body(**more), headers=AS_JSON)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def words(events: list[Event], letter: str) -> str:
    return "".join(
        each.data["content"] for each in events if each.name == "delta" and each.data["variant"] == letter
    )


def test_all_columns_stream_at_once_and_each_event_says_whose_it_is(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    gates = [Gate(), Gate()]
    fake.answer_by_model(
        {f"fake-{n}": tokens([f"begun {n}", gate, f" done {n}"]) for n, gate in enumerate(gates, 1)}
    )
    with streamed(client, "POST", "/comparisons", json=body()) as (_, stream):
        head = next(stream)
        assert (head.name, head.data["number"], head.data["variants"]) == ("comparison", 1, ["A", "B"])
        seen: list[Event] = []
        while not (words(seen, "A") and words(seen, "B")):  # neither waits for the other to end
            seen.append(next(stream))
        for gate in gates:
            gate.open()
        seen += list(stream)
    assert (words(seen, "A"), words(seen, "B")) == ("begun 1 done 1", "begun 2 done 2")
    assert seen[-1].data == "[DONE]"
    starts = {each.data["variant"]: each.data["model"] for each in seen if each.name == "start"}
    assert starts == {"A": "fake-1", "B": "fake-2"}
    read = client.get(f"/comparisons/{head.data['id']}").json()
    assert [each["text"] for each in read["messages"][0]["replies"]] == ["begun 1 done 1", "begun 2 done 2"]


def test_a_stream_that_is_left_can_be_taken_up_again_from_the_start(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    gate = Gate()
    fake.answer_by_model({"fake-1": tokens(["Once", gate, " more"])})
    with streamed(client, "POST", "/comparisons", json=body()) as (_, stream):
        comparison_id = next(stream).data["id"]
    gate.wait_reached()
    gate.open()
    with streamed(client, "GET", f"/comparisons/{comparison_id}/events") as (_, stream):
        events = list(stream)
    assert words(events, "A") == "Once more"
    assert words(events, "B") == "You said: Hello?"


def test_a_column_that_fails_says_so_and_the_others_go_on(client: httpx2.Client, fake: FakeProvider) -> None:
    fake.answer_by_model({"fake-1": failure(401, "no")})
    with streamed(client, "POST", "/comparisons", json=body()) as (_, stream):
        events = list(stream)
    (error,) = [each.data for each in events if each.name == "error"]
    assert (error["variant"], error["code"]) == ("A", "api_key_refused")
    assert words(events, "B") == "You said: Hello?"
    comparison_id = events[0].data["id"]
    with streamed(client, "POST", f"/comparisons/{comparison_id}/retry", json={"variant": "A"}) as (
        _,
        stream,
    ):
        assert words(list(stream), "A") == "You said: Hello?"


def test_no_byte_that_is_sent_before_a_blind_vote_tells_who_is_who(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    fake.answer_by_model({"fake-1": failure(404, "The model fake-1 of ada does not exist.")})
    sent: list[str] = []
    with client.stream("POST", "/comparisons", json=body(blind=True)) as response:
        sent += [*response.headers.values(), response.read().decode()]
    comparison_id = json.loads(sent[-1].split("data: ")[1].split("\n")[0])["id"]
    here = f"/comparisons/{comparison_id}"
    for path in (here, f"{here}/standing", f"{here}/events", "/comparisons"):
        sent.append(client.get(path).text)
    told = without_ids(" ".join(sent).lower()).replace("prompttokens", "").replace("completiontokens", "")
    told = told.replace("firsttokenseconds", "").replace("tokenspersecond", "").replace("costusd", "")
    for each in WITHHELD:
        assert each not in told, each
    for file_format in ("markdown", "json"):
        text = without_ids(client.get(f"{here}/export", params={"format": file_format}).text.lower())
        for each in WITHHELD[:6]:
            assert each not in text
    rows = client.get(f"{here}/export", params={"format": "csv"}).text.splitlines()[1:]
    assert all(each not in without_ids(row.lower()) for row in rows for each in WITHHELD)
    problem_of(client.post(f"{here}/continue", json={"variant": "A"}), 409, "vote_refused")
    voted = client.post(f"{here}/votes", json={"number": 1, "choice": "both_bad"}).json()
    assert sorted(each["name"] for each in voted["messages"][0]["replies"]) == [
        "Ada",
        "Bob",
    ]
    assert voted["messages"][0]["vote"] == {
        "choice": "both_bad",
        "counted": False,
        "whyNot": "a reply failed or was cut off",
    }


def test_votes_lead_to_a_standing(client: httpx2.Client) -> None:
    made = started(client)
    here = f"/comparisons/{made['id']}"
    client.post(f"{here}/votes", json={"number": 1, "choice": "B"})
    standing = client.get(f"{here}/standing").json()
    assert standing["sentence"].startswith("Nothing is decided after 1 vote: Bob leads")
    assert [(each["name"], each["wins"]) for each in standing["places"]] == [
        ("Bob", 1),
        ("Ada", 0),
    ]
    problem_of(client.post(f"{here}/votes", json={"number": 1, "choice": "Z"}), 404, "reply_not_found")
    problem_of(client.post(f"{here}/votes", json={"number": 2, "choice": "A"}), 404, "reply_not_found")


def test_a_comparison_goes_on_and_one_column_becomes_a_conversation(client: httpx2.Client) -> None:
    made = started(client)
    here = f"/comparisons/{made['id']}"
    more = client.post(f"{here}/messages", json={"message": "And now?"}, headers=AS_JSON).json()
    assert [each["message"] for each in more["messages"]] == ["Hello?", "And now?"]
    continued = client.post(f"{here}/continue", json={"variant": "A"})
    assert continued.status_code == 201
    assert (continued.json()["persona"], continued.json()["differs"]) == ("ada", [])
    read = client.get(f"/conversations/{continued.json()['conversationId']}").json()
    assert [each["content"] for each in read["messages"]] == [
        "Hello?",
        "You said: Hello?",
        "And now?",
        "You said: And now?",
    ]


def test_it_is_listed_renamed_deleted_and_restored(client: httpx2.Client) -> None:
    made = started(client)
    here = f"/comparisons/{made['id']}"
    assert client.patch(here, json={"title": "Mine"}).json()["title"] == "Mine"
    (listed,) = client.get("/comparisons", params={"q": "mine"}).json()["comparisons"]
    assert (listed["title"], listed["messageCount"], listed["voteCount"]) == ("Mine", 1, 0)
    assert client.delete(here).status_code == 204
    problem_of(client.get(here), 404, "comparison_not_found")
    assert client.post(f"{here}/restore").json()["title"] == "Mine"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"message": "Hi", "variants": [{"personaId": "ada"}]}, 422, "comparison_invalid"),
        ({"message": " ", "variants": body()["variants"]}, 422, "message_invalid"),
        ({"message": "Hi", "variants": [{"personaId": "ada"}, {"personaId": "x"}]}, 404, "persona_not_found"),
        ({"message": "Hi", "variants": [{"personaId": "ada", "revision": 9}] * 2}, 404, "revision_not_found"),
        ({"message": "Hi", "variants": [{"personaId": "ada", "draft": "{"}] * 2}, 422, "persona_invalid"),
        ({"message": "Hi", "variants": [{"personaId": "ada", "temperature": 9}] * 2}, 422, "request_invalid"),
        ({"message": "Hi"}, 422, "request_invalid"),
    ],
)
def test_what_cannot_be_compared_is_a_problem(
    client: httpx2.Client, sent: dict[str, Any], status: int, code: str
) -> None:
    problem_of(client.post("/comparisons", json=sent), status, code)
    assert client.get("/comparisons").json() == {"comparisons": []}


def test_the_events_are_plain_server_sent_events(client: httpx2.Client) -> None:
    with client.stream("POST", "/comparisons", json=body("Grüße 😀")) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = list(events_of(response))
    assert {each.name for each in events} >= {"comparison", "start", "delta", "usage", "done", None}


def test_a_list_of_messages_waits_and_all_votes_make_an_overall_standing(client: httpx2.Client) -> None:
    made = started(client, waiting=["Second"])
    here = f"/comparisons/{made['id']}"
    assert made["waiting"] == ["Second"]
    more = client.post(f"{here}/messages", json={}, headers=AS_JSON).json()
    assert [each["message"] for each in more["messages"]] == ["Hello?", "Second"]
    problem_of(client.post(f"{here}/messages", json={}), 422, "message_invalid")
    client.post(f"{here}/votes", json={"number": 1, "choice": "A"})
    overall = client.get("/comparisons/standing").json()
    assert [(each["personaId"], each["model"], each["wins"]) for each in overall["places"]] == [
        ("ada", "fake-1", 1),
        ("bob", "fake-2", 0),
    ]
    assert client.get("/comparisons/standing", params={"q": "nothing like it"}).json()["votes"] == 0


def test_lists_of_messages_are_saved_sent_by_their_id_and_narrow_the_standing(client: httpx2.Client) -> None:
    saved = client.post("/question-sets", json={"name": "Trams", "messages": ["How?", "Why?"]})
    assert saved.status_code == 201
    set_id = saved.json()["id"]
    here = f"/question-sets/{set_id}"
    taken = {"name": "trams", "messages": ["x"]}
    problem_of(client.post("/question-sets", json=taken), 422, "question_set_invalid")
    sent = {"variants": body()["variants"], "questionSetId": set_id}
    made = client.post("/comparisons", json=sent, headers=AS_JSON).json()
    assert (made["messages"][0]["message"], made["waiting"]) == ("How?", ["Why?"])
    problem_of(client.post("/comparisons", json=sent | {"message": "Hi"}), 422, "question_set_invalid")
    client.post(f"/comparisons/{made['id']}/votes", json={"number": 1, "choice": "A"})
    other = started(client, message="Something else")
    client.post(f"/comparisons/{other['id']}/votes", json={"number": 1, "choice": "B"})
    told = client.get("/comparisons/standing", params={"questionSetId": set_id, "everyone": True}).json()
    assert (told["votes"], told["voters"][0]["votes"]) == (1, 1)
    assert client.get("/comparisons/standing").json()["votes"] == 2
    assert client.patch(here, json={"name": "Ferries"}).json()["messages"] == ["How?", "Why?"]
    assert client.delete(here).status_code == 204
    problem_of(client.get(here), 404, "question_set_not_found")
    missing = client.get("/comparisons/standing", params={"questionSetId": set_id})
    problem_of(missing, 404, "question_set_not_found")
    assert client.post(f"{here}/restore").json()["name"] == "Ferries"
    assert [each["name"] for each in client.get("/question-sets").json()["questionSets"]] == ["Ferries"]


def test_a_comparison_stops_at_a_sum_and_goes_on_once_that_is_raised(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    variants = [{"personaId": "ada", "model": each} for each in ("gpt-4o", "gpt-4o-mini")]
    sent = {"variants": variants, "message": "One", "waiting": ["Two"]}
    refused = client.post("/comparisons", json=sent | {"maxCostUsd": 0.0001})
    assert "Raise the limit" in problem_of(refused, 409, "cost_limit_reached")["hint"]
    assert fake.chats == []
    made = client.post("/comparisons", json=sent | {"maxCostUsd": 1}, headers=AS_JSON).json()
    here = f"/comparisons/{made['id']}"
    assert client.patch(here, json={"maxCostUsd": 0}).json()["maxCostUsd"] == 0
    problem_of(client.post(f"{here}/messages", json={}), 409, "cost_limit_reached")
    assert len(fake.chats) == 2
    assert client.get(here).json()["waiting"] == ["Two"]
    assert client.patch(here, json={"maxCostUsd": None}).json()["title"] == "One"
    more = client.post(f"{here}/messages", json={}, headers=AS_JSON).json()
    assert [each["message"] for each in more["messages"]] == ["One", "Two"]


def test_a_blind_voter_gets_all_columns_at_once_and_nothing_of_them_in_the_usage(
    client: httpx2.Client, fake: FakeProvider
) -> None:
    gate = Gate()
    fake.answer_by_model({"fake-1": tokens(["Quick."]), "fake-2": tokens(["Slow", gate, " too."])})
    with streamed(client, "POST", "/comparisons", json=body(blind=True)) as (_, stream):
        here = f"/comparisons/{next(stream).data['id']}"
        gate.wait_reached()
        sent = client.get(here).text + client.get("/usage").text
        gate.open()
        events = [(each.name, each.data) for each in stream]
    assert "Quick" not in sent
    assert "Slow" not in sent
    assert [name for name, _ in events] == [*["start", "delta", "done"] * 2, None]
    assert [data["variant"] for _, data in events[:-1]] == ["A"] * 3 + ["B"] * 3
    sent += client.get(here).text + client.get("/usage?by=model,persona").text
    sent += client.get("/usage").text
    for each in ("fake-1", "fake-2", "ada", "bob"):
        assert each not in without_ids(sent.lower()), each
    client.post(f"{here}/votes", json={"number": 1, "choice": "A"})
    assert "fake-1" in client.get("/usage?by=model").text
