"""Which round and which column of it are meant, and whether a vote on a round counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from personachat.conversations.model import Turn
from personachat.errors import ReplyNotFound, VoteRefused
from personachat.lab.comparisons.model import LETTERS, Comparison, Round
from personachat.lab.comparisons.self_naming import names_its_model


def last_round(comparison: Comparison) -> Round:
    if not comparison.rounds:
        raise ReplyNotFound("There is no reply in this comparison yet.")
    return comparison.rounds[-1]


def numbered_round(comparison: Comparison, number: int) -> Round:
    found = next((each for each in comparison.rounds if each.number == number), None)
    if found is None:
        raise ReplyNotFound(f"This comparison has no message {number}.")
    return found


def column_of(one: Round, letter: str) -> str:
    at = LETTERS.find(letter.upper()) if len(letter) == 1 else -1
    if not 0 <= at < len(one.shown):
        shown = ", ".join(LETTERS[: len(one.shown)])
        raise ReplyNotFound(f"There is no such column. There are {shown}.")
    return one.shown[at]


def refuse_to_repeat(comparison: Comparison, one: Round, turn: Turn | None) -> None:
    """Raises VoteRefused where a column can't be asked again; `turn` is its reply."""
    if one.vote:
        raise VoteRefused("These replies were voted on and stay as they are.")
    if comparison.hidden and turn and turn.reply and turn.reply.state in {"finished", "stopped"}:
        raise VoteRefused(
            "This reply stays as it is until you vote: how long another one takes tells who writes it."
        )


def why_not_counted(comparison: Comparison, one: Round, turns: Mapping[str, Turn]) -> str:
    """Why a vote would say nothing about which variant is better; "" where it counts."""
    replies = [turns[each].reply if each in turns else None for each in one.shown]
    if any(reply is None or reply.state in {"failed", "interrupted"} for reply in replies):
        return "a reply failed or was cut off"
    if comparison.blind and any(names_its_model(reply.text, model=reply.model) for reply in replies if reply):
        return "a reply named its own model"
    return ""
