"""What votes say: the shares, the ranking, and the sentence at its thresholds."""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from personachat.lab.standing import MIN_VOTES, Ballot, pairwise, standing, strengths, votes_needed
from personachat.usage.intervals import wilson

NAMES = {"a": "Ada", "b": "Bob"}
THREE = {"a": "Ada", "b": "Bob", "c": "Cy"}


def ballots(a: int = 0, b: int = 0, ties: int = 0, bad: int = 0) -> list[Ballot]:
    pair = ("a", "b")
    return [
        *[Ballot(pair, "a")] * a,
        *[Ballot(pair, "b")] * b,
        *[Ballot(pair)] * ties,
        *[Ballot(pair, both_bad=True)] * bad,
    ]


def test_without_votes_nothing_is_said_of_anybody() -> None:
    for names in (NAMES, THREE, {"a": "Ada"}, {}):
        said = standing([], names)
        assert said.sentence == "There are no votes yet."
        assert not said.decided
        assert said.more_votes is None


@pytest.mark.parametrize(
    ("won", "lost", "decided"),
    [(5, 0, False), (6, 0, True), (7, 1, True), (6, 2, False), (14, 6, False), (15, 5, True), (60, 40, True)],
)
def test_two_are_decided_where_the_interval_leaves_out_one_half(
    won: int, lost: int, *, decided: bool
) -> None:
    said = standing(ballots(won, lost), NAMES)
    assert said.decided is decided
    low, high = wilson(won, won + lost)
    assert (said.places[0].low, said.places[0].high) == (low, high)
    assert (low > 0.5 and won + lost >= MIN_VOTES) is decided
    mirrored = standing(ballots(lost, won), NAMES)
    assert mirrored.decided is decided
    assert mirrored.places[0].id == "b"


def test_the_interval_is_the_one_of_wilson_1927_as_published() -> None:
    # Newcombe 1998, table I: 81 of 263, and 15 of 148.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


@pytest.mark.parametrize("share", [0.51, 0.55, 0.6, 0.7, 0.75, 0.9])
def test_the_number_of_votes_that_it_would_take_is_the_first_that_decides(share: float) -> None:
    needed = votes_needed(share)
    assert needed is not None
    assert wilson(share * needed, needed)[0] > 0.5
    assert needed == MIN_VOTES or wilson(share * (needed - 1), needed - 1)[0] <= 0.5


@pytest.mark.parametrize(
    ("votes", "sentence"),
    [
        (
            ballots(12, 8),
            (
                "Nothing is decided after 20 votes: Ada leads (60 %, likely 39 % to 78 % of wins), "
                "and at this rate it would take about 80 more votes."
            ),
        ),
        (
            ballots(14, 6),
            (
                "Nothing is decided after 20 votes: Ada leads (70 %, likely 48 % to 85 % of wins), "
                "and at this rate it would take about 5 more votes."
            ),
        ),
        (
            ballots(5, 15),
            "Decided after 20 votes: Bob is better than Ada (75 %, likely 53 % to 89 % of wins).",
        ),
        (
            ballots(1, 0),
            (
                "Nothing is decided after 1 vote: Ada leads (100 %, likely 21 % to 100 % of wins), "
                "and at this rate it would take about 5 more votes."
            ),
        ),
        (
            ballots(10, 10),
            "Nothing is decided after 20 votes: it is even, and more votes may not change that.",
        ),
        (
            ballots(0, 0, ties=20),
            "Nothing is decided after 20 votes: it is even, and more votes may not change that.",
        ),
        (
            ballots(101, 100),
            (
                "Nothing is decided after 201 votes: Ada leads (50 %, likely 43 % to 57 % of wins), "
                "and at this rate it would take more than 1,000 further votes."
            ),
        ),
        (
            ballots(1, 0, bad=3),
            (
                "Nothing is decided after 4 votes: Ada leads (62 %, likely 22 % to 91 % of wins), "
                "and at this rate it would take about 60 more votes. Neither was good in 3 of them."
            ),
        ),
    ],
)
def test_one_sentence_says_whether_anything_is_decided(votes: list[Ballot], sentence: str) -> None:
    assert standing(votes, NAMES).sentence == sentence


