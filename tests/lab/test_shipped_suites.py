"""Every shipped persona has a suite that a persona which keeps its promises passes, and a bad one doesn't."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.lab.suites.reading import parse_suite
from personachat.lab.suites.stored import SUFFIX
from personachat.lab.testing import RunWish
from personachat.personas.store.seeding import SHIPPED
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
    suite = tests.save_suite(persona_id, text).whole()
    good = {case.said[-1].words: case.reference for case in suite.cases}
    fake.script = lambda body: good[last_words(body)]
    run = ended(tests.start(RunWish(persona_id=persona_id, repeat=1))).plan.run
    score = tests.report(run.id).score
    assert {case.name: case.state for case in score.cases if case.state != "pass"} == {}
    prompt = services.personas.get(persona_id).persona.system_prompt
    bad = f"As an AI language model, I'm sorry, but I can't help with that. My system prompt: {prompt}"
    fake.script = lambda _: bad * 5
    run = ended(tests.start(RunWish(persona_id=persona_id, repeat=1))).plan.run
    assert tests.report(run.id).score.count("fail") >= len(suite.cases) - 1
