"""Alive and ready are two things: a server without a database or a model lives, and takes no requests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.providers import registry
from personachat.services import Services
from tests.api.conftest import served
from tests.api.wire import problem_of

STRANGER = {"X-Forwarded-For": "203.0.113.9"}


def test_a_server_with_a_database_and_a_provider_is_ready_for_strangers_too(services: Services) -> None:
    with served(services) as client:
        for headers in ({}, STRANGER):
            answer = client.get("/ready", headers=headers)
            assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_without_a_database_it_is_alive_and_not_ready(make_services: Callable[..., Services]) -> None:
    services = make_services(database_url="postgresql://someone:nobody-may-see@127.0.0.1:1/none")
    with served(services) as client:
        refused = client.get("/ready")
        told = problem_of(refused, 503, "not_ready")
        assert told["detail"] == "The database can't be used."
        assert told["reason"]
        assert int(refused.headers["retry-after"]) >= 1
        assert "nobody-may-see" not in refused.text
        assert "reason" not in problem_of(client.get("/ready", headers=STRANGER), 503, "not_ready")
        assert client.get("/health").status_code == 200


def test_without_a_model_it_is_alive_and_not_ready(
    make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "embedded_model_installed", lambda _: False)
    with served(make_services(openai_base_url=None, openai_api_key=None)) as client:
        told = problem_of(client.get("/ready"), 503, "not_ready")
        assert (told["detail"], "OPENAI_BASE_URL" in told["reason"]) == ("No model is available.", True)
        assert client.get("/health").status_code == 200


def test_a_server_that_is_shutting_down_lives_and_gets_no_more_requests(services: Services) -> None:
    with served(services) as client:
        services.runner.drain()
        problem_of(client.get("/ready", headers=STRANGER), 503, "draining")
        assert client.get("/health").json()["status"] == "draining"
