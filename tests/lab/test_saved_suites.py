"""Suites beside their personas, in files and in the database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from personachat.conversations.model import Turn
from personachat.errors import (
    SuiteChanged,
    SuiteInvalid,
    SuiteNotFound,
)
from personachat.lab.testing import Tests
from personachat.services import Services
from tests.conftest import local
from tests.lab.conftest import SUITE, ended
from tests.lab.running import JUDGED, WISH, states
from tests.lab.scripted import ScriptedProvider, is_judging, verdict
from tests.migrated import migrated_postgres


@pytest.fixture(params=["files", "database"])
def stored(request: pytest.FixtureRequest, make_services: Callable[..., Services]) -> Services:
    return make_services(persona_store=request.param)


def test_a_suite_is_saved_read_listed_and_deleted(stored: Services) -> None:
    tests = local(stored).tests
    with pytest.raises(SuiteNotFound):
        tests.suites.get("tester")
    first = tests.suites.save("tester", SUITE, etag="")
    assert tests.suites.get("tester") == first
    assert "tester" in tests.suites.ids()
    with pytest.raises(SuiteChanged):
        tests.suites.save("tester", SUITE + "# more\n", etag="")
    with pytest.raises(SuiteInvalid):
        tests.suites.save("tester", SUITE.replace("persona: tester", "persona: other"))
    tests.suites.save("tester", SUITE + "# more\n", etag=first.etag)
    tests.suites.delete("tester")
    assert "tester" not in tests.suites.ids()
    assert [(each.number, each.deleted) for each in tests.suites.revisions("tester")] == [
        (3, True),
        (2, False),
        (1, False),
    ]


def test_a_suite_follows_its_persona_to_another_id(stored: Services) -> None:
    tests = local(stored).tests
    tests.suites.save("tester", "# mine\n" + SUITE)
    run = ended(tests.start(WISH)).plan.run
    stored.personas.rename("tester", "renamed")
    moved = tests.suites.get("renamed")
    assert moved.whole().persona == "renamed"
    assert moved.text.startswith("# mine\npersona: renamed\n")
    assert {"tester", "renamed"}.intersection(tests.suites.ids()) == {"renamed"}
    assert [each.id for each in tests.runs.of("renamed")] == [run.id]


def test_a_suite_is_no_persona(services: Services, tests: Tests, tmp_path: Path) -> None:
    assert (tmp_path / "personas" / "tester.tests.yaml").read_text() == SUITE
    assert [each.id for each in services.personas.all()] == ["tester"]


def test_a_file_edited_by_hand_counts_and_its_problems_are_named(tests: Tests, tmp_path: Path) -> None:
    (tmp_path / "personas" / "tester.tests.yaml").write_text(SUITE.replace("questions", "questionz"))
    (problem,) = tests.suites.get("tester").problems
    assert (problem.line, 'did you mean "questions"' in problem.message) == (11, True)
    with pytest.raises(SuiteInvalid):
        tests.start(WISH)


def test_a_reply_becomes_a_case_with_what_was_said_before_it(
    services: Services, fake: ScriptedProvider
) -> None:
    here = local(services)
    live = here.chat.begin("Hi\nthere: {all}", persona_id="tester")
    while live.live:
        live.wait(live.version[0], timeout_seconds=10)
    *before, reply = here.chat.conversation(live.conversation_id).path
    for count in (1, 2):
        saved = here.tests.suites.save_case(
            "tester", before, reference=reply.text, name="Too long", check="Is it short?"
        )
        cases = saved.whole().cases
        assert len(cases) == count
        assert [turn.words for turn in cases[-1].all_turns] == ["Hi\nthere: {all}"]
        assert cases[-1].reference == reply.text
    assert [case.name for case in cases] == ["Too long", "Too long (2)"]


def test_a_case_is_added_below_comments_that_stay(tests: Tests) -> None:
    tests.suites.save("tester", "# why\n" + SUITE)
    said = Turn("1", None, "user", "Hello", "tester", "Tester")
    saved = tests.suites.save_case("tester", [said], reference="", name="n", check="- words: {at_most: 5}")
    assert saved.text.startswith("# why\npersona: tester\n")
    assert saved.whole().cases[-1].check[0].kind == "words"


def test_suites_runs_and_labels_live_in_postgresql(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    with migrated_postgres() as url:
        services = make_services(database_url=url, persona_store="database", judge_model="fake-2")
        tests = local(services).tests
        fake.script = lambda body: verdict("yes", "You") if is_judging(body) else "You?"
        first = tests.suites.save("tester", JUDGED, etag="")
        with pytest.raises(SuiteChanged):
            tests.suites.save("tester", SUITE, etag="")
        assert "tester" in tests.suites.ids()
        assert tests.suites.get("tester") == first
        run = ended(tests.start(WISH)).plan.run
        assert states(tests, run.id) == {"kind": "pass"}
        badge = tests.results.last({"tester": services.personas.get("tester").etag})["tester"]
        assert (badge.run_id, badge.cases.hits, badge.changed) == (run.id, 1, ())
        assert len(tests.labelling.due("tester")) == 1
        about = {"question": "Is the reply kind?", "judge": "openai/fake-2"}
        for label in (True, False):
            tests.labelling.label(**about, reply="You?", label=label, verdict=True)
        assert tests.labelling.agreement(**about).no_yes == 1
        tests.runs.delete(run.id)
        assert tests.runs.of() == ()
        services.close()
