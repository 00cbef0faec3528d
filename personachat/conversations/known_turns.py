"""Turns that this process has read before: an unchanged row isn't converted to a turn again.

A page reads its whole conversation for every message, and in a long one nearly every turn is unchanged. Each
row is compared with the one read before, so nobody gets a turn that isn't stored like that.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from personachat.conversations.model import Turn
from personachat.conversations.rows import turn_of

MOST_TURNS = 4_000
MOST_CHARACTERS = 20_000
"""Characters. A longer turn isn't cached, so that a few can't fill the memory."""


class KnownTurns:
    """Safe for threads: if two read the same turn at once, both convert it."""

    def __init__(self, *, most: int = MOST_TURNS) -> None:
        self._most = most
        self._turns: dict[str, tuple[tuple[Any, ...], Turn]] = {}

    def __len__(self) -> int:
        return len(self._turns)

    def turn(self, row: Row[Any]) -> Turn:
        """The turn of a row with TURN_COLUMNS."""
        values = tuple(row)
        entry = self._turns.get(row.id)
        if entry is not None and entry[0] == values:
            return entry[1]
        turn = turn_of(row)
        if len(row.text) + len(row.reasoning) + len(row.summary) <= MOST_CHARACTERS:
            if len(self._turns) >= self._most:
                self._turns.clear()
            self._turns[row.id] = (values, turn)
        return turn
