"""A judge is judged: by kappa with its interval, by both error rates, and by how many labels there are."""

from __future__ import annotations

import pytest

from personachat.lab.labels import ENOUGH, Agreement, agreement
from personachat.lab.testing import Tests


@pytest.mark.parametrize(
    ("counts", "kappa", "error"),
    [
        (Agreement(20, 5, 10, 15), 0.4, 0.1274),  # the textbook's example
        (Agreement(45, 15, 25, 15), 0.1304, 0.0998),
    ],
)
def test_kappa_and_its_interval(counts: Agreement, kappa: float, error: float) -> None:
    assert counts.kappa == pytest.approx(kappa, abs=1e-3)
    assert counts.interval is not None
    low, high = counts.interval
    assert (high - low) / 2 / 1.96 == pytest.approx(error, abs=2e-3)


@pytest.mark.parametrize(
    ("counts", "ends"),
    [
        (Agreement(15, 0, 0, 15), (0.82, 1.0)),
        (Agreement(29, 0, 0, 1), (0.23, 1.0)),
        (Agreement(500, 0, 0, 500), (0.99, 1.0)),
        (Agreement(0, 15, 15, 0), (-1.0, -0.82)),
    ],
)
def test_a_few_labels_that_all_agree_are_no_certainty(counts: Agreement, ends: tuple[float, float]) -> None:
    assert counts.interval == pytest.approx(ends, abs=5e-3)


def test_the_more_disagree_the_lower_the_interval_begins() -> None:
    lows = [(Agreement(15 - wrong, wrong, 0, 15).interval or (0, 0))[0] for wrong in range(10)]
    assert lows == sorted(lows, reverse=True)


def test_many_labels_do_not_make_a_judge_good_that_agrees_by_chance() -> None:
    by_chance, good = Agreement(10, 10, 10, 10), Agreement(20, 5, 10, 15)
    assert (by_chance.calibrated, by_chance.beats_chance, good.beats_chance) == (True, False, True)
    assert "no better than chance" in by_chance.sentence
    assert "chance" not in good.sentence


@pytest.mark.parametrize("counts", [Agreement(), Agreement(40, 0, 0, 0), Agreement(0, 0, 0, 40)])
def test_what_chance_explains_wholly_says_nothing(counts: Agreement) -> None:
    assert (counts.kappa, counts.interval, counts.calibrated) == (None, None, False)


def test_below_thirty_labels_a_judge_is_not_calibrated() -> None:
    few = agreement([(True, True)] * (ENOUGH - 2) + [(False, False)])
    assert (few.calibrated, few.sentence.startswith("Not calibrated: 29 of 30 labels")) == (False, True)
    enough = agreement([(True, True)] * (ENOUGH - 2) + [(False, False), (False, True)])
    assert (enough.calibrated, "wrong yes 1 of 2" in enough.sentence) == (True, True)


def test_a_label_counts_for_its_wording_and_its_judge_alone(tests: Tests) -> None:
    about = {"question": "Is it kind?", "judge": "openai/a"}
    tests.labelling.label(**about, reply="One", label=True, verdict=True)
    tests.labelling.label(**about, reply="Two", label=False, verdict=True)
    tests.labelling.label(**about, reply="Two", label=True, verdict=True)
    assert tests.labelling.agreement(**about) == Agreement(yes_yes=2)
    assert tests.labelling.agreement(question="Is it  kind?\n", judge="openai/a").count == 2
    assert tests.labelling.agreement(question="Is it very kind?", judge="openai/a").count == 0
    assert tests.labelling.agreement(question="Is it kind?", judge="openai/b").count == 0
    assert list(tests.labelling.labels(**about).values()) == [True, True]
