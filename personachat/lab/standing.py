"""What votes say of variants: who leads, how far that can be trusted, and one sentence about it. Pure.

A vote names the best of those that were shown, or nobody: a tie. A tie is half a win for each side, and so is
"both bad", which is also counted by itself because it says something about quality. Of two variants the share
of wins is told with Wilson's interval. Three or more are ranked by Bradley and Terry's model with a normal
prior around equal strength, so that five wins in a row make a leader and not an infinite one; intervals come
from the curvature at its maximum. Nothing is called decided before MIN_VOTES: fewer votes all for one side
happen by chance too often.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from personachat.usage.intervals import Z, wilson

MIN_VOTES = 6
"""Five votes for the same side come by chance once in sixteen times, six once in 32."""

PRIOR = 1.5
"""Standard deviation of a variant's strength before any vote, in log odds."""

MOST_VOTES = 1000
"""Beyond this number nobody votes on, and the estimate is too vague to be told."""

_STEPS = 100


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote among variants that were shown together; `winner` is None for a tie."""

    shown: tuple[str, ...]
    winner: str | None = None
    both_bad: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """One variant's place. `share` is how often it wins against another one, with its interval."""

    id: str
    wins: int
    losses: int
    ties: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Standing:
    """The best first. `more_votes` is None where it is decided, or where no number can be given."""

    places: tuple[Place, ...]
    votes: int
    ties: int
    both_bad: int
    decided: bool
    more_votes: int | None
    sentence: str


def standing(ballots: Sequence[Ballot], names: Mapping[str, str]) -> Standing:
    """Where the variants of `names`, which says what people call each, stand by these votes."""
    ids = tuple(names)
    ballots = [each for each in ballots if len(set(each.shown) & names.keys()) > 1]
    if len(ids) == 2:
        places, decided, more = _of_two(ids, ballots)
    else:
        places, decided, more = _of_more(ids, ballots)
    ties = sum(each.winner is None and not each.both_bad for each in ballots)
    both_bad = sum(each.both_bad for each in ballots)
    sentence = _sentence(places, names, votes=len(ballots), both_bad=both_bad, decided=decided, more=more)
    return Standing(places, len(ballots), ties, both_bad, decided, more, sentence)


def votes_needed(share: float) -> int | None:
    """How many votes decide between two, if this share of wins holds; None where it is even.

    Wilson's interval leaves out one half exactly where the score test does.
    """
    lead = abs(share - 0.5)
    return None if lead == 0 else max(MIN_VOTES, math.floor(Z * Z / (4 * lead * lead)) + 1)


