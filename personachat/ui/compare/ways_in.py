"""From other pages to the Compare page: with a turn's message, a draft, a revision, or selected personas."""

from __future__ import annotations

from collections.abc import Sequence

from personachat.conversations.model import Turn
from personachat.lab.comparisons.model import Setup
from personachat.personas.chat_settings import AS_IN_THE_PERSONA, ChatSettings
from personachat.ui.compare.state import begin_with


def of_turn(
    turn: Turn, path: Sequence[Turn], settings: ChatSettings = AS_IN_THE_PERSONA
) -> tuple[list[Setup], str]:
    """The persona of a turn twice, to change one of them, and the message that the turn is or answers.

    Both have the settings of the chat.
    """
    message = ""
    for each in path:
        if each.role == "user":
            message = each.text
        if each.id == turn.id:
            break
    return [Setup(persona_id=turn.persona_address, **settings.as_record())] * 2, message


def of_persona(persona_id: str, *, drafted: bool) -> list[Setup]:
    """The saved version against the draft, if there is one."""
    saved = Setup(persona_id=persona_id)
    return [saved, Setup(persona_id=persona_id, text="")] if drafted else [saved, saved]


def of_revisions(persona_id: str, number: int) -> list[Setup]:
    """A revision against the saved version."""
    return [Setup(persona_id=persona_id, revision=number), Setup(persona_id=persona_id)]


def from_turn(turn: Turn, path: Sequence[Turn], settings: ChatSettings) -> None:
    setups, message = of_turn(turn, path, settings)
    begin_with(setups, message=message)


def from_persona(persona_id: str, *, drafted: bool) -> None:
    begin_with(of_persona(persona_id, drafted=drafted))


def from_revision(persona_id: str, number: int) -> None:
    begin_with(of_revisions(persona_id, number))


def from_list(ids: Sequence[str]) -> None:
    begin_with([Setup(persona_id=each) for each in ids])
