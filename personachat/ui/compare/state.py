"""What a session remembers of the Compare page, and the ways to it from other pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import streamlit as st

from personachat.lab.comparisons.links import link_of, setup_of
from personachat.lab.comparisons.model import MOST_VARIANTS, Setup
from personachat.ui import session
from personachat.ui.history import state as library_state

COMPARISON, VARIANT = "comparison", "variant"
"""Names in the address: the comparison that is open, or the setups of one that is being chosen."""

MESSAGE = "compare_message"

STEP_ROUNDS = 10


@dataclass(slots=True)
class Row:
    """One setup that is being chosen; widgets have keys with its number, which is never used again."""

    number: int
    setup: Setup


@dataclass(slots=True)
class CompareState:
    rows: list[Row] = field(default_factory=list)
    made: int = 0
    wanted_message: str = ""
    earlier: dict[str, int] = field(default_factory=dict)
    """How many more messages than the last ones are shown, by comparison."""
    links: dict[str, str] = field(default_factory=dict)
    """Tokens of the links that were asked for, by comparison."""
    deleted: tuple[str, str] | None = None
    """Id and title of the one that was deleted last."""
    renaming: bool = False


def compare_state() -> CompareState:
    return cast("CompareState", st.session_state.setdefault("compare_page", CompareState()))


def choose(setups: Sequence[Setup]) -> None:
    """Have the rows show these."""
    here = compare_state()
    here.rows = []
    for setup in setups[:MOST_VARIANTS]:
        add(setup)


def add(setup: Setup) -> None:
    here = compare_state()
    here.made += 1
    here.rows.append(Row(here.made, setup))


def begin_with(setups: Sequence[Setup], *, message: str = "") -> None:
    """Go to the page, with these setups to choose from and the message to send."""
    compare_state().wanted_message = message
    choose(setups)
    session.remember(COMPARISON, None)
    library_state.go_to("compare")


def follow_address(first_persona: str) -> None:
    """Take the setups of the address where none are there yet; else two of the first persona."""
    here = compare_state()
    if here.rows:
        return
    links = st.query_params.get_all(VARIANT)
    choose([setup_of(each) for each in links] or [Setup(persona_id=first_persona)] * 2)
    here.wanted_message = here.wanted_message or st.query_params.get("message", "")


def note_address() -> None:
    """Have the address say what is chosen, so that it can be kept and shared."""
    links = [link_of(each.setup) for each in compare_state().rows]
    if st.query_params.get_all(VARIANT) != links:
        st.query_params[VARIANT] = links


def open_comparison(comparison_id: str) -> None:
    st.query_params.pop(VARIANT, None)
    st.query_params.pop("message", None)
    compare_state().rows = []
    session.remember(COMPARISON, comparison_id)


def show_earlier(comparison_id: str) -> None:
    here = compare_state()
    here.earlier[comparison_id] = here.earlier.get(comparison_id, 0) + STEP_ROUNDS


def leave() -> None:
    """Back to choosing."""
    session.remember(COMPARISON, None)
