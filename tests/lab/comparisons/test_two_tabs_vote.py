"""Two tabs vote on the same message at once: one vote is kept, and of a blind one the first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from personachat.errors import VoteRefused
from personachat.lab.comparisons.model import Setup
from personachat.services import Services
from tests.conftest import local
from tests.lab.comparisons.conftest import ended

PAIR = (Setup(persona_id="ada"), Setup(persona_id="bob"))


@pytest.mark.parametrize("blind", [True, False])
def test_of_two_votes_at_once_one_is_kept(*, blind: bool, comparing_services: Services) -> None:
    comparisons = local(comparing_services).comparisons
    comparison_id = comparisons.begin(PAIR, "Which bird?", blind=blind)
    ended(comparisons, comparison_id)
    barrier = Barrier(2)

    def vote(choice: str) -> str:
        tab = local(comparing_services).comparisons
        barrier.wait()
        try:
            tab.vote(comparison_id, 1, choice)
        except VoteRefused:
            return ""
        return choice

    with ThreadPoolExecutor(2) as pool:
        cast = [choice for choice in pool.map(vote, "AB") if choice]
    comparison = comparisons.seen(comparison_id)
    assert comparison.standing
    assert comparison.standing.votes == 1
    kept = comparison.rounds[0].vote
    assert kept
    assert kept.letter in cast
    assert len(cast) == (1 if blind else 2)
    if blind:
        with pytest.raises(VoteRefused):
            comparisons.vote(comparison_id, 1, "tie")
