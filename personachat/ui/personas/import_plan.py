"""What an import would do, persona by persona, with a choice for those that already exist."""

from __future__ import annotations

from typing import Literal, cast

import streamlit as st

from personachat.authoring.imports import Choice, ImportAction, ImportPlan, PlannedImport
from personachat.ui.personas import diff
from personachat.ui.wording import as_text

MOST_ITEMS = 50

CHOICES: dict[Choice, str] = {"mine": "Keep mine", "theirs": "Use theirs", "both": "Keep both"}

_BADGES: dict[ImportAction, tuple[str, str, Literal["green", "gray", "blue", "orange"]]] = {
    "new": ("New", ":material/add:", "green"),
    "unchanged": ("Same as here", ":material/check:", "gray"),
    "changed": ("Newer version", ":material/update:", "blue"),
    "conflict": ("Differs from yours", ":material/call_split:", "orange"),
}


def draw_plan(plan: ImportPlan, *, key: str) -> dict[str, Choice]:
    """Draw every persona of a file; returns the choices by id."""
    choices: dict[str, Choice] = {}
    _draw_kinds(plan)
    if len(plan.conflicts) > 1:
        every = st.segmented_control(
            "For all that differ",
            list(CHOICES),
            format_func=lambda choice: CHOICES[choice],
            key=_every_key(key),
        )
        if every:
            choices = {item.id: every for item in plan.conflicts}
    for item in plan.items[:MOST_ITEMS]:
        choice = _draw_item(item, key=key, asks=item.id not in choices)
        if choice:
            choices[item.id] = choice
    if len(plan.items) > MOST_ITEMS:
        st.caption(f"… and {len(plan.items) - MOST_ITEMS:,} more.")
    _draw_skipped(plan)
    return choices


def _draw_kinds(plan: ImportPlan) -> None:
    """What kind of file it is, if it isn't one of ours."""
    kinds = [item.arrival.looks_like for item in plan.items if item.arrival.looks_like]
    for kind in dict.fromkeys(kinds):
        st.caption(f":material/category: This looks like {as_text(kind)}.")


def _draw_skipped(plan: ImportPlan) -> None:
    """Files of an archive that contain no persona, broken ones first."""
    if not plan.skipped:
        return
    broken = len(plan.broken)
    label = f"{len(plan.skipped)} skipped" + (f", {broken} of them broken" if broken else "")
    with st.expander(label, icon=":material/block:" if broken else ":material/skip_next:"):
        for each in sorted(plan.skipped, key=lambda one: not one.is_broken)[:MOST_ITEMS]:
            icon = ":material/error:" if each.is_broken else ":material/draft:"
            st.caption(f"{icon} **{as_text(each.name)}** {as_text(each.reason)}")


def choices_of(plan: ImportPlan, *, key: str) -> dict[str, Choice]:
    """The choices in what `draw_plan` drew, at the time of a click."""
    every = cast("Choice | None", st.session_state.get(_every_key(key)))
    if every:
        return {item.id: every for item in plan.conflicts}
    choices = {item.id: st.session_state.get(_choice_key(key, item)) for item in plan.items[:MOST_ITEMS]}
    return {item_id: cast("Choice", choice) for item_id, choice in choices.items() if choice}


def _every_key(key: str) -> str:
    """The key of the choice for all that differ."""
    return f"import_all_{key}"


def _choice_key(key: str, item: PlannedImport) -> str:
    return f"import_choice_{key}_{item.id}"


def _draw_item(item: PlannedImport, *, key: str, asks: bool) -> Choice | None:
    name, icon, color = _BADGES[item.action]
    answer: Choice | None = None
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{as_text(item.name)}** :gray[{as_text(item.id)}]", width="content")
            st.badge(name, icon=icon, color=color)
        if item.action in {"conflict", "changed"} and asks:
            answer = st.segmented_control(
                f"What to do with {item.id}",
                list(CHOICES),
                format_func=lambda choice: CHOICES[choice],
                default=item.proposed,
                required=True,
                label_visibility="collapsed",
                key=_choice_key(key, item),
            )
        if item.collides_with:
            st.caption(
                f":material/call_split: It differs from {as_text(item.collides_with)}, which "
                "you already have."
            )
        for loss in item.losses:
            st.caption(f":material/info: {as_text(loss)}")
        if item.differences:
            with st.expander("What differs", icon=":material/difference:"):
                st.caption(f"Changes that the import makes. {diff.LEGEND}")
                diff.draw(item.differences)
    return answer
