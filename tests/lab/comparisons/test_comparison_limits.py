"""A comparison stops before it could cost more than it may, and goes on when it may cost more."""

from __future__ import annotations

import pytest

from personachat.errors import ComparisonInvalid, CostLimitReached, VoteRefused
from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.service import Comparisons
from personachat.messages import Usage
from personachat.owners import LOCAL_OWNER
from personachat.usage import pricing
from tests.fake_provider import FakeProvider, chunk, events, failure, tokens
from tests.lab.comparisons.conftest import ended

CHEAP, DEAR = "gpt-4o-mini", "gpt-4o"
PAIR = tuple(Setup(persona_id="ada", model=model, max_tokens=1000) for model in (CHEAP, DEAR))


def most(model: str, tokens_out: int = 1000) -> float:
    """What the longest reply to nothing costs, asked twice."""
    price = pricing.cost_usd("openai", model, Usage(0, tokens_out))
    assert price
    return 2 * price


def begun(comparisons: Comparisons, limit: float, **more: object) -> str:
    comparison_id = comparisons.begin(PAIR, "One", most_cost_usd=limit, **more)  # type: ignore[arg-type]  # looser than the types on purpose
    ended(comparisons, comparison_id)
    return comparison_id


def asked_again(comparisons: Comparisons, comparison_id: str) -> bool:
    """Whether there was room for one more reply."""
    try:
        comparisons.retry(comparison_id, "A")
    except CostLimitReached:
        return False
    ended(comparisons, comparison_id)
    return True


def send_all(comparisons: Comparisons, comparison_id: str) -> None:
    while comparisons.seen(comparison_id).waiting:
        comparisons.send_next(comparison_id)
        ended(comparisons, comparison_id)


