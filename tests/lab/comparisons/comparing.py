"""A comparison of two personas, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.service import Comparisons
from tests.lab.comparisons.conftest import ended

PAIR = (Setup(persona_id="ada"), Setup(persona_id="bob"))


def begun(
    comparisons: Comparisons, setups: Sequence[Setup] = PAIR, message: str = "Hello?", *, blind: bool = False
) -> str:
    comparison_id = comparisons.begin(setups, message, blind=blind)
    ended(comparisons, comparison_id)
    return comparison_id
