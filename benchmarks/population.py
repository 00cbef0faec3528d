"""Fills a database with many conversations: several owners, words as rare and as common as in real texts."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from typing import Any

from sqlalchemy import Connection, insert, text

from personachat.conversations.model import Reply, Turn
from personachat.conversations.rows import turn_values
from personachat.conversations.tables import conversations, turns
from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER

OWNERS = {
    LOCAL_OWNER: 40,
    "user:ann@example.org": 30,
    "user:bob@example.org": 20,
    "user:eve@example.org": 9.5,
}
SMALL_OWNER = "user:new@example.org"
MODELS = {"gpt-4o": 60, "claude-sonnet": 25, "llama-3.3": 14.9, "o9-preview": 0.1}
PERSONAS = {f"persona-{number}": 100 / number for number in range(1, 13)}
RARE_WORD = "zebrafish"

_SYLLABLES = "ba ce di fo gu ha je ki lo mu na pe qui ro su ta ve wi xo zy".split()  # noqa: SIM905  # easier to read
_VOCABULARY, _SPOKEN = 40_000, 2_000_000
_AT_ONCE = 20_000
_START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Marks:
    """Two conversations to open, and how many turns the first owner's long one has."""

    short_id: str
    long_id: str


def word(rank: int) -> str:
    """The word of a rank; the greater, the rarer."""
    parts = []
    while True:
        rank, part = divmod(rank, len(_SYLLABLES))
        parts.append(_SYLLABLES[part])
        if rank == 0:
            return "".join(parts) + ("n" if len(parts) == 1 else "")


class Population:
    """`turns` turns in a tenth as many conversations; the same for the same numbers."""

    def __init__(self, turn_count: int) -> None:
        self._turn_count = turn_count
        self._random = random.Random(7)
        words = [word(rank) for rank in range(_VOCABULARY)]
        weights = list(accumulate(1 / (rank + 2.7) for rank in range(_VOCABULARY)))
        self._spoken = self._random.choices(words, cum_weights=weights, k=_SPOKEN)
        self.marks = Marks(self._id(), self._id())

    def fill(self, database: Database) -> None:
        """Insert everything; indexes that are quicker to build at once are."""
        lengths = self._lengths()
        whose = self._random.choices([*OWNERS, SMALL_OWNER], [*OWNERS.values(), 0.5], k=len(lengths))
        heads, rows = [], []
        with database.write() as connection:
            if not database.is_sqlite:
                connection.execute(text("DROP INDEX ix_turn_words_words"))
            for number, length in enumerate(lengths):
                moment = _START + timedelta(seconds=900 * number)
                fixed = {len(lengths) - 50: self.marks.short_id, len(lengths) - 60: self.marks.long_id}
                conversation_id = fixed.get(number, "") or self._id()
                owner = LOCAL_OWNER if number in fixed else whose[number]
                said = list(self._turns(length, moment))
                heads.append(self._head(conversation_id, owner, said, moment))
                rows += [
                    turn_values(turn, conversation_id=conversation_id, depth=turn.depth) for turn in said
                ]
                if len(rows) >= _AT_ONCE:
                    _flush(connection, heads, rows)
            _flush(connection, heads, rows)
            if not database.is_sqlite:
                connection.execute(text("CREATE INDEX ix_turn_words_words ON turn_words USING gin (words)"))
        _analyze(database)

    def _lengths(self) -> list[int]:
        count = max(100, self._turn_count // 10)
        lengths = [max(2, min(60, round(self._random.expovariate(1 / 4.6)) * 2)) for _ in range(count)]
        lengths[-50], lengths[-60] = 20, 2000
        excess = sum(lengths) - self._turn_count
        while abs(excess) > 1:
            place, step = self._random.randrange(count - 100), 2 if excess > 0 else -2
            if 2 <= lengths[place] - step <= 60:
                lengths[place] -= step
                excess -= step
        return lengths

    def _head(self, conversation_id: str, owner: str, said: list[Turn], moment: datetime) -> dict[str, Any]:
        return {
            "id": conversation_id,
            "owner": owner,
            "title": said[0].content[:60],
            "kept": True,
            "leaf_id": said[-1].id,
            "pinned": self._random.random() < 0.0001,
            "archived": self._random.random() < 0.05,
            "created_at": moment,
            "updated_at": moment + timedelta(seconds=len(said)),
        }

    def _turns(self, length: int, moment: datetime) -> Iterator[Turn]:
        persona = self._pick(PERSONAS)
        model = self._pick(MODELS)
        above: str | None = None
        for depth in range(length):
            asks = depth % 2 == 0
            turn = Turn(
                id=self._id(),
                parent_id=above,
                role="user" if asks else "assistant",
                content=self._say(12) if asks else "",
                persona_id=persona,
                persona_name=persona.title(),
                reply=None if asks else Reply(state="finished", text=self._say(60), model=model),
                depth=depth,
                created_at=moment + timedelta(seconds=depth),
                rating=None if asks or self._random.random() > 0.05 else self._random.choice((1, 1, 1, -1)),
            )
            above = turn.id
            yield turn

    def _say(self, mean: int) -> str:
        length = max(3, int(self._random.expovariate(1 / mean)))
        start = self._random.randrange(_SPOKEN - length)
        said = " ".join(self._spoken[start : start + length])
        return f"{said} {RARE_WORD}" if self._random.random() < 0.00004 else said

    def _pick(self, weights: dict[str, float]) -> str:
        return self._random.choices(list(weights), list(weights.values()))[0]

    def _id(self) -> str:
        return uuid.UUID(int=self._random.getrandbits(128), version=4).hex


def _flush(connection: Connection, heads: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
    """Write and empty both."""
    connection.execute(insert(conversations), heads)
    remaining = iter(rows)
    while some := list(islice(remaining, 5000)):
        connection.execute(insert(turns), some)
    heads.clear()
    rows.clear()


def _analyze(database: Database) -> None:
    """What PostgreSQL does by itself after a while."""
    if not database.is_sqlite:
        with database.write() as connection:
            connection.execute(text("ANALYZE"))