def strengths(ids: Sequence[str], wins: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Log strengths by Bradley and Terry with the prior, 0 on average; `wins` are by (winner, loser)."""
    thetas, _ = _fitted(ids, wins)
    return dict(zip(ids, thetas, strict=True))


def pairwise(ids: Sequence[str], ballots: Sequence[Ballot]) -> dict[tuple[str, str], float]:
    """Wins by (winner, loser): the best beats each other one that was shown; a tie is half a win for each."""
    known_ids = set(ids)
    wins: dict[tuple[str, str], float] = {}
    for ballot in ballots:
        contestants = sorted(set(ballot.shown) & known_ids)
        for one in contestants:
            for other in contestants:
                if one != other and ballot.winner in {None, one}:
                    wins[one, other] = wins.get((one, other), 0.0) + (0.5 if ballot.winner is None else 1.0)
    return wins


def _of_two(ids: tuple[str, ...], ballots: Sequence[Ballot]) -> tuple[tuple[Place, ...], bool, int | None]:
    count = len(ballots)
    places = []
    for each in ids:
        won, lost, tied = _record(each, ballots)
        share = (won + tied / 2) / count if count else 0.5
        places.append(Place(each, won, lost, tied, share, *wilson(won + tied / 2, count)))
    places.sort(key=lambda place: -place.share)
    lead = places[0]
    decided = count >= MIN_VOTES and lead.low > 0.5
    needed = votes_needed(lead.share) if count else None
    return tuple(places), decided, None if decided or needed is None else max(1, needed - count)


def _of_more(ids: tuple[str, ...], ballots: Sequence[Ballot]) -> tuple[tuple[Place, ...], bool, int | None]:
    thetas, covariance = _fitted(ids, pairwise(ids, ballots))
    places = []
    for at, each in enumerate(ids):
        contrast = [1.0 if to == at else -1 / (len(ids) - 1) for to in range(len(ids))]
        middle, error = _difference(thetas, covariance, contrast)
        low, high = _odds(middle - Z * error), _odds(middle + Z * error)
        places.append(Place(each, *_record(each, ballots), _odds(middle), low, high))
    order = sorted(range(len(ids)), key=lambda at: -thetas[at])
    ranked = tuple(places[at] for at in order)
    if len(order) < 2 or not ballots:
        return ranked, False, None
    # The leader was chosen by these very votes: one chance in twenty is shared among all it is held against.
    limit = NormalDist().inv_cdf(1 - 0.025 / (len(ids) - 1))
    factor = 0.0
    for other in order[1:]:
        contrast = [float((to == order[0]) - (to == other)) for to in range(len(ids))]
        middle, error = _difference(thetas, covariance, contrast)
        factor = max(factor, math.inf if middle < 1e-9 else (limit * error / middle) ** 2)
    if factor < 1 and len(ballots) >= MIN_VOTES:
        return ranked, True, None
    if math.isinf(factor):
        return ranked, False, None
    needed = max(MIN_VOTES, math.ceil(len(ballots) * factor))
    return ranked, False, max(1, needed - len(ballots))


def _record(variant_id: str, ballots: Sequence[Ballot]) -> tuple[int, int, int]:
    """Votes won, lost and tied."""
    mine = [each for each in ballots if variant_id in each.shown]
    won = sum(each.winner == variant_id for each in mine)
    tied = sum(each.winner is None for each in mine)
    return won, len(mine) - won - tied, tied


def _fitted(
    ids: Sequence[str], wins: Mapping[tuple[str, str], float]
) -> tuple[list[float], list[list[float]]]:
    """The likeliest strengths, by Newton's method, and their covariance."""
    size, precision = len(ids), 1 / (PRIOR * PRIOR)
    at = {each: place for place, each in enumerate(ids)}
    played = [(at[one], at[other], count) for (one, other), count in wins.items()]
    thetas = [0.0] * size
    inverse = [[(place == to) / precision for to in range(size)] for place in range(size)]
    for _ in range(_STEPS):
        slope = [-precision * each for each in thetas]
        curve = [[precision * (place == to) for to in range(size)] for place in range(size)]
        for one, other, count in played:
            chance = _odds(thetas[one] - thetas[other])
            slope[one] += count * (1 - chance)
            slope[other] -= count * (1 - chance)
            weight = count * chance * (1 - chance)
            curve[one][one] += weight
            curve[other][other] += weight
            curve[one][other] -= weight
            curve[other][one] -= weight
        inverse = _inverse(curve)
        step = [sum(map(float.__mul__, row, slope)) for row in inverse]
        largest = max(map(abs, step), default=0.0)
        scale = 1 / max(1.0, largest)  # a step of more than one overshoots where the votes are lopsided
        thetas = [each + scale * change for each, change in zip(thetas, step, strict=True)]
        if largest < 1e-10:
            break
    return thetas, inverse


def _inverse(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    """Of a positive definite matrix, by elimination."""
    size = len(matrix)
    rows = [[*row, *(float(place == to) for to in range(size))] for place, row in enumerate(matrix)]
    for place in range(size):
        pivot = rows[place][place]
        rows[place] = [each / pivot for each in rows[place]]
        for other in range(size):
            if other != place:
                factor = rows[other][place]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[place], strict=True)]
    return [row[size:] for row in rows]


def _difference(
    thetas: Sequence[float], covariance: Sequence[Sequence[float]], contrast: Sequence[float]
) -> tuple[float, float]:
    """A weighted sum of strengths, and its standard error."""
    middle = sum(map(float.__mul__, contrast, thetas))
    variance = sum(
        one * other * covariance[place][to]
        for place, one in enumerate(contrast)
        for to, other in enumerate(contrast)
    )
    return middle, math.sqrt(max(0.0, variance))


def _odds(theta: float) -> float:
    return 1 / (1 + math.exp(-theta)) if theta > -700 else 0.0


def _sentence(
    places: Sequence[Place],
    names: Mapping[str, str],
    *,
    votes: int,
    both_bad: int,
    decided: bool,
    more: int | None,
) -> str:
    if not votes or len(places) < 2:
        return "There are no votes yet."
    lead, second = places[0], places[1]
    count = f"{votes:,} {'vote' if votes == 1 else 'votes'}"
    shares = f"{_percent(lead.share)}, likely {_percent(lead.low)} to {_percent(lead.high)}"
    others = names[second.id] if len(places) == 2 else "the others"
    if decided:
        sentence = f"Decided after {count}: {names[lead.id]} is better than {others} ({shares} of wins)."
    elif lead.share - second.share < 1e-9:
        sentence = f"Nothing is decided after {count}: it is even, and more votes may not change that."
    else:
        sentence = (
            f"Nothing is decided after {count}: {names[lead.id]} leads ({shares} of wins), {_about(more)}."
        )
    if 2 * both_bad >= votes:
        sentence += f" Neither was good in {both_bad:,} of them."
    return sentence


def _about(more: int | None) -> str:
    if more is None:
        return "and more votes may not change that"
    if more > MOST_VOTES:
        return f"and at this rate it would take more than {MOST_VOTES:,} further votes"
    rounded = more if more < 20 else math.ceil(more / 10) * 10
    return f"and at this rate it would take about {rounded:,} more {'vote' if rounded == 1 else 'votes'}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
