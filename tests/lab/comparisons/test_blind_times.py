"""Before a blind vote, nobody learns who is quick: not from the columns, and not from the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from personachat.errors import ReplyInProgress, VoteRefused
from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.service import Comparisons
from personachat.services import Services
from personachat.usage.closing import Closing
from personachat.usage.questions import UsageQuery
from personachat.usage.records import SqlUsage
from personachat.usage.tables import usage_calls
from tests.conftest import local
from tests.fake_provider import FakeProvider, Gate, failure, tokens
from tests.lab.comparisons.conftest import ended

PAIR = (Setup(persona_id="ada"), Setup(persona_id="bob"))
ALL = UsageQuery(zone=ZoneInfo("UTC"))


def begun(comparisons: Comparisons, *, blind: bool = True) -> str:
    comparison_id = comparisons.begin(PAIR, "Hello?", blind=blind)
    ended(comparisons, comparison_id)
    return comparison_id


def calls_of(services: Services) -> Sequence[Mapping[str, Any]]:
    """Every row of the ledger."""
    services.ledger.settle()
    with services.database.read() as connection:
        query = select(usage_calls).order_by(usage_calls.c.began_at)
        return [dict(row) for row in connection.execute(query).mappings()]


@pytest.mark.parametrize("first", [tokens(["Quick."]), failure(401, "no")])
def test_a_column_that_is_done_looks_like_one_that_is_not(
    comparisons: Comparisons, fake: FakeProvider, first: object
) -> None:
    gate = Gate()
    fake.answer_by_model({"fake-1": first, "fake-2": tokens(["Slow", gate, " too."])})  # type: ignore[dict-item]  # looser than the types on purpose
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
    texts = {each.text for each in comparisons.seen(comparison_id).rounds[0].answers}
    assert texts == ({"Quick.", "Slow too."} if "Quick" in str(first) else {""})


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
    assert {(each.state, each.text) for each in answers} == {("stopped", "")}  # who wrote more, is quicker


@pytest.mark.parametrize("letter", ["A", "B"])
def test_replies_of_a_blind_round_are_seen_when_all_are_whole_whoever_is_asked_again(
    comparisons: Comparisons, fake: FakeProvider, letter: str
) -> None:
    fake.answer_by_model({"fake-1": failure(401, "no"), "fake-2": tokens(["Bob's."])})
    comparison_id = begun(comparisons)
    before = comparisons.seen(comparison_id)
    assert {(each.state, each.text) for each in before.rounds[0].answers} == {("failed", "")}
    assert before.rounds[0].incomplete
    for file_format in ("json", "markdown", "csv"):
        assert b"Bob's" not in comparisons.export(comparison_id, file_format).content
    gate = Gate()
    fake.answer_by_model({"fake-1": tokens(["Ada's", gate]), "fake-2": failure(500, "not again")})
    comparisons.retry(comparison_id, letter)
    gate.wait_reached()
    running = comparisons.seen(comparison_id).rounds[0].answers
    assert {(each.state, each.text) for each in running} == {("running", "")}
    with pytest.raises(ReplyInProgress):
        comparisons.retry(comparison_id, letter)
    gate.open()
    ended(comparisons, comparison_id)
    after = comparisons.seen(comparison_id).rounds[0].answers
    assert {each.text for each in after} == {"Ada's", "Bob's."}
    for each in "AB":
        with pytest.raises(VoteRefused):
            comparisons.retry(comparison_id, each)


def test_a_blind_vote_on_replies_that_are_not_whole_is_not_counted(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    fake.answer_by_model({"fake-1": failure(401, "no"), "fake-2": tokens(["Bob's."])})
    voted = comparisons.vote(begun(comparisons), 1, "A").rounds[0]
    assert voted.vote
    assert not voted.vote.counted
    assert {each.state for each in voted.answers} == {"failed", "finished"}


def test_the_ledger_tells_a_voter_nothing_of_a_comparison_before_the_vote(
    comparing_services: Services, comparisons: Comparisons
) -> None:
    usage = local(comparing_services).usage
    comparisons.vote(begun(comparisons, blind=False), 1, "A")
    assert len(usage.calls(ALL, limit=10).calls) == 2
    comparison_id = begun(comparisons)
    assert usage.withholds
    assert len(usage.calls(ALL, limit=10).calls) == 2  # those of the one that was voted on
    for by in ((), ("model",), ("day", "persona"), ("person",), ("purpose", "revision")):
        assert sum(each.calls for each in usage.summed(ALL, by)) == 2
        assert sum(each.calls for each, _ in usage.measured(ALL, by)) == 2
        assert sum(each.duration_ms.calls for each in usage.speeds(ALL, by)) == 2
    other = comparing_services.of("browser:other").comparisons
    their_id = other.begin(PAIR, "Hello?")
    ended(other, their_id)
    assert len(usage.calls(ALL, limit=10).calls) == 4  # whoever administers sees those of others
    comparisons.vote(comparison_id, 1, "A")
    assert not usage.withholds
    assert len(usage.calls(ALL, limit=10).calls) == 6
    assert {each.key: each.calls for each in usage.summed(ALL, ("model",))} == {
        ("fake-1",): 3,
        ("fake-2",): 3,
    }


def test_what_a_comparison_asks_for_besides_its_replies_is_withheld_too(
    comparing_services: Services, comparisons: Comparisons, fake: FakeProvider
) -> None:
    usage = local(comparing_services).usage
    comparison_id = begun(comparisons)
    (row, *_) = calls_of(comparing_services)
    assert row["comparison_id"] == comparison_id
    summary = dict(row) | {"id": "s" * 32, "purpose": "summary"}
    SqlUsage(comparing_services.database, comparing_services.people).write(
        [summary], owners=set(), process_id=""
    )
    assert usage.calls(ALL, limit=10).calls == ()
    assert usage.summed(ALL, ("model",)) == ()
    comparisons.vote(comparison_id, 1, "tie")
    assert len(usage.calls(ALL, limit=10).calls) == 3


def test_an_open_vote_hides_what_days_that_are_closed_add_up_to(
    comparing_services: Services, comparisons: Comparisons
) -> None:
    usage = local(comparing_services).usage
    voted, waits = begun(comparisons), begun(comparisons)
    comparisons.vote(voted, 1, "A")
    database = comparing_services.database
    rows = [dict(row) for row in calls_of(comparing_services)]
    for number, row in enumerate(rows):
        row |= {"id": f"{number:032}", "began_at": row["began_at"] - timedelta(days=5)}
    SqlUsage(database, comparing_services.people).write(rows, owners=set(), process_id="")
    assert Closing(database).close_some(10)
    for by in ((), ("model",), ("persona",), ("purpose",), ("outcome",), ("person",), ("day", "model")):
        assert sum(each.calls for each in usage.summed(ALL, by)) == 4, by
        assert sum(each.duration_ms.calls for each in usage.speeds(ALL, by)) == 4, by
    comparisons.vote(waits, 1, "A")
    assert usage.total(ALL).calls == 8


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
