"""Which revision spoke: asked once for all turns, remembered, and left out where nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Literal

import pytest
import streamlit as st

from personachat.conversations.model import Turn
from personachat.errors import DatabaseUnavailable
from personachat.ui import session
from personachat.ui.chat import revision_labels

Role = Literal["user", "assistant"]
Spoken = frozenset[tuple[str, str]]


class Register:
    """Knows some revisions, and how often it was asked."""

    def __init__(self, known: dict[tuple[str, str], int]) -> None:
        self.known = known
        self.asked: list[Spoken] = []
        self.down = False

    def numbers(self, spoken: Spoken) -> dict[tuple[str, str], int]:
        self.asked.append(spoken)
        if self.down:
            raise DatabaseUnavailable("It is down.", hint="Wait.")
        return {pair: number for pair, number in self.known.items() if pair in spoken}


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Iterator[Register]:
    st.cache_resource.clear()
    made = Register({("tutor", "e1"): 1, ("tutor", "e2"): 2})
    workspace = SimpleNamespace(collection=SimpleNamespace(revisions=made))
    monkeypatch.setattr(session, "workspace", lambda: workspace)
    yield made
    st.cache_resource.clear()


def said(etag: str, *, persona_id: str = "tutor", role: Role = "assistant") -> Turn:
    return Turn(
        id=f"{persona_id}-{etag}",
        parent_id=None,
        depth=0,
        role=role,
        content="Yes.",
        persona_id=persona_id,
        persona_name="Tutor",
        persona_revision=etag,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_all_turns_are_looked_up_together_and_never_again(register: Register) -> None:
    turns = [said("e1"), said("e2"), said("e1"), said("e2", role="user"), said("")]
    known = revision_labels.numbers(turns)
    assert [revision_labels.label(turn, known) for turn in turns[:2]] == [
        "[revision 1](personas?id=tutor&revision=1)",
        "[revision 2](personas?id=tutor&revision=2)",
    ]
    revision_labels.numbers(turns)
    assert register.asked == [frozenset({("tutor", "e1"), ("tutor", "e2")})]


def test_a_text_that_no_revision_has_is_not_named_nor_asked_for_at_once(register: Register) -> None:
    turn = said("e9")
    assert revision_labels.label(turn, revision_labels.numbers([turn])) == ""
    revision_labels.numbers([turn])
    assert len(register.asked) == 1


def test_a_text_that_becomes_a_revision_is_named_later(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revision_labels, "UNKNOWN_SECONDS", -1.0)
    turn = said("e9")
    revision_labels.numbers([turn])
    register.known["tutor", "e9"] = 9
    assert "revision 9" in revision_labels.label(turn, revision_labels.numbers([turn]))


def test_without_a_database_no_turn_names_its_revision(register: Register) -> None:
    register.down = True
    assert revision_labels.label(said("e1"), revision_labels.numbers([said("e1")])) == ""


def test_an_id_cannot_break_out_of_the_link(register: Register) -> None:
    register.known["a) [b](c&d", "e1"] = 1
    turn = said("e1", persona_id="a) [b](c&d")
    label = revision_labels.label(turn, revision_labels.numbers([turn]))
    assert label == "[revision 1](personas?id=a%29+%5Bb%5D%28c%26d&revision=1)"
