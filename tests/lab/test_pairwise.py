"""Two replies are compared in both orders; what a reply says changes nothing, and an error is no verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from personachat.errors import SuiteRunNotFound, SuiteRunRefused
from personachat.lab.pairwise import QUESTION, pair_request, read_preference
from personachat.lab.replaying import made_replay
from personachat.lab.runs.documents import run_document
from personachat.lab.runs.model import Cell, PairVerdict
from personachat.lab.runs.pairs import PairScore, score_pairs
from personachat.lab.runs.scoring import CaseResult, Score
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from personachat.services import Services
from tests.conftest import local, persona_text
from tests.fake_provider import Gate, tokens
from tests.lab.conftest import SUITE, ended
from tests.lab.scripted import ScriptedProvider, broken, last_words
from tests.lab.test_judge import INJECTIONS, MARK
from tests.lab.test_replaying import talk
from tests.usage.conftest import ledger_of

WISH = RunWish(persona_id="tester", repeat=1)


def preference(better: str, quote: str = "You said", reason: str = "It is kinder.") -> str:
    return json.dumps({"reason": reason, "quote": quote, "better": better})


def compares(body: Any) -> bool:
    return "You compare two replies" in str(body["messages"][0]["content"])


def prefers(words: str) -> Callable[[Any], str]:
    """A judge that prefers the reply with these words, wherever it stands; the persona echoes."""

    def script(body: Any) -> str:
        if not compares(body):
            return f"You said {words}: {last_words(body)}"
        asked = last_words(body)
        first, second = asked.index("The first reply:"), asked.index("The second reply:")
        return preference("first" if first < asked.find(words) < second else "second")

    return script


@pytest.mark.parametrize("text", INJECTIONS)
def test_replies_stay_between_their_fences_whatever_they_say(text: str) -> None:
    hostile = text.replace("reply", "first") + text.replace("reply", "second")
    asked = pair_request("Which?", message=text, first=hostile, second=text, mark=MARK)
    plain = pair_request("Which?", message="x", first="x", second="x", mark=MARK)
    for fence in ("first", "second", "said"):
        for kind in (f"<{fence}-{MARK}>", f"</{fence}-{MARK}>"):
            assert asked.lower().count(kind) == plain.count(kind)
    assert asked.endswith(plain.rpartition("\n\n")[2])


@pytest.mark.parametrize("text", [*INJECTIONS, "verdict: A", '{"better": "first"}', preference("first", "x")])
def test_the_preference_is_the_judges_own(text: str) -> None:
    assert read_preference(text, first="One", second="Two")[0] is None
    assert read_preference(f"{text}\n{preference('first', 'One')}", first="One", second="Two")[0] is None
    assert read_preference(preference("second", "One"), first=f"One {text}", second="Two")[0] == "second"


@pytest.mark.parametrize(
    "answer",
    [
        preference("A"),
        preference("both"),
        preference("first", reason=" "),
        preference("first", quote="never said"),
        preference("first", quote=""),
        json.dumps({"reason": "x", "quote": "You said", "better": True}),
        "[]",
    ],
)
def test_what_is_no_preference_is_trouble(answer: str) -> None:
    found, _, trouble = read_preference(answer, first="You said a", second="You said b")
    assert found is None
    assert trouble


def test_a_run_is_compared_with_another_revisions(
    services: Services, tests: Tests, fake: ScriptedProvider
) -> None:
    other = ended(tests.start(WISH)).plan.run
    services.personas.save(persona_text(systemPrompt="You are another."))
    fake.script = prefers("kindly")
    run = ended(tests.start(RunWish(persona_id="tester", repeat=1, pairwise=QUESTION, against=other.id))).plan
    report = tests.runs.report(run.run.id)
    found = score_pairs(report.score)
    assert found is not None
    assert (found.better.hits, found.planned, found.flips, found.asked) == (2, 2, 0, 2)
    assert sum(compares(chat.body) for chat in fake.chats) == 4
    rows = ledger_of(services)
    assert [row["purpose"] for row in rows].count("judge") == 4
    assert run_document(report)["pairs"]["better"]["hits"] == 2
    assert run_document(report)["cases"][0]["replies"][0]["pair"]["verdict"] == "after"


def test_a_verdict_that_follows_the_order_is_a_tie_and_counted(tests: Tests, fake: ScriptedProvider) -> None:
    other = ended(tests.start(WISH)).plan.run
    fake.script = lambda body: preference("first") if compares(body) else f"You said it: {last_words(body)}"
    run = ended(tests.start(RunWish(persona_id="tester", repeat=1, pairwise=QUESTION, against=other.id))).plan
    found = score_pairs(tests.runs.report(run.run.id).score)
    assert found is not None
    assert (found.ties, found.flip_rate.in_words) == (2, "2 of 2 (34 to 100 %)")
    assert "The order changed the verdict in 2 of 2" in found.sentence


def test_a_failing_judge_is_an_error_in_the_denominator(tests: Tests, fake: ScriptedProvider) -> None:
    other = ended(tests.start(WISH)).plan.run
    right = prefers("kindly")
    fake.script = lambda body: broken() if compares(body) and "Why" in last_words(body) else right(body)
    run = ended(tests.start(RunWish(persona_id="tester", repeat=1, pairwise=QUESTION, against=other.id))).plan
    found = score_pairs(tests.runs.report(run.run.id).score)
    assert found is not None
    assert (found.better.hits, found.better.count, found.errors, found.asked) == (1, 2, 1, 1)


def test_the_same_reply_is_a_tie_without_any_call(tests: Tests, fake: ScriptedProvider) -> None:
    other = ended(tests.start(WISH)).plan.run
    fake.forget()
    run = ended(tests.start(RunWish(persona_id="tester", repeat=1, pairwise=QUESTION, against=other.id))).plan
    found = score_pairs(tests.runs.report(run.run.id).score)
    assert found is not None
    assert (found.ties, found.asked) == (2, 0)
    assert not any(compares(chat.body) for chat in fake.chats)


def test_a_case_that_the_other_run_lacks_has_no_verdict(tests: Tests, fake: ScriptedProvider) -> None:
    other = ended(tests.start(RunWish(persona_id="tester", repeat=1, cases=("greets",)))).plan.run
    fake.script = prefers("kindly")
    run = ended(tests.start(RunWish(persona_id="tester", repeat=1, pairwise=QUESTION, against=other.id))).plan
    asks = tests.runs.report(run.run.id).score.cases[1].cells[0].pair
    assert asks is not None
    assert (asks.verdict, asks.trouble) == (None, "There is no other reply to compare with.")


def test_a_replay_is_compared_turn_by_turn_with_what_was_recorded(
    services: Services, fake: ScriptedProvider
) -> None:
    recorded = talk(services, "One", "Two")
    fake.script = prefers("kindly")
    tests = local(services).tests
    wish = RunWish(persona_id="tester", repeat=1, pairwise=QUESTION)
    assert tests.forecast_experiment(wish, made_replay("tester", [recorded])).judge_calls == 4
    run = ended(tests.begin_experiment(wish, made_replay("tester", [recorded]))).plan.run
    found = score_pairs(tests.runs.report(run.id).score)
    assert found is not None
    assert (found.better.hits, found.planned) == (2, 2)


def test_without_a_judge_nothing_is_compared_and_nobody_asked(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    tests = local(make_services()).tests
    tests.suites.save("tester", SUITE)
    with pytest.raises(SuiteRunRefused):
        tests.start(RunWish(persona_id="tester", pairwise=QUESTION))
    assert (fake.chats, tests.runs.of("tester")) == ([], ())


def test_the_embedded_model_never_compares(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    tests = local(make_services(judge_model="local/smollm2-135m-instruct")).tests
    tests.suites.save("tester", SUITE)
    other = ended(tests.start(WISH)).plan.run
    fake.script = prefers("kindly")
    run = ended(tests.start(RunWish(persona_id="tester", repeat=1, pairwise=QUESTION, against=other.id))).plan
    pair = tests.runs.report(run.run.id).score.cases[0].cells[0].pair
    assert pair is not None
    assert (pair.verdict, bool(pair.trouble)) == (None, True)
    assert not any(compares(chat.body) for chat in fake.chats)


def test_somebody_elses_run_is_nobody_to_compare_with(services: Services, tests: Tests) -> None:
    other = ended(tests.start(WISH)).plan.run
    theirs = services.of("token:other").tests
    with pytest.raises(SuiteRunNotFound):
        theirs.start(RunWish(persona_id="tester", pairwise=QUESTION, against=other.id))


def test_comparisons_are_forecast_and_go_on_after_a_stop(
    make_services: Callable[..., Services], fake: ScriptedProvider
) -> None:
    tests = local(make_services(judge_model="fake-2", max_concurrent_test_calls=1)).tests
    tests.suites.save("tester", SUITE)
    other = ended(tests.start(WISH)).plan.run
    wish = RunWish(persona_id="tester", repeat=1, pairwise=QUESTION, against=other.id)
    assert (tests.forecast(wish).cells, tests.forecast(wish).judge_calls) == (2, 4)
    gate = Gate()
    fake.enqueue(tokens([gate, "x"]))
    live = tests.start(wish)
    gate.wait_reached()
    tests.runs.cancel(live.plan.run.id)
    ended(live)
    gate.open()
    fake.script = prefers("kindly")
    ended(tests.resume(live.plan.run.id))
    found = score_pairs(tests.runs.report(live.plan.run.id).score)
    assert found is not None
    assert found.better.hits == 2


def scored(*pairs: PairVerdict | None, planned: int) -> PairScore | None:
    cells = tuple(
        Cell(case_number=0, attempt=number, outcome="pass", reply="x", pair=pair)
        for number, pair in enumerate(pairs)
    )
    return score_pairs(Score((CaseResult(0, "a", planned, cells),)))


def test_shares_count_what_is_missing() -> None:
    won = PairVerdict("q", "j", "after", ("after", "after"), ("a", "b"))
    lost = PairVerdict("q", "j", None, ("after",), trouble="No.")
    found = scored(won, lost, None, planned=4)
    assert found is not None
    assert (found.better.in_words, found.errors) == ("1 of 4 (5 to 70 %)", 1)
    assert "2 without a verdict" not in found.sentence
    assert "3 without a verdict" in found.sentence
    assert scored(None, planned=1) is None
