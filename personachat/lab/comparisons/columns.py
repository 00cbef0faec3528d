"""Which round and column of a comparison is meant, and whether a vote on a round counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from personachat.conversations.model import Turn
from personachat.errors import ReplyInProgress, ReplyNotFound, VoteRefused
from personachat.lab.comparisons.model import LETTERS, AnswerState, Comparison, Round, Variant
from personachat.lab.comparisons.self_naming import names_its_model

LIVE: frozenset[AnswerState] = frozenset({"running", "paused"})


def last_round(comparison: Comparison) -> Round:
    if not comparison.rounds:
        raise ReplyNotFound("There is no reply in this comparison yet.")
    return comparison.rounds[-1]


def numbered_round(comparison: Comparison, number: int) -> Round:
    match = next((each for each in comparison.rounds if each.number == number), None)
    if match is None:
        raise ReplyNotFound(f"This comparison has no message {number}.")
    return match


def column_of(one: Round, letter: str) -> str:
    at = LETTERS.find(letter.upper()) if len(letter) == 1 else -1
    if not 0 <= at < len(one.shown):
        letters = ", ".join(LETTERS[: len(one.shown)])
        raise ReplyNotFound(f"There is no such column. There are {letters}.")
    return one.shown[at]


def asked_again(comparison: Comparison, one: Round, turns: Mapping[str, Turn], letter: str) -> list[Variant]:
    """The variants whose reply to the last round is to be requested again; `turns` are by variants' ids.

    While names are hidden, these are all variants without a complete reply. Raises ReplyNotFound,
    ReplyInProgress and VoteRefused.
    """
    variant = comparison.variant(column_of(one, letter))
    if one.vote:
        raise VoteRefused("These replies were voted on and stay as they are.")
    if not comparison.hidden:
        return [variant]
    if one.revealed:
        raise VoteRefused("You haven't voted on an earlier message yet.", hint="Vote on it first.")
    states = states_of(one, turns)
    if LIVE & set(states.values()):
        raise ReplyInProgress("A reply is still being written.", hint="Wait for it to finish, or stop it.")
    if set(states.values()) == {"finished"}:
        raise VoteRefused(
            "You can't ask again until you vote: the time a new reply takes could reveal who writes it."
        )
    return [each for each in comparison.variants if states[each.id] != "finished"]


def states_of(one: Round, turns: Mapping[str, Turn]) -> dict[str, AnswerState]:
    """The state of each variant's reply, by its id."""
    states: dict[str, AnswerState] = {}
    for each in one.shown:
        reply = turns[each].reply if each in turns else None
        states[each] = reply.state if reply else "missing"
    return states


def why_not_counted(comparison: Comparison, one: Round, turns: Mapping[str, Turn]) -> str:
    """Why a vote would say nothing about which variant is better; "" if it counts."""
    replies = [turns[each].reply if each in turns else None for each in one.shown]
    whole = {"finished"} if comparison.blind else {"finished", "stopped"}
    if not set(states_of(one, turns).values()) <= whole:
        return "a reply failed or was cut off"
    if comparison.blind and any(names_its_model(reply.text, model=reply.model) for reply in replies if reply):
        return "a reply named its own model"
    return ""
