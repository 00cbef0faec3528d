"""The OpenAPI description against the running API: nothing is answered that it does not declare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import booleans
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from personachat.api.app import create_api
from personachat.api.v1.app import create_v1
from personachat.personas.persona import persona_schema
from tests.api.conftest import standing
from tests.api.wire import said


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the API is: one for all, since hypothesis calls a test many times over."""
    with standing(tmp_path_factory.mktemp("described")) as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture(scope="module")
def ids(address: str) -> dict[str, str]:
    """By how a path begins: the id of something that is there."""
    with httpx2.Client(base_url=address) as client:
        start = said(client)[0].data
        compared = {"message": "Hi", "variants": [{"personaId": "tester", "samples": 2}]}
        as_json = {"Accept": "application/json"}
        comparison = client.post("/comparisons", json=compared, headers=as_json, timeout=20).json()["id"]
        questions = client.post("/question-sets", json={"name": "Some", "messages": ["Hi"]}).json()["id"]
    return {
        "/chat/": start["messageId"],
        "/messages/": start["messageId"],
        "/conversations/": start["conversationId"],
        "/personas/{id}": "tester",
        "/comparisons/": comparison,
        "/question-sets/": questions,
        "/tests/suites/{id}": "tester",
    }


@pytest.fixture(scope="module")
def description(address: str) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{address}/openapi.json")


OPERATIONS = [
    ("POST", "/chat"),
    ("GET", "/chat/{messageId}/events"),
    ("POST", "/chat/{messageId}/pause"),
    ("POST", "/chat/{messageId}/resume"),
    ("POST", "/chat/{messageId}/stop"),
    ("POST", "/chat/{messageId}/continue"),
    ("POST", "/chat/{messageId}/regenerate"),
    ("GET", "/conversations"),
    ("GET", "/conversations/export"),
    ("POST", "/conversations/import"),
    ("GET", "/conversations/{id}"),
    ("PATCH", "/conversations/{id}"),
    ("DELETE", "/conversations/{id}"),
    ("POST", "/conversations/{id}/restore"),
    ("POST", "/conversations/{id}/fork"),
    ("GET", "/conversations/{id}/export"),
    ("POST", "/conversations/{id}/share"),
    ("GET", "/conversations/{id}/share"),
    ("DELETE", "/conversations/{id}/share"),
    ("PATCH", "/messages/{id}"),
    ("DELETE", "/messages/{id}"),
    ("POST", "/messages/{id}/edit"),
    ("POST", "/messages/{id}/show"),
    ("POST", "/messages/{id}/restore"),
    ("GET", "/messages/{id}/request"),
    ("GET", "/personas"),
    ("POST", "/personas"),
    ("DELETE", "/personas"),
    ("GET", "/personas/schema"),
    ("GET", "/personas/deleted"),
    ("GET", "/personas/export"),
    ("POST", "/personas/import"),
    ("GET", "/personas/{id}/lore"),
    ("POST", "/personas/{id}/lore"),
    ("POST", "/personas/{id}/lore/test"),
    ("PUT", "/personas/{id}/picture"),
    ("GET", "/personas/{id}/picture"),
    ("DELETE", "/personas/{id}/picture"),
    ("POST", "/personas/lint"),
    ("GET", "/personas/shared/{token}"),
    ("GET", "/personas/{id}/revisions"),
    ("GET", "/personas/{id}/revisions/{number}"),
    ("GET", "/personas/{id}/diff"),
    ("POST", "/personas/{id}/restore"),
    ("GET", "/personas/{id}/export"),
    ("POST", "/personas/{id}/share"),
    ("DELETE", "/personas/{id}/share"),
    ("POST", "/personas/{id}/rename"),
    ("GET", "/personas/{id}/labels"),
    ("GET", "/personas/{id}/access"),
    ("PUT", "/personas/{id}/access"),
    ("PUT", "/personas/{id}/labels/{label}"),
    ("DELETE", "/personas/{id}/labels/{label}"),
    ("GET", "/templates"),
    ("POST", "/templates"),
    ("GET", "/templates/{id}"),
    ("DELETE", "/templates/{id}"),
    ("GET", "/personas/{id}"),
    ("PUT", "/personas/{id}"),
    ("DELETE", "/personas/{id}"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/usage"),
    ("GET", "/tests/schema"),
    ("GET", "/tests/suites"),
    ("GET", "/tests/suites/{id}"),
    ("PUT", "/tests/suites/{id}"),
    ("DELETE", "/tests/suites/{id}"),
    ("POST", "/tests/forecast"),
    ("POST", "/tests/runs"),
    ("POST", "/tests/replays"),
    ("POST", "/tests/sweeps"),
    ("POST", "/tests/adherence"),
    ("POST", "/tests/stress"),
    ("GET", "/tests/runs"),
    ("GET", "/tests/runs/{id}"),
    ("GET", "/tests/runs/{id}/junit"),
    ("GET", "/tests/runs/{id}/events"),
    ("POST", "/tests/runs/{id}/cancel"),
    ("POST", "/tests/runs/{id}/resume"),
    ("POST", "/tests/runs/{id}/share"),
    ("DELETE", "/tests/runs/{id}/share"),
    ("DELETE", "/tests/runs/{id}"),
    ("POST", "/comparisons"),
    ("GET", "/comparisons"),
    ("GET", "/comparisons/standing"),
    ("GET", "/comparisons/{id}"),
    ("PATCH", "/comparisons/{id}"),
    ("DELETE", "/comparisons/{id}"),
    ("POST", "/comparisons/{id}/restore"),
    ("POST", "/comparisons/{id}/messages"),
    ("POST", "/comparisons/{id}/list"),
    ("GET", "/comparisons/{id}/events"),
    ("POST", "/comparisons/{id}/stop"),
    ("POST", "/comparisons/{id}/retry"),
    ("POST", "/comparisons/{id}/votes"),
    ("POST", "/comparisons/{id}/reveal"),
    ("GET", "/comparisons/{id}/standing"),
    ("GET", "/comparisons/{id}/export"),
    ("POST", "/comparisons/{id}/share"),
    ("DELETE", "/comparisons/{id}/share"),
    ("POST", "/comparisons/{id}/continue"),
    ("GET", "/question-sets"),
    ("POST", "/question-sets"),
    ("GET", "/question-sets/{id}"),
    ("PATCH", "/question-sets/{id}"),
    ("DELETE", "/question-sets/{id}"),
    ("POST", "/question-sets/{id}/restore"),
    ("GET", "/budgets"),  # last: what is added here limits the others
    ("POST", "/budgets"),
    ("DELETE", "/budgets/{id}"),
    ("GET", "/audit"),
    ("GET", "/tokens"),
    ("POST", "/tokens"),
    ("DELETE", "/tokens/{id}"),
]
REFUSING = [
    ("POST", "/chat"),
    ("POST", "/personas"),
    ("DELETE", "/personas"),
    ("PUT", "/personas/{id}"),
    ("POST", "/personas/{id}/rename"),
    ("PUT", "/personas/{id}/labels/{label}"),
    ("POST", "/chat/{messageId}/regenerate"),
    ("GET", "/conversations"),
    ("GET", "/conversations/{id}"),
    ("PATCH", "/conversations/{id}"),
    ("POST", "/conversations/{id}/fork"),
    ("POST", "/conversations/import"),
    ("PATCH", "/messages/{id}"),
    ("POST", "/messages/{id}/edit"),
    ("GET", "/personas/{id}/diff"),
    ("POST", "/templates"),
    ("GET", "/usage"),
    ("PUT", "/tests/suites/{id}"),
    ("POST", "/tests/runs"),
    ("POST", "/tests/replays"),
    ("POST", "/tests/sweeps"),
    ("POST", "/tests/adherence"),
    ("POST", "/tests/stress"),
    ("GET", "/tests/runs"),
]
"""Those that can be asked in a way the description does not allow."""


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [(*operation, GenerationMode.POSITIVE) for operation in OPERATIONS]
    + [(*operation, GenerationMode.NEGATIVE) for operation in REFUSING],
)
def test_generated_requests_are_answered_as_described(
    description: BaseSchema, ids: dict[str, str], method: str, path: str, mode: GenerationMode
) -> None:
    operation = description[path][method]
    real = next((known for begins, known in ids.items() if path.startswith(begins)), None)

    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_there=booleans())
    def check(*, case: Case[Any], is_there: bool) -> None:
        named = [name for name in case.path_parameters or () if name != "number"]
        if is_there and real and mode is GenerationMode.POSITIVE and case.path_parameters:
            case.path_parameters = {**case.path_parameters, **dict.fromkeys(named, real)}
        # A request can fit the schema and not the facts: a version that has changed, an id that differs.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    check()


