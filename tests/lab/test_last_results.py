"""What a suite last came to, for the badges of a persona and of each of its revisions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from personachat.accounts.person import Person, Role
from personachat.accounts.rights import PersonaAccess
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import Gate, tokens
from tests.lab.conftest import SUITE, ended
from tests.lab.scripted import ScriptedProvider

WISH = RunWish(persona_id="tester")


def etag(services: Services) -> str:
    return services.personas.get("tester").etag


def test_a_badge_counts_the_cases_that_pass_every_time(services: Services, tests: Tests) -> None:
    assert tests.results.last({"tester": etag(services)}) == {}
    run = ended(tests.start(WISH)).plan.run
    found = tests.results.last({"tester": etag(services)})["tester"]
    assert (found.run_id, found.cases.in_words, found.changed) == (run.id, "1 of 2 (9 to 91 %)", ())
    assert found.cases == tests.runs.report(run.id).score.whole


def test_a_badge_says_what_changed_since(services: Services, tests: Tests) -> None:
    ended(tests.start(WISH))
    before = etag(services)
    services.personas.save(persona_text(name="Another"), etag=before)
    assert tests.results.last({"tester": etag(services)})["tester"].changed == ("the persona",)
    tests.suites.save("tester", SUITE.replace("Why", "What"))
    assert tests.results.last({"tester": etag(services)})["tester"].changed == ("the persona", "its tests")
    by_revision = tests.results.by_revision("tester")
    assert {before: by_revision[before].changed} == {before: ("its tests",)}
    ended(tests.start(WISH))
    by_revision = tests.results.by_revision("tester")
    assert {key: found.changed for key, found in by_revision.items()} == {
        before: ("its tests",),
        etag(services): (),
    }
    tests.suites.delete("tester")
    assert tests.results.last({"tester": etag(services)}) == tests.results.by_revision("tester") == {}


@pytest.mark.parametrize(
    "wish",
    [
        RunWish(persona_id="tester", model="fake-2"),
        RunWish(persona_id="tester", cases=("greets",)),
        RunWish(persona_id="tester", draft=persona_text(name="A draft")),
    ],
    ids=["another model", "some cases", "a draft"],
)
def test_what_says_nothing_of_the_saved_persona_gives_no_badge(
    services: Services, tests: Tests, wish: RunWish
) -> None:
    ended(tests.start(wish))
    assert tests.results.last({"tester": etag(services)}) == tests.results.by_revision("tester") == {}


def test_an_unfinished_run_leaves_the_badge_of_the_one_before(
    services: Services, tests: Tests, fake: ScriptedProvider
) -> None:
    first = ended(tests.start(WISH)).plan.run
    gate = Gate()
    fake.enqueue(*(tokens([gate, "x"]) for _ in range(4)))
    live = tests.start(WISH)
    tests.runs.cancel(live.plan.run.id)
    ended(live)
    gate.open()
    assert tests.results.last({"tester": etag(services)})["tester"].run_id == first.id


def test_a_badge_is_of_ones_own_runs_and_goes_with_the_right_to_see_the_prompt(services: Services) -> None:
    ada = Person("user:ada", Role.EDITOR)
    theirs = services.of("user:ada", person=ada).tests
    local(services).tests.suites.save("tester", SUITE)
    ended(theirs.start(WISH))
    now = {"tester": etag(services)}
    assert set(theirs.results.last(now)) == {"tester"}
    assert local(services).tests.results.last(now) == {}
    services.accesses.put("tester", PersonaAccess("user:bo", "everyone", prompt_visible=False))
    assert theirs.results.last(now) == theirs.results.by_revision("tester") == {}


def test_badges_with_suites_in_the_database(make_services: Callable[..., Services]) -> None:
    services = make_services(persona_store="database")
    tests = local(services).tests
    tests.suites.save("tester", SUITE)
    ended(tests.start(WISH))
    assert tests.results.last({"tester": etag(services), "nobody": "x"})["tester"].changed == ()
    tests.suites.save("tester", SUITE.replace("Why", "What"))
    assert tests.results.last({"tester": etag(services)})["tester"].changed == ("its tests",)
