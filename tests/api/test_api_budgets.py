"""Budgets over HTTP, and how a refused reply answers on every surface."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from personachat.services import Services
from tests.api.conftest import served

TOKEN = "a-token-that-is-long-enough"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
NOTHING_LEFT = json.dumps([{"scope": "all", "per": "month", "replies": 0}])


def test_a_reply_that_does_not_fit_in_is_a_429_with_the_time_of_reset(
    make_services: Callable[..., Services],
) -> None:
    with served(make_services(budgets=NOTHING_LEFT)) as client:
        asked = {"personaId": "tester", "message": "Hi"}
        for headers in ({}, {"Accept": "application/json"}):
            refused = client.post("/chat", json=asked, headers=headers)
            told = refused.json()
            assert refused.status_code == 429
            assert refused.headers["content-type"] == "application/problem+json"
            assert told["code"] == "budget_exceeded"
            assert "This month's budget of 0 replies for everyone together is used up." in told["detail"]
            assert told["detail"].endswith(" at 00:00 UTC.")
            assert int(refused.headers["retry-after"]) > 0
        assert client.get("/conversations").json()["conversations"] == []


def test_openais_clients_are_told_that_their_quota_is_used_up(
    make_services: Callable[..., Services],
) -> None:
    with served(make_services(budgets=NOTHING_LEFT)) as client:
        asked = {"model": "tester", "messages": [{"role": "user", "content": "Hi"}]}
        for stream in (False, True):
            refused = client.post("../v1/chat/completions", json=asked | {"stream": stream})
            assert (refused.status_code, refused.json()["error"]["type"]) == (429, "insufficient_quota")
            assert refused.headers["x-should-retry"] == "false"
            assert "This month's budget of 0 replies" in refused.json()["error"]["message"]
        refused = client.post("../v1/responses", json={"model": "tester", "input": "Hi"})
        assert (refused.status_code, refused.json()["error"]["type"]) == (429, "insufficient_quota")


def test_what_limits_a_caller_is_told_with_what_is_spent(make_services: Callable[..., Services]) -> None:
    budgets = [{"scope": "person", "per": "day", "replies": 1}, {"scope": "token", "per": "day", "usd": 1}]
    with served(make_services(budgets=json.dumps(budgets))) as client:
        assert client.post("/chat", json={"personaId": "tester", "message": "Hi"}).status_code == 200
        asked = client.get("/budgets")
        while not asked.json()["budgets"][0]["spent"]:  # it is written a moment later
            client.get("/usage")
            asked = client.get("/budgets")
        (told,) = asked.json()["budgets"]
        assert (told["scope"], told["per"], told["unit"], told["most"]) == ("person", "day", "replies", 1)
        assert (told["spent"], told["reserved"], told["source"]) == (1, 0, "settings")
        assert told["warning"].startswith("100% of today's budget of 1 reply for each person is used.")


def test_who_administers_adds_and_removes_budgets(services: Services) -> None:
    with served(services) as client:
        body: dict[str, Any] = {
            "scope": "persona",
            "name": "tester",
            "per": "month",
            "unit": "usd",
            "most": 5,
        }
        made = client.post("/budgets", json=body)
        assert made.status_code == 201
        told = made.json()
        assert told["source"] == "administrator"
        (listed,) = client.get("/budgets", params={"all": "true"}).json()["budgets"]
        assert (listed["id"], listed["spent"]) == (told["id"], 0)
        for wrong in ({"most": -1}, {"per": "minute"}, {"scope": "all"}, {"unit": "euro"}, {"more": 1}):
            assert client.post("/budgets", json=body | wrong).status_code == 422
        assert client.delete(f"/budgets/{told['id']}").status_code == 204
        assert client.delete(f"/budgets/{told['id']}").status_code == 404
        assert client.get("/budgets", params={"all": "true"}).json() == {"budgets": []}


def test_for_others_there_is_nothing_to_administer(make_services: Callable[..., Services]) -> None:
    with served(make_services(api_tokens=TOKEN, budgets=NOTHING_LEFT)) as client:
        assert len(client.get("/budgets", headers=BEARER).json()["budgets"]) == 1
        body = {"scope": "all", "per": "day", "unit": "usd", "most": 5}
        answers = [
            client.get("/budgets", params={"all": "true"}, headers=BEARER),
            client.post("/budgets", json=body, headers=BEARER),
            client.delete("/budgets/some", headers=BEARER),
        ]
        assert [answer.status_code for answer in answers] == [404] * 3
        assert {answer.json()["detail"] for answer in answers} == {"There is nothing at this address."}
