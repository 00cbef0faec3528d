"""Which revision of a persona wrote a turn: looked up once for all turns of a page, and cached."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import urlencode

import streamlit as st

from personachat.conversations.model import Turn
from personachat.errors import PersonaChatError
from personachat.ui import session

Spoken: TypeAlias = tuple[str, str]
"""A persona's id and the ETag of its text."""

UNKNOWN_SECONDS = 30.0
"""Seconds before a text without a revision is looked up again."""

_MOST_REMEMBERED = 20_000


@dataclass(slots=True)
class _Memory:
    numbers: dict[Spoken, int] = field(default_factory=dict)
    unknown_until: dict[Spoken, float] = field(default_factory=dict)


@st.cache_resource(show_spinner=False)
def _memory() -> _Memory:
    return _Memory()


def numbers(turns: Iterable[Turn]) -> Mapping[Spoken, int]:
    """The revisions that wrote these turns, as far as they are known."""
    memory, now = _memory(), time.monotonic()
    spoken = {_spoken(turn) for turn in turns if turn.role == "assistant" and turn.persona_revision}
    unnumbered = {
        each for each in spoken if each not in memory.numbers and memory.unknown_until.get(each, 0) < now
    }
    if unnumbered:
        _ask(frozenset(unnumbered), memory, now)
    return memory.numbers


def number_of(turn: Turn, known_numbers: Mapping[Spoken, int]) -> int | None:
    """The persona revision that wrote a turn; None if it isn't known."""
    return known_numbers.get(_spoken(turn))


def label(turn: Turn, known_numbers: Mapping[Spoken, int]) -> str:
    """For example "revision 3", as a link to it; "" if it isn't known."""
    number = number_of(turn, known_numbers)
    if number is None:
        return ""
    query = urlencode({"id": turn.persona_id, "revision": number})
    return f"[revision {number}](personas?{query})"


def _ask(unnumbered: frozenset[Spoken], memory: _Memory, now: float) -> None:
    if len(memory.numbers) > _MOST_REMEMBERED:
        memory.numbers.clear()
        memory.unknown_until.clear()
    numbers_of: dict[Spoken, int] = {}
    with suppress(PersonaChatError):
        numbers_of = session.workspace().collection.revisions.numbers(unnumbered)
    memory.numbers.update(numbers_of)
    memory.unknown_until.update(dict.fromkeys(unnumbered - numbers_of.keys(), now + UNKNOWN_SECONDS))


def _spoken(turn: Turn) -> Spoken:
    return turn.persona_id, turn.persona_revision
