"""GET /metrics: off without its own token, open to that one alone, and equal to the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from personachat.services import Services
from personachat.telemetry import prometheus
from personachat.usage.model import Call, Origin
from tests.api.conftest import served
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, status, tokens
from tests.usage.conftest import ledger_of, over

TOKEN = "the-token-of-prometheus"
API_TOKEN = "a-token-of-the-api-that-is-long"


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    return make_services(metrics_token=TOKEN)


@pytest.fixture
def client(services: Services) -> Iterator[httpx2.Client]:
    with served(services) as made:
        yield made


def get(client: httpx2.Client, token: str | None = TOKEN, *, accept: str = "*/*") -> httpx2.Response:
    headers = [(b"Accept", accept.encode())]
    if token is not None:
        headers.append((b"Authorization", f"Bearer {token}".strip().encode()))
    return client.get(str(client.base_url.join("/metrics")), headers=headers)


def samples(answer: httpx2.Response) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def total(answer: httpx2.Response, name: str, **labels: str) -> float:
    return sum(
        value
        for (found, given), value in samples(answer).items()
        if found == name and labels.items() <= dict(given).items()
    )


def test_without_a_token_of_its_own_it_does_not_exist(make_services: Callable[..., Services]) -> None:
    with served(make_services(api_tokens=(API_TOKEN,))) as client:
        answers = [get(client, token) for token in (None, "", API_TOKEN, "None")]
    assert {(each.status_code, each.text) for each in answers} == {(404, "There is nothing at this address.")}


def test_only_its_own_token_opens_it_over_loopback_too(make_services: Callable[..., Services]) -> None:
    services = make_services(metrics_token=TOKEN, api_tokens=(API_TOKEN,), trust_loopback=True)
    with served(services) as client:
        for token in (None, "", "wrong", TOKEN[:-1], TOKEN + "x", API_TOKEN, "ünï"):
            answer = get(client, token)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert "personachat_" not in answer.text
            assert TOKEN not in answer.text
        assert get(client).status_code == 200


def test_its_token_does_not_open_the_api(make_services: Callable[..., Services]) -> None:
    with served(make_services(metrics_token=TOKEN, api_tokens=(API_TOKEN,))) as client:
        assert client.get("/personas", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 401


def test_it_is_read_alone(client: httpx2.Client) -> None:
    url = str(client.base_url.join("/metrics"))
    answer = client.post(url, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert client.head(url, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_both_formats_of_prometheus_are_spoken(client: httpx2.Client) -> None:
    assert get(client).headers["content-type"].startswith("text/plain; version=")
    open_metrics = get(client, accept="application/openmetrics-text; version=1.0.0")
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")


def test_it_counts_what_the_ledger_says(
    services: Services, client: httpx2.Client, fake: FakeProvider
) -> None:
    services.personas.save(persona_text("priced", model="gpt-4o"))
    fake.enqueue(tokens(["Hi"], usage=(70, 2)), tokens(["Ho"], usage=(30, 3)), status(401))
    for _ in range(3):
        over(local(services).chat.begin("A secret word", persona_id="priced"))
    rows = ledger_of(services)
    answer = get(client)
    of = {"persona": "priced", "model": "gpt-4o", "purpose": "chat"}
    assert total(answer, "personachat_calls_total", **of, outcome="finished") == 2
    assert total(answer, "personachat_calls_total", **of, outcome="failed") == 1
    assert total(answer, "personachat_tokens_total", kind="prompt") == 100
    assert total(answer, "personachat_tokens_total", kind="completion") == 5
    cost = sum(row["cost_usd"] or 0 for row in rows)
    assert total(answer, "personachat_cost_usd_total") == pytest.approx(cost)
    assert total(answer, "personachat_unpriced_calls_total") == sum(row["cost_usd"] is None for row in rows)
    assert total(answer, "personachat_failures_total", code=rows[-1]["error_code"]) == 1
    assert total(answer, "personachat_first_token_seconds_count", model="gpt-4o") == 2
    assert total(answer, "personachat_call_seconds_count") == 3
    assert total(answer, "personachat_running_replies") == 0
    for secret in ("secret word", "sk-test", TOKEN, rows[0]["owner"]):
        assert secret not in answer.text


def row(**values: Any) -> dict[str, Any]:
    names = ("persona_id", "model", "error_code", "retries", "cost_usd", "first_token_ms", "duration_ms")
    counts = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
    return {
        **dict.fromkeys((*names, *counts)),
        "purpose": "chat",
        "outcome": "finished",
        **values,
    }


def exposed(figures: prometheus.CallFigures) -> httpx2.Response:
    body, media_type = figures.exposition("")
    return httpx2.Response(200, content=body, headers={"Content-Type": media_type})


def figures_of(*rows: dict[str, Any]) -> httpx2.Response:
    figures = prometheus.CallFigures(running=lambda: 0)
    for each in rows:
        figures.ended(Call(Origin(), lambda: pytest.fail("it has ended")), each)
    return exposed(figures)


def test_unknown_is_not_zero() -> None:
    answer = figures_of(row())
    assert total(answer, "personachat_unpriced_calls_total") == 1
    assert not [key for key in samples(answer) if key[0] == "personachat_cost_usd_total"]
    assert not [key for key in samples(answer) if key[0] == "personachat_tokens_total"]
    assert "personachat_cost_usd_total" in figures_of(row(cost_usd=0.0)).text


def test_the_number_of_series_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "MOST_SERIES", 5)
    rows = [row(persona_id=f"p{n}", model=f"m{n}", error_code=f"c{n}", retries=1) for n in range(50)]
    answer = figures_of(*rows)
    labels = {key[1] for key in samples(answer) if key[0] == "personachat_calls_total"}
    assert len(labels) <= 6
    assert total(answer, "personachat_calls_total") == 50
    assert total(answer, "personachat_calls_total", persona="other") >= 45
    assert total(answer, "personachat_failures_total") == 50
    assert total(answer, "personachat_retries_total") == 50


@pytest.mark.parametrize("model", ['a"b', "a\nb 1\npersonachat_calls_total 99", "a\\", "ü\u2028", "{}"])
def test_no_name_can_break_the_format(model: str) -> None:
    answer = figures_of(row(model=model))
    assert total(answer, "personachat_calls_total", model=model) == 1
    assert total(answer, "personachat_calls_total") == 1
