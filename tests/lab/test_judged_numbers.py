"""Wherever a run's numbers are read, it is said how far its judge can be trusted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from personachat.cli.testing import show
from personachat.lab.runs.documents import junit, run_document
from personachat.lab.runs.reports import RunReport
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from personachat.services import Services
from tests.conftest import local
from tests.lab.conftest import ended
from tests.lab.scripted import ScriptedProvider, is_judging, last_words, verdict
from tests.lab.test_junit import check

QUESTION = "Is it \x1b[1mkind?"
SUITE = json.dumps(
    {
        "persona": "tester",
        "repeat": 40,
        "cases": [{"name": "a", "say": "Hi", "check": [{"judge": QUESTION}]}],
    }
)
ABOUT = {"question": QUESTION, "judge": "openai/fake-2"}


@pytest.fixture
def reports(
    services: Services, fake: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> tuple[RunReport, RunReport]:
    """A run that a judge has judged, before and after a person has labelled its 40 replies."""
    monkeypatch.setattr(services.testing.judge, "model", "fake-2")
    replies = iter(range(1_000))

    def script(body: Mapping[str, Any]) -> str:
        if not is_judging(body):
            return f"Reply {next(replies)} of mine"
        number = re.findall(r"Reply (\d+) of mine", last_words(body))[-1]
        return verdict("yes" if int(number) % 2 else "no", f"Reply {number} of mine")

    fake.script = script
    tests = local(services).tests
    tests.suites.save("tester", SUITE)
    run_id = ended(tests.start(RunWish(persona_id="tester"))).plan.run.id
    before = tests.runs.report(run_id)
    for number, item in enumerate(tests.labelling.due("tester")):
        tests.labelling.answer(item, label=bool(item.answer.verdict) if number % 10 else False)
    return before, tests.runs.report(run_id)


def test_documents_say_how_far_a_judge_is_trusted(reports: tuple[RunReport, RunReport]) -> None:
    (unlabelled,), (labelled,) = (run_document(each)["judges"] for each in reports)
    assert (unlabelled["calibrated"], unlabelled["labels"], unlabelled["kappa"]) == (False, 0, None)
    assert {name: labelled[name] for name in (*ABOUT, "calibrated", "labels")} == ABOUT | {
        "calibrated": True,
        "labels": 40,
    }
    assert labelled["kappaLow"] < labelled["kappa"] <= labelled["kappaHigh"]
    assert labelled["wrongYes"]["count"] + labelled["wrongNo"]["count"] == 40
    root = ET.fromstring(junit([reports[1]]))  # our own
    check(root)
    assert "Calibrated: 40 labels, kappa 0." in str(root[0][0][0].get("value"))


def test_a_terminal_and_a_link_say_it_too(
    reports: tuple[RunReport, RunReport], services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = reports
    show(before)
    assert "Not calibrated: nobody has labelled" in capsys.readouterr().out
    show(after)
    said = capsys.readouterr().out
    assert "Calibrated: 40 labels, kappa 0." in said
    token = local(services).tests.results.share(after.run.id)
    assert services.shared_results(token).judges == after.judges


def test_no_name_question_or_finding_begins_a_line_of_a_ci_log(
    tests: Tests, fake: ScriptedProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "x\n::error::y"
    fake.script = lambda _: "No"
    tests.suites.save(
        "tester",
        json.dumps(
            {
                "persona": "tester",
                "repeat": 1,
                "cases": [{"name": command, "say": "Hi", "check": [{"contains": command}]}],
            }
        ),
    )
    report = tests.runs.report(ended(tests.start(RunWish(persona_id="tester"))).plan.run.id)
    show(report)
    said = capsys.readouterr().out
    assert "::error::" in said
    assert not [line for line in said.splitlines() if line.strip().startswith("::")]
