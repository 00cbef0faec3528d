"""A judge that compares replies is judged, too: by people's own preferences for its wording and its model."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean

import pytest

from personachat.lab import pair_labels
from personachat.lab.kappa import interval, kappa
from personachat.lab.labels import ENOUGH
from personachat.lab.pair_labels import PairAgreement, PairToLabel, pair_agreement
from personachat.lab.pairwise import QUESTION
from personachat.lab.runs.model import PairVerdict, Preference
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests
from personachat.services import Services
from tests.conftest import local
from tests.lab.conftest import ended
from tests.lab.scripted import ScriptedProvider, last_words
from tests.lab.test_pairwise import compares, preference

SUITE = """\
persona: tester
repeat: 1
cases:
  - { name: greets, say: Hi, check: [{ contains: said }], reference: Good day. }
  - { name: parts, say: Bye, check: [{ contains: said }], reference: Farewell. }
"""
WISH = RunWish(persona_id="tester", pairwise=QUESTION)
TABLE = ((20, 5, 2), (4, 15, 3), (1, 6, 9))


def compared(services: Services, fake: ScriptedProvider, wish: RunWish = WISH) -> Tests:
    """Two pairs, of which the judge prefers the new reply each time."""

    def script(body: object) -> str:
        assert isinstance(body, dict)
        if not compares(body):
            return f"You said: {last_words(body)}"
        asked = last_words(body)
        first = asked.index("You said") < asked.index("The second reply:")
        return preference("first" if first else "second", "You said")

    fake.script = script
    tests = local(services).tests
    tests.suites.save("tester", SUITE)
    ended(tests.start(wish))
    return tests


def test_kappa_of_three_answers_is_that_of_two_where_one_is_never_given() -> None:
    assert kappa(((20, 5, 0), (10, 15, 0), (0, 0, 0))) == kappa(((20, 5), (10, 15))) == pytest.approx(0.4)
    assert interval(((20, 5, 0), (10, 15, 0), (0, 0, 0))) == interval(((20, 5), (10, 15)))


def test_few_preferences_that_all_agree_are_no_certainty_and_unused_ones_change_nothing() -> None:
    two = interval(((15, 0), (0, 15)))
    assert two == interval(((15, 0, 0), (0, 15, 0), (0, 0, 0)))
    assert two == pytest.approx((0.82, 1.0), abs=5e-3)


def test_the_interval_is_that_of_leaving_one_out_at_a_time() -> None:
    def without(i: int, j: int) -> float:
        changed = [[count - ((a, b) == (i, j)) for b, count in enumerate(r)] for a, r in enumerate(TABLE)]
        return kappa(changed) or 0.0

    values = [
        without(i, j) for i, row in enumerate(TABLE) for j, count in enumerate(row) for _ in range(count)
    ]
    count, middle = len(values), mean(values)
    error = ((count - 1) / count * sum((each - middle) ** 2 for each in values)) ** 0.5
    found = interval(TABLE)
    assert found is not None
    assert (found[1] - found[0]) / 2 / 1.96 == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize("labels", [[], [("tie", "after")] * 40])
def test_what_chance_explains_is_not_calibrated(labels: list[tuple[Preference, Preference]]) -> None:
    assert not pair_agreement(labels).calibrated


def test_below_thirty_labels_the_judge_is_not_calibrated() -> None:
    many: list[tuple[Preference, Preference]] = [("after", "after") for _ in range(ENOUGH - 2)]
    many.append(("tie", "before"))
    few = pair_agreement(many)
    assert (few.calibrated, few.sentence.startswith("Not calibrated: 29 of 30 labels, kappa")) == (
        False,
        True,
    )
    assert pair_agreement([*many, ("before", "before")]).calibrated


def test_each_pair_is_labelled_once_and_can_be_taken_back(services: Services, fake: ScriptedProvider) -> None:
    tests = compared(services, fake)
    pairs = tests.pairs
    due = pairs.due("tester")
    assert {(each.message, each.before, each.after) for each in due} == {
        ("Hi", "Good day.", "You said: Hi"),
        ("Bye", "Farewell.", "You said: Bye"),
    }
    pairs.answer(due[0], label="tie")
    assert [each.key for each in pairs.due("tester")] == [due[1].key]
    about = {"question": QUESTION, "judge": due[0].pair.judge}
    assert pairs.agreement(**about) == PairAgreement(((0, 0, 0), (0, 0, 0), (1, 0, 0)))
    pairs.answer(due[0], label="after")
    assert pairs.agreement(**about).sentence.startswith(
        "Not calibrated: 1 of 30 labels, another preference in 0"
    )
    ended(tests.start(WISH))  # the same replies again
    assert [each.key for each in pairs.due("tester")] == [due[1].key]
    pairs.take_back(due[0])
    assert len(pairs.due("tester")) == 2
    assert pairs.due("tester", without=[each.key for each in due]) == ()
    assert services.of("browser:other").tests.pairs.due("tester") == ()


@pytest.mark.parametrize("what", ["wording", "question", "model"])
def test_another_wording_or_model_begins_at_nothing(
    services: Services,
    make_services: Callable[..., Services],
    fake: ScriptedProvider,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    pairs = compared(services, fake).pairs
    for each in pairs.due("tester"):
        pairs.answer(each, label="after")
    about = {"question": QUESTION, "judge": "openai/fake-2"}
    assert pairs.agreement(**about).count == 2
    if what == "question":
        assert pairs.agreement(question="Which is shorter?", judge=about["judge"]).count == 0
    elif what == "model":
        other = compared(make_services(judge_model="fake-3"), fake).pairs
        assert len(other.due("tester")) == 2
        assert other.agreement(question=QUESTION, judge="openai/fake-3").count == 0
    else:
        monkeypatch.setattr(pair_labels, "VERSION", "2")
        assert pairs.agreement(**about).count == 0
        assert len(pairs.due("tester")) == 2


def test_a_pair_without_a_verdict_is_not_labelled(services: Services, fake: ScriptedProvider) -> None:
    tests = compared(services, fake)
    fake.script = lambda body: "A is better" if compares(body) else f"I said: {last_words(body)}"
    before = len(tests.pairs.due("tester"))
    ended(tests.start(WISH))
    assert len(tests.pairs.due("tester")) == before


def test_pairs_with_another_run_go_with_it(services: Services, fake: ScriptedProvider) -> None:
    tests = compared(services, fake, RunWish(persona_id="tester"))
    (first,) = tests.runs.of("tester")
    fake.script = lambda body: (
        preference("same", "said") if compares(body) else f"They said: {last_words(body)}"
    )
    ended(tests.start(RunWish(persona_id="tester", pairwise=QUESTION, against=first.id)))
    assert {each.before for each in tests.pairs.due("tester")} == {"You said: Hi", "You said: Bye"}
    tests.runs.delete(first.id)
    assert tests.pairs.due("tester") == ()


def test_the_order_in_which_replies_are_shown_tells_nothing() -> None:
    pair = PairVerdict("Which?", "openai/a", "after", ("after", "after"))
    shown = [PairToLabel("Hi", "Old", f"New {number}", pair).order[0] for number in range(200)]
    assert 60 < shown.count("after") < 140
