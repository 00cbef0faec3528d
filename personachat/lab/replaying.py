"""Replaying saved conversations: each reply is requested again.

Either after exactly the recorded messages, which isolates a change; or after the new replies, with the
person's recorded messages, which shows where it leads. A replay is a run whose suite is made from the
conversations; the recorded reply is each case's reference. What a recording lacks is noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import yaml

from personachat.chat.inspection import Inspection
from personachat.chat.service import ChatService
from personachat.conversations.model import Turn
from personachat.errors import PromptHidden, SuiteRunRefused, TurnNotFound
from personachat.lab.runs.experiment import Experiment
from personachat.lab.runs.options import RunOptions
from personachat.lab.suites.model import MOST_TURNS
from personachat.personas.word_diff import compared_words

Course: TypeAlias = Literal["recorded", "own"]

MOST_CASES = 200
MOST_NODES = 40_000
"""Characters of the suite's text, including what its cases share."""

_CHECKS = [{"not_refuses": True}, {"stays_in_role": True}, {"no_prompt_leak": True}]
_IMAGE = re.compile(r"!\[[^\]\n]*\]\([^)\n]+\)|<img\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Talk:
    """A recorded conversation. `lore` is what was included for its replies, by their ids."""

    title: str
    path: Sequence[Turn]
    variables: Mapping[str, str] = field(default_factory=dict)
    lore: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class _Replay:
    """A replay in the making."""

    course: Course
    cases: list[dict[str, Any]] = field(default_factory=list)
    earlier: dict[int, dict[int, int]] = field(default_factory=dict)
    notes: dict[int, tuple[str, ...]] = field(default_factory=dict)
    lore: dict[int, tuple[str, ...]] = field(default_factory=dict)
    nodes: int = 0

    def take_in(self, talk: Talk, number: int) -> None:
        """Make a case from each reply, as long as there is room."""
        messages: list[dict[str, str]] = []
        made_from: list[int | None] = []
        for depth, turn in enumerate(talk.path):
            case_number = None
            is_reply = turn.role == "assistant" and turn.reply is not None and turn.text.strip()
            if is_reply and messages and "user" in messages[-1]:
                self.nodes += 3 * len(messages) + 20
                if len(self.cases) >= MOST_CASES or self.nodes > MOST_NODES:
                    return
                case_number = len(self.cases)
                self.cases.append(_case(talk, turn, messages, place=f"{number}.{depth}"))
                self.notes[case_number] = tuple(_notes(turn, messages))
                self.lore[case_number] = talk.lore.get(turn.id, ())
                if self.course == "own":
                    cut = max(0, len(messages) - MOST_TURNS)
                    self.earlier[case_number] = {
                        at - cut: source
                        for at, source in enumerate(made_from)
                        if at >= cut and source is not None
                    }
            if turn.text.strip():
                messages.append({turn.role: turn.text})
                made_from.append(case_number)


def recorded(
    chat: ChatService, inspection: Inspection, conversation_id: str, *, with_lore: bool = True
) -> Talk:
    """A saved conversation. Raises ConversationNotFound."""
    conversation = chat.conversation(conversation_id)
    lore: dict[str, tuple[str, ...]] = {}
    for turn in conversation.path if with_lore else ():
        if turn.reply is not None:
            with suppress(PromptHidden, TurnNotFound):
                body = inspection.sent_request(turn.id)
                lore[turn.id] = tuple(name for name, _ in body.lore) if body else ()
    return Talk(conversation.title, conversation.path, conversation.variables, lore)


def made_replay(persona_id: str, talks: Sequence[Talk], *, course: Course = "recorded") -> Experiment:
    """The replay of these conversations. Raises SuiteRunRefused if none can be replayed."""
    replay = _Replay(course)
    for number, talk in enumerate(talks, 1):
        replay.take_in(talk, number)
    if not replay.cases:
        raise SuiteRunRefused("These conversations have no replies to replay.", hint="Choose others.")
    suite = {"persona": persona_id, "repeat": 1, "cases": replay.cases}
    options = RunOptions(
        course=course,
        earlier={number: source for number, source in replay.earlier.items() if source},
        notes={number: source for number, source in replay.notes.items() if source},
        lore={number: source for number, source in replay.lore.items() if source},
    )
    return Experiment("replay", yaml.safe_dump(suite, allow_unicode=True, sort_keys=False), options)


def _case(talk: Talk, turn: Turn, messages: Sequence[dict[str, str]], *, place: str) -> dict[str, Any]:
    title = " ".join(talk.title.split())[:80] or "Conversation"
    return {
        "name": f"{title}, {place}",
        "turns": list(messages[-MOST_TURNS:]),
        "check": _CHECKS,
        "reference": turn.text,
        "variables": dict(talk.variables),
    }


def _notes(turn: Turn, messages: Sequence[dict[str, str]]) -> Iterator[str]:
    """What the replay can't reproduce."""
    if turn.reply and turn.reply.summary:
        yield (
            "The recorded reply was given a summary of earlier messages; the new one gets as many "
            "messages as fit now."
        )
    elif turn.reply and turn.reply.memory_from:
        yield (
            "Earlier messages were left out for the recorded reply; the new one gets as many messages as "
            "fit now."
        )
    if len(messages) > MOST_TURNS:
        yield f"Only the last {MOST_TURNS} messages are replayed."
    if any(_IMAGE.search(words) for each in messages for words in each.values()):
        yield "Images aren't recorded; the model sees only their links."


def lore_note(recorded: Sequence[str], replayed: Sequence[str]) -> str:
    """How the lore included now differs from the recorded one; "" if it doesn't."""
    removed_names = [name for name in recorded if name not in replayed]
    new = [name for name in replayed if name not in recorded]
    parts = [f"no longer included: {', '.join(removed_names)}"] if removed_names else []
    parts += [f"only included now: {', '.join(new)}"] if new else []
    return f"The lore has changed; {'; '.join(parts)}." if parts else ""


def changed_share(before: str, after: str) -> float:
    """The share of two texts that isn't in both: 0 for equal texts, 1 for nothing in common."""
    same = other = 0
    for piece in compared_words(before, after):
        if piece.kind == "same":
            same += 2 * len(piece.text)
        else:
            other += len(piece.text)
    return other / (same + other) if same + other else 0.0
