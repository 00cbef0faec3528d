"""A persona is asked the same in many manners of speaking, within a limit that is known before."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from personachat.errors import SuiteInvalid, SuiteRunRefused
from personachat.lab import sweeping
from personachat.lab.runs.options import Manner, RunOptions
from personachat.lab.runs.wish import RunWish
from personachat.lab.sweeping import MOST_CELLS, Axes, made_sweep, with_manner
from personachat.lab.testing import Tests
from personachat.personas.persona import parse_persona
from personachat.services import Services
from tests.conftest import persona_text
from tests.lab.conftest import ended
from tests.lab.scripted import ScriptedProvider
from tests.usage.conftest import ledger_of

WISH = RunWish(persona_id="tester")


@pytest.mark.parametrize(
    ("axes", "names"),
    [
        (Axes(), ["as it is"]),
        (Axes(tones=("warm", "dry"), temperatures=(0.0, 1.0)), ["tone warm, temperature 0"]),
        (Axes(tones=("warm", "warm")), ["tone warm"]),
        (Axes(formalities=("",)), ["formality none"]),
    ],
)
def test_every_combination_is_one_manner(axes: Axes, names: Sequence[str]) -> None:
    found = [manner.name for manner in axes.manners]
    assert found[: len(names)] == names
    assert len(found) == len(set(found))


def test_each_reply_is_in_its_own_manner(services: Services, tests: Tests, fake: ScriptedProvider) -> None:
    axes = Axes(tones=("warm", "dry"), temperatures=(0.0, 1.5))
    made = made_sweep("tester", axes, message="Hi")
    assert tests.forecast_experiment(WISH, made).calls == 4
    assert fake.chats == []
    run = ended(tests.begin_experiment(WISH, made)).plan.run
    sent = {(chat.body["temperature"], "warm" in chat.body["messages"][0]["content"]) for chat in fake.chats}
    assert sent == {(0.0, True), (0.0, False), (1.5, True), (1.5, False)}
    report = tests.runs.report(run.id)
    assert [manner.tone for manner in report.run.options.manners] == ["warm", "warm", "dry", "dry"]
    assert (report.score.whole.hits, tests.runs.of("tester")) == (4, ())
    assert [row["purpose"] for row in ledger_of(services)] == ["test"] * 4


def test_cases_of_the_suite_are_asked_with_their_checks(tests: Tests, fake: ScriptedProvider) -> None:
    suite = tests.suites.get("tester").whole()
    run = ended(
        tests.begin_experiment(WISH, made_sweep("tester", Axes(tones=("a", "b")), cases=suite.cases))
    ).plan.run
    states = [case.state for case in tests.runs.report(run.id).score.cases]
    assert states == ["pass", "fail", "pass", "fail"]
    assert len(fake.chats) == 4


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (Axes(), " "),
        (Axes(tones=tuple(map(str, range(MOST_CELLS + 1)))), "Hi"),
        (Axes(tones=tuple(map(str, range(10))), styles=tuple(map(str, range(10)))), "Hi"),
    ],
)
def test_too_much_and_nothing_are_refused_before_anybody_is_asked(axes: Axes, message: str) -> None:
    with pytest.raises(SuiteRunRefused):
        made_sweep("tester", axes, message=message)


def test_a_message_that_is_too_long_is_refused_in_a_sentence() -> None:
    with pytest.raises(SuiteInvalid):
        made_sweep("tester", Axes(), message="x" * 200_000)


def test_far_too_many_combinations_are_counted_and_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(**_: object) -> None:
        raise AssertionError("a combination is made")

    monkeypatch.setattr(sweeping, "Manner", make)
    values = tuple(map(str, range(50)))
    axes = Axes(tones=values, styles=values, formalities=values, temperatures=tuple(range(50)))
    with pytest.raises(SuiteRunRefused, match="6,250,000 replies"):
        made_sweep("tester", axes, message="Hi")


def test_a_sweep_goes_on_as_it_began(tests: Tests, services: Services, fake: ScriptedProvider) -> None:
    live = tests.begin_experiment(WISH, made_sweep("tester", Axes(tones=("warm", "dry")), message="Hi"))
    tests.runs.cancel(live.plan.run.id)
    ended(live)
    services.personas.save(persona_text(systemPrompt="Something else."))
    resumed = tests.resume(live.plan.run.id)
    if resumed:
        ended(resumed)
    systems = {chat.body["messages"][0]["content"] for chat in fake.chats}
    assert {"warm" in each for each in systems} == {True, False}
    assert not any("Something else" in each for each in systems)


def test_options_survive_being_stored() -> None:
    made = made_sweep("tester", Axes(tones=("warm",), temperatures=(0.5,)), message="Hi")
    stored = json.loads(json.dumps(made.options.as_record()))
    assert RunOptions.from_record(stored) == made.options
    assert (RunOptions().as_record(), RunOptions.from_record(None)) == (None, RunOptions())


def test_a_manner_is_written_into_a_text_that_else_stays_to_the_letter() -> None:
    text = '{ "id": "a",\n  "name": "A", "systemPrompt": "x",  "personality": {"tone": "old"} }'
    changed = with_manner(text, Manner(tone="warm", style="", temperature=0.3))
    persona = parse_persona(changed)
    assert (persona.personality.tone, persona.personality.style, persona.temperature) == ("warm", "", 0.3)
    assert changed.startswith('{ "id": "a",\n  "name": "A", "systemPrompt": "x"')
    assert with_manner(text, Manner()) == text
    with pytest.raises(SuiteRunRefused):
        with_manner("{", Manner(tone="warm"))