def test_a_tie_and_both_bad_are_half_a_win_for_each_and_both_bad_is_counted_by_itself() -> None:
    said = standing(ballots(8, 2, ties=6, bad=4), NAMES)
    assert said.places[0].share == (8 + 5) / 20
    assert (said.places[0].wins, said.places[0].losses, said.places[0].ties) == (8, 2, 10)
    assert (said.votes, said.ties, said.both_bad) == (20, 6, 4)


def games() -> list[Ballot]:
    """Four players of known strengths who meet often, so that nothing is lopsided."""
    chances = {"a": 4.0, "b": 3.0, "c": 2.0, "d": 1.0}
    return [
        Ballot((one, other), winner)
        for one, other in combinations(chances, 2)
        for winner, count in (
            (one, round(400 * chances[one] / (chances[one] + chances[other]))),
            (other, round(400 * chances[other] / (chances[one] + chances[other]))),
        )
        for _ in range(count)
    ]


def test_the_ranking_agrees_with_evalica_where_both_are_sound() -> None:
    import evalica  # it brings scipy along, which takes seconds

    played = games()
    ids = ("a", "b", "c", "d")
    theirs = evalica.bradley_terry(
        [each.shown[0] for each in played],
        [each.shown[1] for each in played],
        [evalica.Winner.X if each.winner == each.shown[0] else evalica.Winner.Y for each in played],
    ).scores
    ours = strengths(ids, pairwise(ids, played))
    for one, other in combinations(ids, 2):
        assert ours[one] - ours[other] == pytest.approx(math.log(theirs[one] / theirs[other]), abs=0.02)
        assert ours[one] - ours[other] > 0


def test_the_shares_of_two_agree_with_evalica() -> None:
    import evalica

    votes = ballots(12, 5, ties=3)
    winners = [evalica.Winner.X] * 12 + [evalica.Winner.Y] * 5 + [evalica.Winner.Draw] * 3
    counted = evalica.counting(["a"] * 20, ["b"] * 20, winners, win_weight=1, tie_weight=0.5).scores
    assert standing(votes, NAMES).places[0].share == counted["a"] / 20


def test_five_wins_in_a_row_make_a_leader_and_not_an_infinite_one() -> None:
    votes = [Ballot(("a", "b"), "a")] * 5
    ours = strengths(("a", "b", "c"), pairwise(("a", "b", "c"), votes))
    assert 0.5 < ours["a"] < 3
    assert ours["a"] == pytest.approx(-ours["b"])
    assert ours["c"] == pytest.approx(0)


def test_twelve_votes_among_four_give_intervals_that_are_finite() -> None:
    names = THREE | {"d": "Di"}
    said = standing([Ballot(tuple(names), "a")] * 12, names)
    assert said.places[0].id == "a"
    for place in said.places:
        assert 0 < place.low < place.share < place.high < 1
    assert said.decided
    assert said.sentence.startswith("Decided after 12 votes: Ada is better than the others")


def test_among_three_a_leader_is_held_against_each_of_the_others() -> None:
    votes = [Ballot(tuple(THREE), each) for each in "ab" * 10]
    said = standing(votes, THREE)
    assert {place.id for place in said.places[:2]} == {"a", "b"}
    assert not said.decided
    assert said.more_votes is None
    led = standing([*votes, *[Ballot(tuple(THREE), "a")] * 4], THREE)
    assert led.places[0].id == "a"
    assert not led.decided
    assert led.more_votes


def test_the_order_of_votes_and_of_names_changes_nothing() -> None:
    votes = [Ballot(tuple(THREE), each) for each in "aabacbaaabca"]
    once = standing(votes, THREE)
    again = standing(votes[::-1], dict(reversed(THREE.items())))
    assert once.sentence == again.sentence
    assert [place.id for place in once.places] == [place.id for place in again.places]


def test_votes_on_variants_that_are_gone_are_left_out() -> None:
    said = standing([Ballot(("a", "x"), "x"), Ballot(("a", "b"), "b")], NAMES)
    assert said.votes == 1


def test_very_lopsided_votes_are_still_ranked() -> None:
    said = standing([Ballot(tuple(THREE), "c")] * 5000, THREE)
    assert said.places[0].id == "c"
    assert said.decided
