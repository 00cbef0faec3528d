"""Who may see, start and resume a run."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from personachat.accounts.person import Person, Role
from personachat.accounts.rights import PersonaAccess
from personachat.errors import (
    EditingNotAllowed,
    PersonaNotFound,
    SuiteRunNotFound,
)
from personachat.lab.testing import Tests
from personachat.lab.testing_tables import test_cells, test_runs
from personachat.request_context import RequestContext, current_request
from personachat.services import Services
from tests.lab.conftest import SUITE, ended
from tests.lab.running import WISH
from tests.lab.scripted import ScriptedProvider


def test_a_run_belongs_to_whoever_began_it(services: Services, tests: Tests) -> None:
    run = ended(tests.start(WISH)).plan.run
    stranger = services.of("token:somebody").tests
    assert stranger.runs.of() == ()
    with pytest.raises(SuiteRunNotFound):
        stranger.runs.report(run.id)
    with pytest.raises(SuiteRunNotFound):
        stranger.runs.cancel(run.id)


def test_runs_of_personas_that_a_token_does_not_reach_do_not_exist_for_it(tests: Tests) -> None:
    run = ended(tests.start(WISH)).plan.run
    token = tests.results.share(run.id)
    around = current_request.set(RequestContext("req_1", personas=frozenset({"analyst"})))
    try:
        assert (tests.runs.of(), tests.runs.of("tester", kind="sweep"), tests.results.link(run.id)) == (
            (),
            (),
            None,
        )
        for use in (
            tests.runs.report,
            tests.runs.cancel,
            tests.resume,
            tests.runs.delete,
            tests.results.share,
            tests.results.unshare,
        ):
            with pytest.raises(SuiteRunNotFound):
                use(run.id)
    finally:
        current_request.reset(around)
    around = current_request.set(RequestContext("req_2", personas=frozenset({"tester"})))
    try:
        assert [each.id for each in tests.runs.of()] == [run.id]
        assert tests.results.link(run.id) == token
    finally:
        current_request.reset(around)


def test_a_run_goes_on_only_while_the_persona_may_be_tested(
    services: Services, tests: Tests, fake: ScriptedProvider
) -> None:
    ada = Person("user:ada", Role.EDITOR)
    theirs = services.of(ada.key, person=ada).tests
    run = ended(theirs.start(WISH)).plan.run
    with services.database.write() as connection:
        connection.execute(delete(test_cells))
        connection.execute(update(test_runs).values(state="interrupted"))
    services.accesses.put("tester", PersonaAccess("user:bo", "private"))
    fake.forget()
    with pytest.raises(PersonaNotFound):
        theirs.resume(run.id)
    assert fake.chats == []


def test_whoever_may_not_edit_neither_saves_nor_runs(services: Services, tests: Tests) -> None:
    visitor = services.of("anonymous:1", may_edit=False).tests
    assert visitor.suites.get("tester").suite is not None
    with pytest.raises(EditingNotAllowed):
        visitor.suites.save("tester", SUITE)
    with pytest.raises(EditingNotAllowed):
        visitor.start(WISH)
