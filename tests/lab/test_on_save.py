"""A persona's suite runs on a save, if it says so: once a version, within its sum, never in the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from personachat.lab.on_save import TestSettings, run_id_of, settings_trouble
from personachat.lab.runs.model import Run
from personachat.lab.testing import Tests
from personachat.personas.persona import parse_persona
from personachat.personas.store.base import Saving
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import Gate, tokens
from tests.lab.conftest import SUITE
from tests.lab.scripted import ScriptedProvider
from tests.usage.conftest import ledger_of

ON = {"tests": {"onSave": True}}


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Released whenever a save has led to what it leads to: a run that is over, or none."""
    done, begin = threading.Semaphore(0), Tests.begin_saved

    def begin_and_say(self: Tests, stored: Any) -> Any:
        try:
            live = begin(self, stored)
        except BaseException:
            done.release()
            raise
        if live is not None:
            with live.changed:
                live.changed.wait_for(lambda: live.over, 20)
        done.release()
        return live

    monkeypatch.setattr(Tests, "begin_saved", begin_and_say)
    return done


def save(services: Services, finished: threading.Semaphore, **keys: Any) -> tuple[Run, ...]:
    """The runs there are once this version was saved and what follows is over."""
    local(services).personas.save(persona_text(**keys))
    assert finished.acquire(timeout=20)
    return local(services).tests.runs.of("tester")


def test_a_save_is_tested_and_the_run_stamped_with_its_version(
    services: Services, tests: Tests, finished: threading.Semaphore
) -> None:
    (run,) = save(services, finished, extensions=ON)
    assert run.persona_revision == services.personas.get("tester").etag
    assert (tests.runs.report(run.id).run.state, tests.runs.report(run.id).score.done) == ("finished", 4)
    assert {row["purpose"] for row in ledger_of(services)} == {"test"}


def test_a_version_is_run_once_however_often_it_is_saved(
    services: Services, tests: Tests, finished: threading.Semaphore, fake: ScriptedProvider
) -> None:
    save(services, finished, extensions=ON)
    assert len(save(services, finished, extensions=ON)) == 1
    assert len(save(services, finished, extensions=ON, systemPrompt="You are another.")) == 2
    assert len(save(services, finished, extensions=ON)) == 2  # back to the first one
    assert len(fake.chats) == 8
    assert tests.may_edit


