"""Suites and runs over real HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from tests.api.wire import events_of, problem_of

SUITE = """\
persona: tester
repeat: 2
cases:
  - name: greets
    say: Hi
    check: [ { contains: "You said" } ]
"""


def save(client: httpx2.Client, text: str = SUITE, **headers: str) -> httpx2.Response:
    return client.put("/tests/suites/tester", json={"text": text}, headers=headers)


def followed(client: httpx2.Client, run_id: str) -> list[tuple[str, Any]]:
    """The events of a run, up to its end."""
    found = []
    with client.stream("GET", f"/tests/runs/{run_id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for block in "".join(stream.iter_text()).split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "event" in lines:
                found.append((lines["event"], json.loads(lines["data"])))
    return found


def test_a_suite_is_saved_read_and_deleted_with_its_etag(client: httpx2.Client) -> None:
    problem_of(client.get("/tests/suites/tester"), 404, "suite_not_found")
    saved = save(client)
    assert (saved.status_code, saved.json()["cases"]) == (200, 1)
    read = client.get("/tests/suites/tester")
    assert (read.json()["text"], read.headers["etag"]) == (SUITE, saved.headers["etag"])
    assert [each["personaId"] for each in client.get("/tests/suites").json()["suites"]] == ["tester"]
    assert save(client, SUITE + "# more\n", **{"If-Match": read.headers["etag"]}).status_code == 200
    problem_of(save(client, SUITE, **{"If-Match": read.headers["etag"]}), 412, "suite_changed")
    assert client.delete("/tests/suites/tester").status_code == 204
    problem_of(client.delete("/tests/suites/tester"), 404, "suite_not_found")


def test_problems_of_a_suite_have_lines(client: httpx2.Client) -> None:
    told = problem_of(save(client, SUITE.replace("contains", "containz")), 422, "suite_invalid")
    assert [(each["line"], each["path"][-1]) for each in told["problems"]] == [(6, "containz")]
    problem_of(client.put("/tests/suites/nobody", json={"text": "x"}), 404, "persona_not_found")


def test_a_run_is_estimated_run_followed_and_read(client: httpx2.Client) -> None:
    save(client)
    wanted = {"personaId": "tester", "repeat": 3}
    assert client.post("/tests/forecast", json=wanted).json()["calls"] == 3
    started = client.post("/tests/runs", json=wanted)
    assert started.status_code == 202
    run_id = started.json()["id"]
    events = followed(client, run_id)
    assert [name for name, _ in events] == ["reply"] * 3 + ["done"]
    assert events[0][1]["text"] == "You said: Hi"
    assert events[-1][1]["score"]["states"]["pass"] == 1
    assert followed(client, run_id) == events
    run = client.get(f"/tests/runs/{run_id}").json()
    assert (run["state"], run["score"]["passedInEveryRepeat"]["hits"]) == ("finished", 1)
    assert 'failures="0"' in client.get(f"/tests/runs/{run_id}/junit").text
    assert [each["id"] for each in client.get("/tests/runs").json()["runs"]] == [run_id]
    problem_of(client.post(f"/tests/runs/{run_id}/cancel"), 409, "test_run_over")
    link = client.post(f"/tests/runs/{run_id}/share").json()
    assert link["url"] == f"/shared?results={link['token']}"
    assert client.delete(f"/tests/runs/{run_id}/share").status_code == 204
    assert client.post(f"/tests/runs/{run_id}/share").json()["token"] != link["token"]
    assert client.delete(f"/tests/runs/{run_id}").status_code == 204
    problem_of(client.get(f"/tests/runs/{run_id}"), 404, "test_run_not_found")


def test_what_cannot_be_run_is_refused(client: httpx2.Client) -> None:
    problem_of(client.post("/tests/runs", json={"personaId": "tester"}), 404, "suite_not_found")
    save(client)
    priced = {"personaId": "tester", "model": "fake-1", "maxCostUsd": 1}
    problem_of(client.post("/tests/runs", json=priced), 409, "test_run_refused")
    problem_of(
        client.post("/tests/runs", json={"personaId": "tester", "revision": 99}), 404, "revision_not_found"
    )


def test_null_is_the_same_as_leaving_out(client: httpx2.Client) -> None:
    save(client)
    unset = dict.fromkeys(("repeat", "model", "revision", "maxCostUsd", "pairwiseAgainst"))
    assert client.post("/tests/forecast", json={"personaId": "tester", **unset}).json()["calls"] == 2
    unset = dict.fromkeys(("model", "revision", "maxCostUsd"))
    started = client.post("/tests/sweeps", json={"personaId": "tester", "message": "Hi", **unset})
    assert started.status_code == 202
    followed(client, started.json()["id"])


def test_the_schema_is_one(client: httpx2.Client) -> None:
    assert client.get("/tests/schema").json()["title"] == "PersonaChat test suite"


def test_conversations_are_replayed_on_their_own_course(client: httpx2.Client) -> None:
    with client.stream("POST", "/chat", json={"personaId": "tester", "message": "Hi"}) as stream:
        start, *_ = events_of(stream)
    conversation_id = start.data["conversationId"]
    wanted = {"personaId": "tester", "conversationIds": [conversation_id], "course": "own"}
    started = client.post("/tests/replays", json=wanted)
    assert started.status_code == 202
    events = followed(client, started.json()["id"])
    assert events[0][1]["text"] == "You said: Hi"
    run = client.get(f"/tests/runs/{started.json()['id']}").json()
    assert (run["kind"], run["options"]) == ("replay", {"course": "own"})
    assert [each["kind"] for each in client.get("/tests/runs?kind=replay").json()["runs"]] == ["replay"]
    nowhere = client.post("/tests/replays", json=wanted | {"conversationIds": ["0" * 32]})
    problem_of(nowhere, 404, "conversation_not_found")


def test_replies_are_measured_and_talked_to_by_a_simulated_user(client: httpx2.Client) -> None:
    with client.stream("POST", "/chat", json={"personaId": "tester", "message": "Hi"}) as stream:
        start, *_ = events_of(stream)
    wanted = {"personaId": "tester", "conversationIds": [start.data["conversationId"]]}
    problem_of(client.post("/tests/adherence", json=wanted), 409, "test_run_refused")
    measured = client.post("/tests/adherence", json=wanted | {"questions": ["Is it kind?"]})
    events = followed(client, measured.json()["id"])
    assert [(name, data.get("text")) for name, data in events] == [("reply", "You said: Hi"), ("done", None)]
    talk = {"personaId": "tester", "userModel": "fake-2", "questions": ["Is it kind?"], "rounds": 2}
    started = client.post("/tests/stress", json=talk)
    assert started.status_code == 202
    told = [data for name, data in followed(client, started.json()["id"]) if name == "reply"]
    assert (len(told), told[0]["userModel"]) == (2, "openai/fake-2")  # the fake plays no user
    problem_of(client.post("/tests/stress", json=talk | {"rounds": 0}), 422, "request_invalid")


def test_a_persona_is_tried_in_many_manners(client: httpx2.Client) -> None:
    wanted = {"personaId": "tester", "tones": ["warm", "dry"], "temperatures": [0, 1], "message": "Hi"}
    started = client.post("/tests/sweeps", json=wanted)
    assert started.status_code == 202
    events = followed(client, started.json()["id"])
    assert [name for name, _ in events] == ["reply"] * 4 + ["done"]
    told = client.get(f"/tests/runs/{started.json()['id']}").json()
    assert told["options"]["manners"][0] == {"tone": "warm", "temperature": 0.0}
    too_many = client.post("/tests/sweeps", json=wanted | {"styles": [str(each) for each in range(40)]})
    problem_of(too_many, 409, "test_run_refused")
    problem_of(client.post("/tests/sweeps", json=wanted | {"cases": ["none"]}), 404, "suite_not_found")


def test_what_a_comparison_lacks_is_said(client: httpx2.Client) -> None:
    save(client)
    first = client.post("/tests/runs", json={"personaId": "tester"}).json()
    followed(client, first["id"])
    assert first["pairs"] is None
    wanted = {"personaId": "tester", "pairwiseAgainst": first["id"]}
    problem_of(client.post("/tests/runs", json=wanted), 409, "test_run_refused")
