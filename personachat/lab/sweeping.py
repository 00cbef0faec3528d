"""Sweeps: one persona in many manners of speaking, asked the same. The limit is known before.

Each case of a sweep's suite stands for one manner and one question; what a manner leaves open is the
persona's own.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from personachat.errors import SuiteRunRefused
from personachat.jsontext.edits import with_value
from personachat.lab.runs.experiment import Experiment
from personachat.lab.runs.options import Manner, RunOptions
from personachat.lab.suites.model import MOST_REPEATS, Case
from personachat.lab.suites.reading import parse_suite
from personachat.personas.persona import KEYS

MOST_CELLS = 96
USUAL_CHECKS = [{"not_refuses": True}, {"stays_in_role": True}, {"no_prompt_leak": True}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """The values to try of each; none leaves it as the persona has it."""

    tones: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    formalities: tuple[str, ...] = ()
    temperatures: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """How many combinations there are; none of them is made."""
        axes = (self.tones, self.styles, self.formalities, self.temperatures)
        return math.prod(len(set(axis)) or 1 for axis in axes)

    @property
    def manners(self) -> tuple[Manner, ...]:
        """Every combination, in the order of the values."""
        axes = (self.tones, self.styles, self.formalities, self.temperatures)
        combinations = itertools.product(*(tuple(dict.fromkeys(axis)) or (None,) for axis in axes))
        return tuple(
            Manner(tone=tone, style=style, formality=formality, temperature=temperature)
            for tone, style, formality, temperature in combinations
        )


def made_sweep(
    persona_id: str, axes: Axes, *, cases: Sequence[Case] = (), message: str = "", repeat: int = 1
) -> Experiment:
    """The sweep over these cases of a suite, and a message if there is one.

    Raises SuiteRunRefused where nothing is asked, and where there would be more replies than MOST_CELLS, and
    SuiteInvalid where the message is too long.
    """
    documents = [case.model_dump(mode="json", by_alias=True, exclude_unset=True) for case in cases]
    if message.strip():
        documents.append({"name": "Message", "say": message, "check": USUAL_CHECKS})
    if not documents:
        raise SuiteRunRefused(
            "There is nothing to send.", hint="Write a message or choose cases from the suite."
        )
    repeat = max(1, min(repeat, MOST_REPEATS))
    count = axes.count * len(documents) * repeat
    if count > MOST_CELLS:
        raise SuiteRunRefused(
            f"This would be {count:,} replies; a sweep has at most {MOST_CELLS}.",
            hint="Choose fewer values.",
        )
    numbered = [(manner, case) for manner in axes.manners for case in documents]
    suite = {
        "persona": persona_id,
        "repeat": repeat,
        "cases": [
            _without_repeat(case) | {"name": f"{number}. {manner.name[:90]}: {case['name'][:90]}"}
            for number, (manner, case) in enumerate(numbered, 1)
        ],
    }
    text = json.dumps(suite, ensure_ascii=False)
    parse_suite(text)
    return Experiment("sweep", text, RunOptions(manners=tuple(manner for manner, _ in numbered)))


def _without_repeat(case: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in case.items() if name != "repeat"}


def with_manner(text: str, manner: Manner) -> str:
    """A persona's JSON text in a manner; all else stays to the letter. Raises SuiteRunRefused."""
    try:
        for name, value in manner.traits.items():
            text = with_value(text, ("personality", name), value, order=KEYS)
        if manner.temperature is not None:
            text = with_value(text, ("temperature",), manner.temperature, order=KEYS)
    except (ValueError, LookupError):
        raise SuiteRunRefused("The draft has errors.", hint="Fix them first.") from None
    return text
