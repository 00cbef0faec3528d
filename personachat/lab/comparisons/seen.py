"""What the owner of a comparison may see now. Pages, API, command and exports use nothing else.

While a blind round waits for its vote, only letters and text are shown, for all columns at once when all
replies are complete: speed would reveal a column. As long as one reply is running, has failed or was cut off,
all columns look the same and have no text, so that nobody sees which is requested again and how long that
takes. Names, models, prices, times, ids and reasons of failures are hidden, in this round and all others, and
the letters are dealt anew for each round. Who wrote what is shown after the vote, or to people who ask for
the names and give up their vote.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from personachat.conversations.model import Reply, Turn
from personachat.lab.comparisons.columns import LIVE, states_of
from personachat.lab.comparisons.model import (
    LETTERS,
    AnswerState,
    Comparison,
    ListState,
    Round,
    Variant,
    Verdict,
)
from personachat.lab.comparisons.variants import group_name
from personachat.lab.standing import Ballot, Standing, standing

Answers: TypeAlias = Mapping[str, Mapping[str, Turn]]
"""By a round's id and a variant's: the turn of the reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenAnswer:
    """One column of a round. `variant` and `reply` are None while they are withheld."""

    letter: str
    state: AnswerState
    text: str
    variant: Variant | None = None
    reply: Reply | None = None
    begun_at: datetime | None = None
    """When the reply was started; withheld together with it."""

    @property
    def live(self) -> bool:
        return self.state in LIVE


@dataclass(frozen=True, slots=True)
class SeenVote:
    """`letter` is the winner's. A vote that isn't `counted` says why."""

    verdict: Verdict
    letter: str | None
    counted: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class SeenRound:
    number: int
    message: str
    hidden: bool
    answers: tuple[SeenAnswer, ...]
    vote: SeenVote | None

    @property
    def live(self) -> bool:
        return any(each.live for each in self.answers)

    @property
    def incomplete(self) -> bool:
        """Whether a blind vote waits for replies that failed or were cut off; no column says which."""
        return self.hidden and not self.live and any(each.state != "finished" for each in self.answers)

    def answer(self, letter: str) -> SeenAnswer | None:
        return next((each for each in self.answers if each.letter == letter), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenComparison:
    """`variants` is empty and `standing` None while names are withheld; `count` is the number of variants."""

    id: str
    title: str
    blind: bool
    hidden: bool
    count: int
    created_at: datetime
    updated_at: datetime
    variants: tuple[Variant, ...]
    rounds: tuple[SeenRound, ...]
    standing: Standing | None
    not_counted: int
    waiting: tuple[str, ...] = ()
    """Messages of a list that are still to be sent."""
    most_cost_usd: float | None = None
    """The cost limit in US dollars."""
    list_state: ListState | None = None
    list_notice: str = ""
    """Whether the waiting messages are being sent; why that stopped, "" if the owner did it."""

    @property
    def last(self) -> SeenRound | None:
        return self.rounds[-1] if self.rounds else None


def seen(comparison: Comparison, answers: Answers) -> SeenComparison:
    hidden = comparison.hidden
    return SeenComparison(
        id=comparison.id,
        title=comparison.title,
        blind=comparison.blind,
        hidden=hidden,
        count=len(comparison.variants),
        created_at=comparison.created_at,
        updated_at=comparison.updated_at,
        variants=() if hidden else comparison.variants,
        rounds=tuple(_round(comparison, each, answers.get(each.id, {})) for each in comparison.rounds),
        standing=None if hidden else standing_of(comparison),
        waiting=comparison.waiting,
        most_cost_usd=comparison.most_cost_usd,
        list_state=comparison.list_state,
        list_notice=comparison.list_notice,
        not_counted=sum(bool(each.vote and not each.vote.counted) for each in comparison.rounds),
    )


def _alike(states: Collection[AnswerState]) -> AnswerState | None:
    """The state of all columns of a blind round for its voter; None if all replies are complete."""
    order: tuple[AnswerState, ...] = ("running", "paused", "stopped")
    if set(states) == {"finished"}:
        return None
    return next((each for each in order if each in states), "failed")


def standing_of(comparison: Comparison) -> Standing:
    """By the votes that count; all samples of a setup are combined."""
    names = {str(each.group): group_name(each) for each in comparison.variants}
    groups = {each.id: str(each.group) for each in comparison.variants}
    return standing(ballots_of(comparison.rounds, groups), names)


def ballots_of(rounds: Sequence[Round], groups: Mapping[str, str]) -> list[Ballot]:
    """The votes that count, as votes on `groups` of variants."""
    return [
        Ballot(
            tuple(dict.fromkeys(groups[each] for each in one.shown if each in groups)),
            groups.get(one.vote.winner) if one.vote.winner else None,
            both_bad=one.vote.verdict == "both_bad",
        )
        for one in rounds
        if one.vote and one.vote.counted
    ]


def _round(comparison: Comparison, one: Round, answers: Mapping[str, Turn]) -> SeenRound:
    hidden = comparison.blind and not one.revealed
    withheld = comparison.hidden
    alike = _alike(states_of(one, answers).values()) if hidden else None
    columns: list[SeenAnswer] = []
    for letter, variant_id in zip(LETTERS, one.shown, strict=False):
        turn = answers.get(variant_id)
        reply = turn.reply if turn else None
        columns.append(
            SeenAnswer(
                letter=letter,
                state=alike or (reply.state if reply else "missing"),
                text=reply.text if reply and not alike else "",
                variant=None if withheld else comparison.variant(variant_id),
                reply=None if withheld else reply,
                begun_at=turn.created_at if turn and not withheld else None,
            )
        )
    vote = None
    if one.vote:
        winner = one.vote.winner
        won = LETTERS[one.shown.index(winner)] if winner in one.shown else None
        vote = SeenVote(one.vote.verdict, won, one.vote.counted, one.vote.why_not)
    return SeenRound(one.number, one.message, hidden, tuple(columns), vote)