def test_every_operation_is_generated_for(address: str) -> None:
    described = httpx2.get(f"{address}/openapi.json").json()["paths"]
    assert {(method.upper(), path) for path, methods in described.items() for method in methods} == set(
        OPERATIONS
    )


def test_every_operation_says_what_it_is_for(address: str) -> None:
    described = httpx2.get(f"{address}/openapi.json").json()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], f"{method} {path}"
            assert operation["description"], f"{method} {path}"
            assert operation["responses"]["default"]["content"].keys() == {"application/problem+json"}


def test_limits_have_json_schemas_names_and_the_document_says_where_it_is_served() -> None:
    described = create_api().openapi()
    assert described["servers"] == [{"url": "/api"}]
    found = {key for key, value in _entries(described) if isinstance(value, int | float)}
    assert not found & {"ge", "le", "gt", "lt"}
    most = described["components"]["schemas"]["Persona"]["properties"]["maxTokens"]
    assert (most["minimum"], most["maximum"]) == (1, 1_000_000)
    assert persona_schema()["properties"]["maxTokens"]["maximum"] == 1_000_000


def test_another_reply_can_be_asked_for_without_a_body() -> None:
    body = create_api().openapi()["paths"]["/chat/{messageId}/regenerate"]["post"]["requestBody"]
    assert body["required"] is False
    assert "application/json" in body["content"]


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield key, part
            yield from _entries(part)
    elif isinstance(value, list):
        for part in value:
            yield from _entries(part)


def test_every_operation_has_a_name_of_its_own_that_reads_well_in_a_generated_client() -> None:
    for app in (create_api(), create_v1()):
        named = {
            (method, path): one["operationId"]
            for path, methods in app.openapi()["paths"].items()
            for method, one in methods.items()
        }
        assert len(set(named.values())) == len(named)
        for name in named.values():
            assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", name), name
    assert create_api().openapi()["paths"]["/personas"]["get"]["operationId"] == "listPersonas"
