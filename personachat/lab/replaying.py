"""Replaying saved conversations: each reply is asked for again, after exactly what had been said before it.

That isolates a change: every turn begins as it was recorded, not as the new reply would have led on. A replay
is a run whose suite is made of the conversations; the recorded reply is each case's reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from personachat.conversations.model import Turn
from personachat.errors import SuiteRunRefused
from personachat.lab.runs.made import MadeRun
from personachat.lab.suites.model import MOST_TURNS
from personachat.personas.word_diff import compared_words

MOST_CASES = 200
MOST_NODES = 40_000
"""Of the suite's text, with what its cases share."""

_CHECKS = [{"not_refuses": True}, {"stays_in_role": True}, {"no_prompt_leak": True}]


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as it was recorded."""

    title: str
    path: Sequence[Turn]
    variables: Mapping[str, str] = field(default_factory=dict)


def made_replay(persona_id: str, talks: Sequence[Talk]) -> MadeRun:
    """The replay of these conversations. Raises SuiteRunRefused where nothing can be replayed."""
    return MadeRun("replay", replay_text(persona_id, talks))


def replay_text(persona_id: str, talks: Sequence[Talk]) -> str:
    """The suite of a replay as YAML. Raises SuiteRunRefused where nothing can be replayed."""
    cases: list[dict[str, Any]] = []
    nodes = 0
    for number, talk in enumerate(talks, 1):
        said: list[dict[str, str]] = []
        for depth, turn in enumerate(talk.path):
            is_reply = turn.role == "assistant" and turn.reply is not None and turn.text.strip()
            if is_reply and said and "user" in said[-1]:
                nodes += 3 * len(said) + 20
                if len(cases) >= MOST_CASES or nodes > MOST_NODES:
                    break
                cases.append(_case(talk, turn, said, place=f"{number}.{depth}"))
            if turn.text.strip():
                said.append({turn.role: turn.text})
    if not cases:
        raise SuiteRunRefused("These conversations have no replies to ask for again.", hint="Choose others.")
    suite = {"persona": persona_id, "repeat": 1, "cases": cases}
    return yaml.safe_dump(suite, allow_unicode=True, sort_keys=False)


def _case(talk: Talk, turn: Turn, said: Sequence[dict[str, str]], *, place: str) -> dict[str, Any]:
    title = " ".join(talk.title.split())[:80] or "Conversation"
    notes = " (had a summary of earlier turns)" if turn.reply and turn.reply.summary else ""
    notes = notes or (" (earlier turns were left out)" if turn.reply and turn.reply.memory_from else "")
    return {
        "name": f"{title}, {place}{notes}",
        "turns": list(said[-MOST_TURNS:]),
        "check": _CHECKS,
        "reference": turn.text,
        "variables": dict(talk.variables),
    }


def changed_share(before: str, after: str) -> float:
    """How much of two texts isn't in both: 0 for the same, 1 for nothing in common."""
    same = other = 0
    for piece in compared_words(before, after):
        if piece.kind == "same":
            same += 2 * len(piece.text)
        else:
            other += len(piece.text)
    return other / (same + other) if same + other else 0.0
