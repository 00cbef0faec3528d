"""Many messages or variants as a matrix: a row of buttons for each message, and one reply in full below.

Labels of cells contain letters and numbers, never who wrote what. Each tells a screen reader its message, its
reply and the state. Arrows beside the full reply go to its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from personachat.lab.comparisons.seen import SeenAnswer, SeenComparison, SeenRound
from personachat.ui.compare.state import compare_state
from personachat.ui.wording import counted, escaped, heard

SHOWN_ROUNDS = 50
"""How many of the last messages have a row; each cell is a button that every run draws."""

_ICONS: Mapping[str, str] = {
    "running": ":material/progress_activity:",
    "paused": ":material/pause_circle:",
    "finished": ":material/chat_bubble:",
    "stopped": ":material/stop_circle:",
    "failed": ":material/error:",
    "interrupted": ":material/error:",
    "missing": ":material/error:",
}
_STATES: Mapping[str, str] = {"running": "being written", "missing": "not started"}


def focused(comparison: SeenComparison) -> tuple[SeenRound, SeenAnswer]:
    """The message and the reply that are shown in full: the chosen ones, or the last message's first."""
    number, letter = compare_state().focused.get(comparison.id, (0, ""))
    one = next((each for each in comparison.rounds if each.number == number), comparison.rounds[-1])
    return one, one.answer(letter) or one.answers[0]


def focus(comparison_id: str, number: int, letter: str) -> None:
    compare_state().focused[comparison_id] = (number, letter)


def draw_cells(comparison: SeenComparison) -> None:
    """All messages, each with a button for every reply."""
    here, answer = focused(comparison)
    hidden = len(comparison.rounds) - SHOWN_ROUNDS
    if hidden > 0:
        st.caption(f"{counted(hidden, 'earlier message')} not shown. An export has them all.")
    for one in comparison.rounds[-SHOWN_ROUNDS:]:
        with st.container(key=f"matrix_row_{one.number}", gap="xsmall"):
            st.caption(f"{one.number}. {escaped(one.message[:120])}{'…' if len(one.message) > 120 else ''}")
            with st.container(horizontal=True, gap="xsmall"):
                for each in one.answers:
                    _draw_cell(comparison, one, each, is_open=one is here and each is answer)


def _draw_cell(comparison: SeenComparison, one: SeenRound, answer: SeenAnswer, *, is_open: bool) -> None:
    won = one.vote is not None and one.vote.letter == answer.letter
    label_parts = [f", message {one.number}, {_STATES.get(answer.state, answer.state)}"]
    label_parts += [", your vote"] if won else []
    label_parts += [", shown below"] if is_open else []
    icon = ":material/visibility:" if is_open else _ICONS[answer.state]
    letter = f"**{answer.letter}**" if is_open else answer.letter
    st.button(
        f"{letter} {heard(''.join(label_parts))}",
        icon=":material/check_circle:" if won else icon,
        type="tertiary",  # with another type it would be another button, without the focus
        key=f"cell_{one.number}_{answer.letter}",
        help=escaped(answer.variant.name) if answer.variant else None,
        on_click=focus,
        args=(comparison.id, one.number, answer.letter),
    )


def draw_neighbours(comparison: SeenComparison) -> None:
    """Buttons from the full reply to those beside it and above and below."""
    one, answer = focused(comparison)
    letters = [each.letter for each in one.answers]
    at, row = letters.index(answer.letter), comparison.rounds.index(one)
    before, after = letters[(at - 1) % len(letters)], letters[(at + 1) % len(letters)]
    ways = [
        ("Previous reply", ":material/chevron_left:", one.number, before, True),
        ("Next reply", ":material/chevron_right:", one.number, after, True),
        ("Previous message", ":material/expand_less:", one.number - 1, answer.letter, row > 0),
        ("Next message", ":material/expand_more:", one.number + 1, answer.letter, one is not comparison.last),
    ]
    with st.container(horizontal=True, gap="xsmall"):
        for label, icon, number, letter, there in ways:
            st.button(
                heard(label),
                icon=icon,
                help=label,
                type="tertiary",
                key=f"matrix_{label.replace(' ', '_').lower()}",
                disabled=not there,
                on_click=focus,
                args=(comparison.id, number, letter),
            )
