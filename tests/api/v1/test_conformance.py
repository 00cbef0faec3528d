"""/v1 under llm-comply, which checks answers and events against the published specifications.

Every case of its suites for OpenAI's chat completions and for Open Responses is a test here, and a warning of
the suite's is a failure as well, but for what is named below with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import llm_comply
import pytest
from llm_comply import http, runner
from llm_comply.result import TestStatus as Status
from llm_comply.test_case import TestCase as Case
from llm_comply.tests import get_tests

from tests.fake_provider import FakeProvider, Reply, chunk, events

SPECIFICATIONS = {"openai-chat": "openai_chat.json", "open-responses": "openresponses.json"}

SKIPPED = {
    "chat-reasoning-summary": "only asked of models that are named as OpenAI's reasoning models are",
    "reasoning-summary": "only asked of models that are named as OpenAI's reasoning models are",
}
"""Cases that the suite itself leaves out for a model of this name."""

ADVISORY = {"compact-response": "conversations are not compacted here; the suite allows the answer 404"}
"""Cases whose warnings are no failure."""

IN_ITS_OWN_WAY = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver is deprecated:DeprecationWarning")
"""The suite resolves references as it did before jsonschema advised against it."""

CASES = {case.id: (kind, case) for kind in SPECIFICATIONS for case in get_tests(kind)}


class WellBehavedProvider(FakeProvider):
    """Calls the first tool where tools are offered, and says something otherwise."""

    def _echo(self, body: Mapping[str, Any]) -> Reply:
        if not body.get("tools"):
            return super()._echo(body)
        function = {"name": body["tools"][0]["function"]["name"], "arguments": '{"location": "Paris"}'}
        call = {"index": 0, "id": "call_1", "type": "function", "function": function}
        usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}
        return events(chunk({"tool_calls": [call]}), chunk({}, finish="tool_calls"), usage)


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    with WellBehavedProvider() as provider:
        yield provider


@pytest.fixture
def config(address: str) -> Iterator[llm_comply.ComplianceConfig]:
    yield llm_comply.ComplianceConfig(base_url=address, api_key="not-needed", model="tester", timeout=20)
    http.close_client()  # the suite keeps its connections, and the server waits for them


def run(kind: str, case: Case, config: llm_comply.ComplianceConfig) -> llm_comply.TestResult:
    specification = Path(llm_comply.__file__).parent / "specs" / SPECIFICATIONS[kind]
    return runner.TestRunner(config, [case], llm_comply.SpecLoader(str(specification))).run_one(case)


@IN_ITS_OWN_WAY
@pytest.mark.parametrize("case_id", CASES)
def test_v1_conforms(case_id: str, config: llm_comply.ComplianceConfig, fake: FakeProvider) -> None:
    result = run(*CASES[case_id], config)
    assert (result.status is Status.SKIPPED) == (case_id in SKIPPED), result.errors
    if case_id in SKIPPED:
        pytest.skip(SKIPPED[case_id])
    assert result.errors == []
    assert result.status is Status.PASSED
    assert bool(result.warnings) == (case_id in ADVISORY), result.warnings


@IN_ITS_OWN_WAY
def test_calls_conform_also_as_they_come(config: llm_comply.ComplianceConfig, fake: FakeProvider) -> None:
    """The suite asks for calls in one piece only; this is its case with every event checked."""
    kind, case = CASES["tool-calling"]
    result = run(kind, replace(case, streaming=True), config)
    assert (result.errors, result.warnings) == ([], [])
    assert fake.chats[-1].body["tools"]


def test_the_suites_are_whole() -> None:
    """A suite that lists nothing passes nothing, and the cases named above are among those there are."""
    assert sum(kind == "openai-chat" for kind, _ in CASES.values()) >= 9
    assert sum(kind == "open-responses" for kind, _ in CASES.values()) >= 13
    assert {*SKIPPED, *ADVISORY} < set(CASES)


@IN_ITS_OWN_WAY
@pytest.mark.parametrize("case_id", ["basic-response", "streaming-response"])
def test_a_missing_field_would_be_noticed(
    case_id: str, config: llm_comply.ComplianceConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from personachat.api.v1 import response_drafts

    whole = response_drafts._request_fields
    monkeypatch.setattr(
        response_drafts,
        "_request_fields",
        lambda *given: {name: value for name, value in whole(*given).items() if name != "top_p"},
    )
    result = run(*CASES[case_id], config)
    assert result.status is Status.FAILED
    assert "'top_p' is a required property" in result.errors
