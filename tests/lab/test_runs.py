"""Suites are run, kept cell by cell, scored, stopped, gone on with and compared."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import delete, update

from personachat.errors import (
    SuiteRunRefused,
)
from personachat.lab.runs.model import Cell
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from personachat.lab.testing_tables import test_cells, test_runs
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import Gate, tokens
from tests.lab.conftest import SUITE, ended
from tests.lab.running import JUDGED, WISH, states
from tests.lab.scripted import ScriptedProvider, broken, is_judging, last_words, verdict
from tests.usage.conftest import ledger_of


def test_a_run_says_of_each_case_whether_it_passed(tests: Tests, fake: ScriptedProvider) -> None:
    run = ended(tests.start(WISH)).plan.run
    report = tests.runs.report(run.id)
    assert states(tests, run.id) == {"greets": "pass", "asks": "fail"}
    assert (report.run.state, report.score.whole.in_words) == ("finished", "1 of 2 (9 to 91 %)")
    assert len(fake.chats) == 4
    cell = report.score.cases[1].cells[0]
    assert (cell.reply, cell.results[0].finding.found) == (
        "You said: Why",
        "0 questions; exactly 1 expected.",
    )


def test_every_call_is_in_the_ledger_with_its_purpose(services: Services, tests: Tests) -> None:
    run = ended(tests.start(WISH)).plan.run
    rows = ledger_of(services)
    assert [row["purpose"] for row in rows] == ["test"] * 4
    assert {row["persona_revision"] for row in rows} == {run.persona_revision}


def test_what_stands_before_the_reply_is_sent_to_the_letter(tests: Tests, fake: ScriptedProvider) -> None:
    text = SUITE.replace("say: Hi", "turns: [{user: A}, {assistant: B}, {user: 'C  d'}]").replace("2", "1")
    tests.suites.save("tester", text)
    ended(tests.start(WISH))
    sent = {tuple((each["role"], each["content"]) for each in chat.body["messages"]) for chat in fake.chats}
    assert (("system", "You are a test."), ("user", "A"), ("assistant", "B"), ("user", "C  d")) in sent


def test_a_case_that_passes_now_and_then_is_flaky(tests: Tests, fake: ScriptedProvider) -> None:
    greetings = iter(["You said hi", "No"])
    fake.script = lambda body: next(greetings) if last_words(body) == "Hi" else "Why?"
    run = ended(tests.start(WISH)).plan.run
    assert states(tests, run.id) == {"greets": "flaky", "asks": "pass"}


def test_a_failing_provider_is_an_error_after_one_more_try_and_no_pass(
    tests: Tests, fake: ScriptedProvider
) -> None:
    fake.script = lambda body: broken() if last_words(body) == "Hi" else "Why?"
    run = ended(tests.start(WISH)).plan.run
    score = tests.runs.report(run.id).score
    assert states(tests, run.id) == {"greets": "error", "asks": "pass"}
    assert (score.whole.hits, score.whole.count, score.replies.count) == (1, 2, 4)
    cell = score.cases[0].cells[0]
    assert (cell.retried, cell.error_code, cell.results) == (True, "api_key_refused", ())
    assert sum(last_words(chat.body) == "Hi" for chat in fake.chats) == 4


def test_an_empty_reply_is_an_error(tests: Tests, fake: ScriptedProvider) -> None:
    fake.script = lambda _: tokens([" "])
    run = ended(tests.start(WISH)).plan.run
    assert set(states(tests, run.id).values()) == {"error"}


def test_repeats_are_calls_of_their_own(tests: Tests, fake: ScriptedProvider) -> None:
    ended(tests.start(RunWish(persona_id="tester", repeat=5)))
    assert len(fake.chats) == 10


def test_no_more_calls_are_made_at_once_than_allowed(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    tests = local(make_services(max_concurrent_test_calls=2)).tests
    tests.suites.save("tester", SUITE)
    gates = [Gate() for _ in range(6)]
    fake.enqueue(*(tokens([gate, "You said?"]) for gate in gates))
    live = tests.start(RunWish(persona_id="tester", repeat=3))
    for count, gate in enumerate(gates, 1):
        gate.wait_reached()
        assert len(fake.chats) <= count + 1
        gate.open()
    ended(live)


def test_a_cancelled_run_keeps_what_is_whole_and_goes_on_later(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    tests = local(make_services(max_concurrent_test_calls=1)).tests  # so that it is known what comes first
    tests.suites.save("tester", SUITE)
    gate = Gate()
    fake.enqueue(tokens(["You said"]), *(tokens([gate, "Why?"]) for _ in range(3)))
    live = tests.start(WISH)
    assert live.wait(0, timeout_seconds=10)
    assert tests.runs.cancel(live.plan.run.id)
    ended(live)
    gate.open()
    run_id = live.plan.run.id
    before = tests.runs.report(run_id)
    assert (before.run.state, before.score.done) == ("cancelled", 1)
    assert "pass" not in {case.state for case in before.score.cases}
    ended(tests.resume(run_id))
    after = tests.runs.report(run_id)
    assert (after.run.state, after.score.done) == ("finished", 4)
    assert before.score.cases[0].cells[:1] == after.score.cases[0].cells[:1]


def test_a_run_of_a_process_that_died_goes_on_in_the_next(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    first = make_services(max_concurrent_test_calls=1)
    here = local(first).tests
    here.suites.save("tester", SUITE)
    gate = Gate()
    fake.enqueue(tokens(["You said"]), *(tokens([gate, "Why?"]) for _ in range(3)))
    live = here.start(WISH)
    assert live.wait(0, timeout_seconds=10)
    run_id = live.plan.run.id
    first.close()
    gate.open()
    there = local(make_services()).tests
    assert (there.runs.report(run_id).run.state, there.runs.report(run_id).score.done) == ("interrupted", 1)
    ended(there.resume(run_id))
    assert there.runs.report(run_id).run.state == "finished"
    assert len(there.runs.report(run_id).score.cases[0].cells) == 2


def test_a_run_whose_process_was_killed_is_interrupted_and_goes_on(
    services: Services, tests: Tests, fake: ScriptedProvider
) -> None:
    run_id = ended(tests.start(WISH)).plan.run.id
    with services.database.write() as connection:  # as a killed process leaves it
        left = update(test_runs).values(state="running", ended_at=None, process_id="of-a-dead-process")
        connection.execute(left)
        connection.execute(delete(test_cells).where(test_cells.c.attempt == 1))
    assert (tests.runs.report(run_id).run.state, tests.runs.report(run_id).score.done) == ("interrupted", 2)
    fake.forget()
    ended(tests.resume(run_id))
    assert (tests.runs.report(run_id).run.state, tests.runs.report(run_id).score.done) == ("finished", 4)
    assert len(fake.chats) == 2


def test_a_run_stops_before_it_costs_more_than_it_may(services: Services, tests: Tests) -> None:
    services.personas.save(persona_text(model="gpt-4o", maxTokens=10_000))
    forecast = tests.forecast(WISH)
    assert forecast.most_cell_usd is not None
    assert forecast.cost_usd is not None
    limit = forecast.most_cell_usd * 1.5
    run = ended(tests.start(RunWish(persona_id="tester", repeat=9, most_cost_usd=limit))).plan.run
    report = tests.runs.report(run.id)
    assert report.score.cost_usd is not None
    assert report.score.cost_usd <= limit
    run = ended(tests.start(RunWish(persona_id="tester", most_cost_usd=forecast.most_cell_usd / 2))).plan.run
    assert (tests.runs.report(run.id).run.state, tests.runs.report(run.id).score.done) == ("limit", 0)
    assert set(states(tests, run.id).values()) == {"missing"}


def test_a_cost_says_whether_it_is_all_of_it(
    services: Services, tests: Tests, fake: ScriptedProvider
) -> None:
    services.personas.save(persona_text(model="gpt-4o"))
    fake.script = lambda body: verdict("yes", "Kind") if is_judging(body) else "Kind"
    priced = tests.runs.report(ended(tests.start(WISH)).plan.run.id).score
    assert priced.cost_usd
    assert priced.cost_is_whole
    asking = "cases:\n  - {name: kind, say: Hi, check: [{judge: Is it kind?}]}\n"
    tests.suites.save("tester", f"persona: tester\n{asking}")
    with_judge = tests.runs.report(ended(tests.start(WISH)).plan.run.id).score
    assert with_judge.all_passed
    assert with_judge.cost_usd
    assert not with_judge.cost_is_whole


def test_a_sum_cannot_be_kept_where_the_price_is_not_known(tests: Tests, fake: ScriptedProvider) -> None:
    with pytest.raises(SuiteRunRefused):
        tests.start(RunWish(persona_id="tester", model="fake-1", most_cost_usd=1))
    assert fake.chats == []


def test_the_forecast_counts_calls_before_any_is_made(tests: Tests, fake: ScriptedProvider) -> None:
    tests.suites.save("tester", SUITE + "      - judge: Is it good?\n")
    forecast = tests.forecast(RunWish(persona_id="tester", repeat=3))
    assert (forecast.cells, forecast.calls, forecast.judge_calls) == (6, 9, 3)
    assert fake.chats == []


def test_a_revision_is_tested_instead_of_the_newest(
    services: Services, tests: Tests, fake: ScriptedProvider
) -> None:
    services.personas.save(persona_text(systemPrompt="You are another test."))
    ended(tests.start(RunWish(persona_id="tester", revision=1)))
    assert {chat.body["messages"][0]["content"] for chat in fake.chats} == {"You are a test."}


def test_two_runs_are_paired_by_case(services: Services, tests: Tests, fake: ScriptedProvider) -> None:
    ended(tests.start(WISH))
    services.personas.save(persona_text(systemPrompt="Ask."))
    fake.script = lambda _: "Why?"
    run = ended(tests.start(WISH)).plan.run
    comparison = tests.runs.report(run.id).comparison
    assert comparison is not None
    assert {each.name: each.change for each in comparison.changes} == {"greets": "worse", "asks": "better"}
    assert comparison.differing == ()


def test_what_else_differs_is_said_and_a_missing_case_is_no_pass(tests: Tests) -> None:
    ended(tests.start(WISH))
    tests.suites.save("tester", SUITE.replace("name: asks", "name: asks once"))
    run = ended(tests.start(WISH)).plan.run
    comparison = tests.runs.report(run.id).comparison
    assert comparison is not None
    changes = {each.name: each.change for each in comparison.changes}
    assert changes == {"greets": "same", "asks once": "new", "asks": "missing"}
    assert comparison.differing == ("the suite",)


def test_a_run_goes_on_to_a_sum_only_where_its_price_is_known(tests: Tests, fake: ScriptedProvider) -> None:
    run = ended(tests.start(RunWish(persona_id="tester", model="fake-1"))).plan.run
    fake.forget()
    with pytest.raises(SuiteRunRefused):
        tests.resume(run.id, most_cost_usd=1)
    assert fake.chats == []


def judged(tests: Tests, fake: ScriptedProvider, answers: list[str], reply: str = "You are kind.") -> Cell:
    """The only cell of a run whose judge says this."""
    left = iter(answers)
    fake.script = lambda body: next(left) if is_judging(body) else reply
    tests.suites.save("tester", JUDGED)
    run = ended(tests.start(WISH)).plan.run
    (case,) = tests.runs.report(run.id).score.cases
    return case.cells[0]


def test_a_judge_decides_and_says_why(services: Services, tests: Tests, fake: ScriptedProvider) -> None:
    cell = judged(tests, fake, [verdict("yes", "You are kind")])
    assert (cell.outcome, cell.judged[0].judge) == ("pass", "openai/fake-2")
    assert cell.results[0].finding.found == "Yes: It says so."
    assert sorted(row["purpose"] for row in ledger_of(services)) == ["judge", "test"]
    assert judged(tests, fake, [verdict("no", "You are kind")]).outcome == "fail"


@pytest.mark.parametrize(
    "answer",
    [
        "Pass",
        "verdict: pass",
        verdict("maybe", "You are kind"),
        verdict("yes", "Never said"),
        verdict("yes", ""),
        verdict("yes", "You are kind", reason=""),
        '{"reason": "x", "quote": "You are kind", "answer": true}',
        verdict("yes", "You are kind") + verdict("no", "You are kind"),
    ],
)
def test_a_verdict_that_cannot_be_read_is_asked_for_once_more_and_then_an_error(
    tests: Tests, fake: ScriptedProvider, answer: str
) -> None:
    assert judged(tests, fake, [answer, verdict("yes", "You are kind")]).outcome == "pass"
    cell = judged(tests, fake, [answer, answer])
    assert (cell.outcome, cell.judged[0].verdict, bool(cell.judged[0].trouble)) == ("error", None, True)


def test_the_embedded_model_never_judges(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    for model in ("local/smollm2-135m-instruct", None):
        tests = local(make_services(judge_model=model)).tests
        cell = judged(tests, fake, [])
        assert (cell.outcome, cell.judged[0].verdict) == ("error", None)


def test_a_model_that_judges_itself_is_warned_of(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    tests = local(make_services(judge_model="gpt-4")).tests
    cell = judged(tests, fake, [verdict("yes", "You are kind")])
    assert cell.judged[0].warning