def test_two_who_save_the_same_version_at_once_run_it_once(
    services: Services, tests: Tests, fake: ScriptedProvider
) -> None:
    stored = services.personas.save(persona_text(extensions=ON))
    others = services.of("token:other").tests
    begun, lock = [], threading.Barrier(2)

    def begin(who: Tests) -> None:
        lock.wait(10)
        begun.append(who.begin_saved(stored))

    threads = [threading.Thread(target=begin, args=(who,)) for who in (tests, others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    (live,) = [each for each in begun if each is not None]
    with live.changed:
        assert live.changed.wait_for(lambda: live.over, 20)
    assert len(fake.chats) == 4


def test_every_way_to_save_is_the_same_one(
    services: Services, tests: Tests, finished: threading.Semaphore
) -> None:
    here = local(services)
    here.collection.save(persona_text(extensions=ON))  # the API and MCP
    assert finished.acquire(timeout=20)
    here.collection.save(persona_text(name="Plain"))
    here.collection.restore("tester", 2)
    assert finished.acquire(timeout=20)
    assert len(tests.runs.of("tester")) == 1  # the version that was restored had been run


def test_the_save_waits_for_no_reply(services: Services, tests: Tests, fake: ScriptedProvider) -> None:
    gate = Gate()
    fake.enqueue(*(tokens([gate, "x"]) for _ in range(4)))
    saved = local(services).personas.save(persona_text(extensions=ON))
    gate.wait_reached()
    run_id = run_id_of(services.testing.records.place, "tester", saved.etag)
    live = tests.runs.live(run_id)
    assert live is not None
    assert not live.over
    gate.open()
    with live.changed:
        assert live.changed.wait_for(lambda: live.over, 20)


@pytest.mark.parametrize(
    "extensions",
    [{}, {"tests": {}}, {"tests": {"onSave": False}}, {"tests": {"onSave": "yes"}}, {"tests": [True]}],
)
def test_without_a_clear_word_nothing_runs(
    services: Services, tests: Tests, monkeypatch: pytest.MonkeyPatch, extensions: Any
) -> None:
    monkeypatch.setattr(Tests, "begin_saved_soon", lambda *_: pytest.fail("it was begun"))
    local(services).personas.save(persona_text(extensions=extensions))
    assert tests.runs.of("tester") == ()


def test_a_persona_that_came_from_elsewhere_costs_nothing_before_it_is_saved_here(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tests, "begin_saved_soon", lambda *_: pytest.fail("it was begun"))
    text = persona_text("arrived", extensions=ON)
    local(services).personas.create(text, saving=Saving(action="imported"))
    over_another = persona_text(extensions=ON)
    local(services).personas.save(over_another, saving=Saving(action="imported"))


def test_a_run_keeps_to_the_sum_the_persona_states(
    services: Services, finished: threading.Semaphore, tests: Tests, fake: ScriptedProvider
) -> None:
    within = {"tests": {"onSave": True, "maxCostUsd": 0.000001}}
    (run,) = save(services, finished, extensions=within, model="gpt-4o")
    assert (tests.runs.report(run.id).run.state, fake.chats) == ("limit", [])


def test_a_sum_that_cannot_be_kept_runs_nothing_and_the_save_stands(
    services: Services, finished: threading.Semaphore, tests: Tests, fake: ScriptedProvider
) -> None:
    within = {"tests": {"onSave": True, "maxCostUsd": 1}}
    assert save(services, finished, extensions=within, model="fake-1") == ()
    assert services.personas.get("tester").persona.model == "fake-1"
    assert (fake.chats, tests.may_edit) == ([], True)


def test_no_suite_and_a_broken_one_run_nothing(services: Services, finished: threading.Semaphore) -> None:
    assert save(services, finished, extensions=ON) == ()
    folder = services.settings.personas_dir
    (folder / "tester.tests.yaml").write_text(SUITE.replace("questions", "questionz"))
    assert save(services, finished, extensions=ON, systemPrompt="More.") == ()


def test_people_with_other_rights_still_save_and_are_tested_as_themselves(
    make_services: Callable[..., Services], finished: threading.Semaphore
) -> None:
    services = make_services()
    local(services).tests.suites.save("tester", SUITE)
    services.of("token:other").personas.save(persona_text(extensions=ON))
    assert finished.acquire(timeout=20)
    assert local(services).tests.runs.of("tester") == ()
    assert len(services.of("token:other").tests.runs.of("tester")) == 1


def test_settings_are_written_and_read_and_all_else_stays() -> None:
    text = '{"id": "a",  "name": "A", "systemPrompt": "x", "extensions": {"other": [1]}}'
    settings = TestSettings(on_save=True, max_cost_usd=0.5, questions=("Is it warm?",))
    changed = settings.written_into(text)
    persona = parse_persona(changed)
    assert TestSettings.of(persona) == settings
    assert persona.extensions["other"] == [1]
    assert json.loads(TestSettings().written_into(changed)) == json.loads(text)


@pytest.mark.parametrize(
    "value", [True, [], {"onsave": True}, {"maxCostUsd": -1}, {"onSave": 1}, {"questions": [""]}]
)
def test_settings_that_cannot_be_used_are_reported_and_ignored(value: Any) -> None:
    persona = parse_persona(persona_text(extensions={"tests": value}))
    assert '"extensions.tests' in settings_trouble(persona)
    assert TestSettings.of(persona) == TestSettings()
