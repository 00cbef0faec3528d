from __future__ import annotations

from personachat.lab.comparisons.model import Setup
from personachat.owners import LOCAL_OWNER
from personachat.services import Services
from tests.conftest import local
from tests.lab.comparisons.conftest import TWO, ended


def test_whatever_changes_what_is_seen_of_a_comparison_is_noticed(comparing_services: Services) -> None:
    comparisons = local(comparing_services).comparisons
    comparison_id = comparisons.begin([Setup(persona_id=each) for each in TWO], "Which bird?")
    ended(comparisons, comparison_id)
    comparing_services.checkpoints.settle()
    marks = [comparing_services.comparison_mark(LOCAL_OWNER, comparison_id)]

    def note() -> None:
        comparing_services.checkpoints.settle()
        marks.append(comparing_services.comparison_mark(LOCAL_OWNER, comparison_id))
        assert comparing_services.comparison_mark(LOCAL_OWNER, comparison_id) == marks[-1]

    comparisons.vote(comparison_id, 1, "A")
    note()
    comparisons.vote(comparison_id, 1, "B")
    note()
    comparisons.rename(comparison_id, "Birds")
    note()
    comparisons.send(comparison_id, "And which fish?")
    note()
    ended(comparisons, comparison_id)  # which whoever saw it run has followed
    comparisons.retry(comparison_id, "A")
    ended(comparisons, comparison_id)
    note()
    comparisons.delete(comparison_id)
    note()
    assert len(set(marks)) == len(marks)


def test_of_nobodys_comparison_there_is_nothing_to_notice(comparing_services: Services) -> None:
    comparisons = local(comparing_services).comparisons
    comparison_id = comparisons.begin([Setup(persona_id=each) for each in TWO], "Which bird?")
    ended(comparisons, comparison_id)
    assert comparing_services.comparison_mark(LOCAL_OWNER, "none") == ()
    assert comparing_services.comparison_mark("browser:somebody", comparison_id) == ()
