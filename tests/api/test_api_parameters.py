"""Every endpoint that takes parameters refuses those that it doesn't take, by name, and does nothing."""

from __future__ import annotations

import httpx2
import pytest

from tests.api.descriptions import descriptions

OPERATIONS = [
    (method, path)
    for path, operations in descriptions()["/api"]["paths"].items()
    for method, operation in operations.items()
    if any(each["in"] == "query" for each in operation.get("parameters", []))
]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_unknown_parameter_is_refused_by_its_name(client: httpx2.Client, method: str, path: str) -> None:
    answer = client.request(method, path.replace("{", "").replace("}", ""), params={"perssona": "x"})
    assert answer.status_code == 422
    problem = answer.json()["problems"][0]
    assert problem["path"] == ["query", "perssona"]
    assert "Choose from: " in problem["message"]


def test_known_parameters_are_named_and_an_endpoint_without_any_looks_at_none(client: httpx2.Client) -> None:
    assert "persona, person" not in client.get("/usage", params={"by": "day", "persona": "x"}).text
    problems = client.get("/usage", params={"bye": "day", "personas": "x"}).json()["problems"]
    assert [each["path"][1] for each in problems] == ["bye", "personas"]
    assert all("by, cursor, error" in each["message"] for each in problems)
    assert client.get("/health", params={"probe": "1"}).status_code == 200
