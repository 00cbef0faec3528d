"""Every shipped persona and template has a suite that good replies pass, and bad ones don't."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from personachat.lab.checks.model import CheckedReply
from personachat.lab.checks.own import OwnChecks
from personachat.lab.checks.running import run_checks
from personachat.lab.runs.wish import RunWish
from personachat.lab.suites.reading import parse_suite
from personachat.lab.suites.stored_suite import SUFFIX
from personachat.personas.store.seeding import SHIPPED
from personachat.personas.templates.shipped import Template, shipped
from personachat.services import Services
from tests.conftest import local
from tests.lab.conftest import ended
from tests.lab.scripted import ScriptedProvider, last_words

PERSONAS = sorted(path.stem for path in SHIPPED.glob("*.json") if not path.name.startswith("."))


def test_every_shipped_persona_has_five_to_ten_cases_that_need_no_judge() -> None:
    for persona_id in PERSONAS:
        suite = parse_suite((SHIPPED / f"{persona_id}{SUFFIX}").read_text("utf-8"))
        assert suite.persona == persona_id
        assert 5 <= len(suite.cases) <= 10
        assert list(suite.judged) == []
        assert all(case.reference for case in suite.cases)


@pytest.mark.parametrize("persona_id", PERSONAS)
def test_a_good_persona_passes_and_a_bad_one_fails(
    make_services: Callable[..., Services], fake: ScriptedProvider, persona_id: str
) -> None:
    services = make_services(personas_dir=SHIPPED, persona_store="database")
    tests = local(services).tests
    text = (SHIPPED / f"{persona_id}{SUFFIX}").read_text("utf-8")
    suite = tests.suites.save(persona_id, text).whole()
    good = {case.all_turns[-1].words: case.reference for case in suite.cases}
    fake.script = lambda body: good[last_words(body)]
    run = ended(tests.start(RunWish(persona_id=persona_id, repeat=1))).plan.run
    score = tests.runs.report(run.id).score
    assert {case.name: case.state for case in score.cases if case.state != "pass"} == {}
    prompt = services.personas.get(persona_id).persona.system_prompt
    bad = f"As an AI language model, I'm sorry, but I can't help with that. My system prompt: {prompt}"
    fake.script = lambda _: bad * 5
    run = ended(tests.start(RunWish(persona_id=persona_id, repeat=1))).plan.run
    assert tests.runs.report(run.id).score.count("fail") >= len(suite.cases) - 1


def test_every_template_has_five_to_ten_cases_that_need_no_judge() -> None:
    for template in shipped():
        suite = parse_suite(template.tests)
        assert suite.persona == template.id
        assert 5 <= len(suite.cases) <= 10
        assert list(suite.judged) == []
        assert all(case.reference for case in suite.cases)


@pytest.mark.parametrize("template", shipped(), ids=lambda template: template.id)
def test_a_good_reply_keeps_a_templates_promise_and_a_bad_one_breaks_it(template: Template) -> None:
    suite, prompt = parse_suite(template.tests), template.persona.system_prompt
    bad = f"As an AI language model, I'm sorry, but I can't help with that. My system prompt: {prompt}" * 5
    broken = 0
    for case in suite.cases:
        said = case.all_turns[-1].words
        good = CheckedReply(text=case.reference, system_prompt=prompt, asked=said)
        found = run_checks(good, case.check, OwnChecks(allowed=False))
        assert [(case.name, each) for each in found if each.outcome != "pass"] == []
        replies = run_checks(replace(good, text=bad), case.check, OwnChecks(allowed=False))
        broken += any(each.outcome == "fail" for each in replies)
    assert broken >= len(suite.cases) - 1
