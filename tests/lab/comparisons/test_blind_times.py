"""Before a blind vote, nobody learns who is quick: not from the columns, and not from the ledger."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from personachat.errors import VoteRefused
from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.service import Comparisons
from personachat.services import Services
from personachat.usage.questions import UsageQuery
from tests.conftest import local
from tests.fake_provider import FakeProvider, Gate, failure, tokens
from tests.lab.comparisons.conftest import ended

PAIR = (Setup(persona_id="ada"), Setup(persona_id="bob"))
ALL = UsageQuery(zone=ZoneInfo("UTC"))


def begun(comparisons: Comparisons, *, blind: bool = True) -> str:
    comparison_id = comparisons.begin(PAIR, "Hello?", blind=blind)
    ended(comparisons, comparison_id)
    return comparison_id


@pytest.mark.parametrize("first", [tokens(["Quick."]), failure(401, "no")])
def test_a_column_that_is_done_looks_like_one_that_is_not(
    comparisons: Comparisons, fake: FakeProvider, first: object
) -> None:
    gate = Gate()
    fake.answer_by_model({"fake-1": first, "fake-2": tokens(["Slow", gate, " too."])})  # type: ignore[dict-item]
    comparison_id = comparisons.begin(PAIR, "Hello?", blind=True)
    gate.wait_reached()
    quick = next(each for _, each in comparisons.live(comparison_id) if each.persona_id == "ada")
    seen = 0
    while quick.live:
        seen += len(quick.wait(seen, timeout_seconds=10))
    shown = comparisons.seen(comparison_id)
    assert {(each.state, each.text) for each in shown.rounds[0].answers} == {("running", "")}
    assert b"Slow" not in comparisons.export(comparison_id, "json").content
    comparisons.pause(comparison_id)
    paused = comparisons.seen(comparison_id).rounds[0].answers
    assert {(each.state, each.text) for each in paused} == {("paused", "")}
    comparisons.pause(comparison_id, resume=True)
    gate.open()
    ended(comparisons, comparison_id)
    assert "Slow too." in {each.text for each in comparisons.seen(comparison_id).rounds[0].answers}


def test_one_reply_of_a_blind_round_is_not_stopped_or_asked_again_by_itself(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    gates = [Gate(), Gate()]
    fake.answer_by_model({f"fake-{n}": tokens(["Begun", gate]) for n, gate in enumerate(gates, 1)})
    comparison_id = comparisons.begin(PAIR, "Hello?", blind=True)
    for gate in gates:
        gate.wait_reached()
    comparisons.stop(comparison_id, "A")
    ended(comparisons, comparison_id)
    for gate in gates:
        gate.open()
    answers = comparisons.seen(comparison_id).rounds[0].answers
    assert {each.state for each in answers} == {"stopped"}
    with pytest.raises(VoteRefused):
        comparisons.retry(comparison_id, "B")


def test_the_ledger_tells_a_voter_nothing_of_a_comparison_before_the_vote(
    comparing_services: Services, comparisons: Comparisons
) -> None:
    usage = local(comparing_services).usage
    comparisons.vote(begun(comparisons, blind=False), 1, "A")
    assert len(usage.calls(ALL, limit=10).calls) == 2
    comparison_id = begun(comparisons)
    assert usage.withholds
    assert usage.calls(ALL, limit=10).calls == ()
    for by in ((), ("model",), ("day", "persona"), ("person",), ("purpose", "revision")):
        assert usage.summed(ALL, by) == ()
        assert usage.measured(ALL, by) == ()
    other = comparing_services.of("browser:other").comparisons
    their_id = other.begin(PAIR, "Hello?")
    ended(other, their_id)
    assert len(usage.calls(ALL, limit=10).calls) == 2  # whoever administers sees those of others
    comparisons.vote(comparison_id, 1, "A")
    assert not usage.withholds
    assert len(usage.calls(ALL, limit=10).calls) == 6
    assert {each.key: each.calls for each in usage.summed(ALL, ("model",))} == {
        ("fake-1",): 3,
        ("fake-2",): 3,
    }


def test_who_deletes_a_comparison_to_look_into_the_ledger_loses_the_vote(
    comparing_services: Services, comparisons: Comparisons
) -> None:
    comparison_id = begun(comparisons)
    comparisons.delete(comparison_id)
    assert len(local(comparing_services).usage.calls(ALL, limit=10).calls) == 2
    comparisons.restore(comparison_id)
    comparisons.restore(comparison_id)
    vote = comparisons.vote(comparison_id, 1, "A").rounds[0].vote
    assert vote
    assert (vote.counted, vote.why_not) == (False, "the names had been shown")
    kept = begun(comparisons)
    comparisons.restore(kept)  # it was not deleted
    assert comparisons.seen(kept).hidden
