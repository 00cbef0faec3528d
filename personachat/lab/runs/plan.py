"""A run with everything needed to run it, and the order of what is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from personachat.lab.runs.model import Cell, Run
from personachat.lab.runs.replying import SaidTurn
from personachat.lab.suites.model import Case, Suite
from personachat.personas.persona import Persona
from personachat.personas.prompt import Scene, greeting


@dataclass(frozen=True, slots=True)
class RunPlan:
    """`most_cell_usd` is the most that one cell can cost. `others` are replies to compare with, by place."""

    run: Run
    persona: Persona
    suite: Suite
    most_cell_usd: float | None
    done: tuple[Cell, ...] = ()
    others: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def due(self) -> list[tuple[int, int]]:
        """Missing cells, one attempt of every case first: something of each is seen early."""
        there = {(cell.case_number, cell.attempt) for cell in self.done}
        repeats = [self.suite.repeats(case, self.run.repeat) for case in self.suite.cases]
        return [
            (number, attempt)
            for attempt in range(max(repeats))
            for number, count in enumerate(repeats)
            if attempt < count and (number, attempt) not in there
        ]

    @property
    def due_in_order(self) -> list[list[tuple[int, int]]]:
        """The same in sequences: within one, each cell needs the one before it."""
        places: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for number, attempt in self.due:
            places.setdefault((self.run.options.first_of(number), attempt), []).append((number, attempt))
        return list(places.values())


def said_in(case: Case) -> list[SaidTurn]:
    """The messages, as roles and words."""
    return [("user" if turn.user else "assistant", turn.words) for turn in case.all_turns]


def greeting_of(run: Run, persona: Persona) -> str:
    """The persona's first message in a talk; the same whenever the run continues."""
    return greeting(persona, today=run.began_at, scene=Scene(conversation=run.id))


def said_so_far(first: str, cells: Sequence[Cell]) -> list[SaidTurn]:
    """The talk so far, in the order of rounds."""
    messages: list[SaidTurn] = [("assistant", first)] if first else []
    for cell in sorted(cells, key=lambda cell: cell.case_number):
        if cell.asked:
            messages.append(("user", cell.asked))
        if cell.reply:
            messages.append(("assistant", cell.reply))
    return messages