def test_nothing_is_asked_or_kept_if_the_first_message_could_cost_too_much(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    with pytest.raises(CostLimitReached) as caught:
        begun(comparisons, most(DEAR))  # enough for one column, not for both
    assert "could cost up to $0.0" in str(caught.value)
    assert fake.chats == []
    assert comparisons.newest() == ()


def test_the_rest_of_a_list_waits_at_the_limit_and_is_sent_once_it_is_raised(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    limit = 1.01 * (most(CHEAP) + most(DEAR))
    comparison_id = begun(comparisons, limit, waiting=["Two", "Three"])
    fake.answer_by_model({CHEAP: tokens(["x "] * 900), DEAR: tokens(["x "] * 900)})
    spent = comparisons.spent_usd(comparison_id)
    assert 0 < spent < limit
    sent = len(fake.chats)
    with pytest.raises(CostLimitReached):
        send_all(comparisons, comparison_id)
    shown = comparisons.seen(comparison_id)
    assert shown.waiting[-1:] == ("Three",)
    assert len(fake.chats) == sent + 2 * (len(shown.rounds) - 1)  # all columns or none
    assert comparisons.spent_usd(comparison_id) <= limit
    with pytest.raises(CostLimitReached):
        comparisons.send(comparison_id, "Something else")
    comparisons.limit(comparison_id, 10)
    comparisons.send_next(comparison_id)
    ended(comparisons, comparison_id)
    comparisons.limit(comparison_id, None)
    assert comparisons.seen(comparison_id).most_cost_usd is None


def test_asking_again_counts_with_the_replies_that_were_replaced(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    comparison_id = begun(comparisons, 10)
    once = comparisons.spent_usd(comparison_id)
    comparisons.retry(comparison_id, "B")
    ended(comparisons, comparison_id)
    twice = comparisons.spent_usd(comparison_id)
    assert twice > once
    comparisons.limit(comparison_id, twice + most(CHEAP) * 1.1)
    comparisons.retry(comparison_id, "A")
    ended(comparisons, comparison_id)
    with pytest.raises(CostLimitReached):
        comparisons.retry(comparison_id, "B")


def test_a_column_that_failed_before_it_said_anything_cost_nothing(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    fake.answer_by_model({CHEAP: failure(401, "no"), DEAR: failure(401, "no")})
    assert comparisons.spent_usd(begun(comparisons, 10)) == 0


def test_a_limit_needs_prices_that_are_known(comparisons: Comparisons, fake: FakeProvider) -> None:
    setups = [Setup(persona_id="ada", model=CHEAP), Setup(persona_id="ada", model="fake-7")]
    with pytest.raises(ComparisonInvalid, match="price of one of the models isn't known"):
        comparisons.begin(setups, "One", most_cost_usd=10)
    assert fake.chats == []


@pytest.mark.parametrize("limit", [-1.0, float("nan"), float("inf"), 1e7])
def test_a_limit_that_is_none_is_refused(comparisons: Comparisons, limit: float) -> None:
    with pytest.raises(ComparisonInvalid):
        comparisons.begin(PAIR, "One", most_cost_usd=limit)


def test_before_a_blind_vote_what_is_refused_does_not_tell_which_column_is_dear(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    fake.answer_by_model({CHEAP: failure(401, "no"), DEAR: failure(401, "no")})
    comparison_id = begun(comparisons, 1.2 * (most(CHEAP) + most(DEAR)), blind=True)
    enough_for_the_cheap_one = most(DEAR) / 2
    comparisons._store.change(LOCAL_OWNER, comparison_id, most_cost_usd=enough_for_the_cheap_one)
    for letter in "AB":
        with pytest.raises(CostLimitReached):
            comparisons.retry(comparison_id, letter)
    comparisons.reveal(comparison_id, 1)
    refused = []
    for letter in "AB":
        try:
            comparisons.retry(comparison_id, letter)
        except CostLimitReached:
            refused.append(letter)
    assert len(refused) == 1


def test_before_a_blind_vote_each_column_can_be_asked_again_as_often_as_the_other(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    """Else how often that is would tell which column costs more."""
    times = []
    for failing in (CHEAP, DEAR):
        fake.forget()
        for _ in range(50):
            cut = events(*[chunk("x ")] * 400, {"error": {"message": "no", "code": "x"}})
            fake.answer_by_model({failing: cut})
        comparison_id = begun(comparisons, 5 * most(DEAR), blind=True)
        times.append(0)
        while asked_again(comparisons, comparison_id):
            times[-1] += 1
    assert times[0] == times[1] > 0


def test_before_a_blind_vote_no_sum_tells_which_model_is_asked(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    fake.answer_by_model({CHEAP: failure(401, "no"), DEAR: failure(401, "no")})
    comparison_id = begun(comparisons, 1.2 * (most(CHEAP) + most(DEAR)), blind=True)
    with pytest.raises(VoteRefused):
        comparisons.spent_usd(comparison_id)
    comparisons._store.change(LOCAL_OWNER, comparison_id, most_cost_usd=0.0)
    for letter in "AB":
        with pytest.raises(CostLimitReached) as caught:
            comparisons.retry(comparison_id, letter)
        assert "$" not in f"{caught.value} {caught.value.hint}"


def test_before_a_blind_vote_nobody_finds_out_at_which_sum_it_stops(
    comparisons: Comparisons, fake: FakeProvider
) -> None:
    comparison_id = begun(comparisons, 2.1 * (most(CHEAP) + most(DEAR)), blind=True, waiting=["Two"])
    asked = len(fake.chats)
    for limit in (0.0, most(CHEAP), 1_000.0, None):
        with pytest.raises(VoteRefused, match="until you vote"):
            comparisons.limit(comparison_id, limit)
    for message in ("Short", "Long " * 20_000):
        with pytest.raises(VoteRefused, match="until you vote"):
            comparisons.send(comparison_id, message)
    with pytest.raises(VoteRefused, match="until you vote"):
        comparisons.send_next(comparison_id)
    assert len(fake.chats) == asked
    comparisons.vote(comparison_id, 1, "tie")
    comparisons.limit(comparison_id, 1_000.0)
    comparisons.send_next(comparison_id)
    ended(comparisons, comparison_id)
    assert len(comparisons.seen(comparison_id).rounds) == 2
