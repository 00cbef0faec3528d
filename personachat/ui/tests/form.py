"""A suite as a form: one case at a time, over the text in the editor beside it.

Fields show the current text, saved or not, and each change edits that text. What a field can't show is left
to the editor. If someone else changes the text meanwhile, new fields show the new values: the keys contain
the value they show.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.suites import editing
from personachat.lab.suites.editing import Path
from personachat.lab.suites.model import USUAL_REPEATS
from personachat.lab.testing import Tests
from personachat.personas.formats.yaml_text import read_yaml
from personachat.ui import notices
from personachat.ui.personas.editor import Mount
from personachat.ui.tests.checks_form import KINDS, beginning_of, draw_check
from personachat.ui.tests.form_text import FormText
from personachat.ui.tests.state import replace_text, tests_state
from personachat.ui.wording import escaped, heard

NEW_CASE = {"say": "Who are you?", "check": [{"words": {"at_most": 80}}]}


def draw(tests: Tests, persona_id: str, mount: Mount) -> None:
    """The form; if the text isn't a suite at all, a note about that."""
    try:
        value = read_yaml(mount.text_now)
    except PersonaChatError:
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("cases") or [], list):
        st.info("The form needs a suite without errors. Fix the text first.", icon=":material/code:")
        return
    text = FormText(persona_id, mount, may_edit=tests.may_edit)
    _draw_repeat(text, ("repeat",), value.get("repeat"), "Repeats", usual=str(USUAL_REPEATS))
    cases = [each for each in value.get("cases") or [] if isinstance(each, dict)]
    if len(cases) != len(value.get("cases") or []):
        st.info("A case isn't a mapping. Fix it in the text first.", icon=":material/code:")
        return
    number = _pick(text, cases)
    _draw_case_buttons(text, cases, number)
    if number is not None:
        _draw_case(text, cases[number], number)


def _pick(text: FormText, cases: list[dict[str, Any]]) -> int | None:
    if not cases:
        st.caption("There are no cases yet.")
        return None
    names = [_name(case, number) for number, case in enumerate(cases)]
    case_number = min(int(st.session_state.get(_chosen_key(text), 0)), len(cases) - 1)
    key = f"{_chosen_key(text)}_{case_number}_{hashlib.sha256(repr(names).encode()).hexdigest()[:8]}"
    st.selectbox(
        "Case",
        range(len(cases)),
        index=case_number,
        format_func=lambda each: names[each],
        key=key,
        on_change=_picked,
        args=(text, key),
    )
    return case_number


def _name(case: dict[str, Any], number: int) -> str:
    name = case.get("name")
    return f"{number + 1}. {name if isinstance(name, str) and name.strip() else 'No name'}"


def _chosen_key(text: FormText) -> str:
    return f"form_case_{text.persona_id}"


def _picked(text: FormText, key: str) -> None:
    st.session_state[_chosen_key(text)] = st.session_state[key]


def _draw_case_buttons(text: FormText, cases: list[dict[str, Any]], number: int | None) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        _button(text, "Add a case", "add", _add_case, text, cases)
        if number is None:
            return
        last = len(cases) - 1
        _button(text, "Move up", "arrow_upward", _move, text, number, number - 1, disabled=number == 0)
        _button(text, "Move down", "arrow_downward", _move, text, number, number + 1, disabled=number == last)
        _button(text, "Delete the case", "delete", _change, text, editing.without, ("cases", number))


def _button(
    text: FormText, name: str, icon: str, do: Callable[..., None], *args: object, disabled: bool = False
) -> None:
    st.button(
        heard(name),
        icon=f":material/{icon}:",
        help=name,
        type="tertiary",
        key=f"form_{icon}",
        disabled=disabled or not text.may_edit,
        on_click=do,
        args=args,
    )


def _add_case(text: FormText, cases: list[dict[str, Any]]) -> None:
    other_names = {case.get("name") for case in cases}
    name = next(
        each
        for each in (f"Case {number}" for number in range(len(cases) + 1, 10_000))
        if each not in other_names
    )
    _change(text, editing.with_entry, ("cases",), {"name": name, **NEW_CASE})
    st.session_state[_chosen_key(text)] = len(cases)


def _move(text: FormText, number: int, to: int) -> None:
    _change(text, editing.swapped, ("cases",), number, to)
    st.session_state[_chosen_key(text)] = to


def _change(text: FormText, edit: Callable[..., str], path: Path, *args: object) -> None:
    """Edit the current text: of two changes at once, the second is applied to the result of the first."""
    mount = tests_state().mounts.get(text.persona_id, text.mount)
    try:
        replace_text(text.persona_id, mount, edit(mount.text_now, path, *args))
    except (PersonaChatError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, PersonaChatError):
            notices.say_not_done(error, title="The form can't change this text")
        # otherwise the text was changed meanwhile, and what was to be changed is gone


def _draw_case(text: FormText, case: dict[str, Any], number: int) -> None:
    path: Path = ("cases", number)
    _draw_words(text, (*path, "name"), case.get("name"), "Name")
    turns = case.get("turns")
    if turns:
        _draw_turns(text, (*path, "turns"), turns)
    _draw_words(text, (*path, "say"), case.get("say"), "The user says", high=True, may_go=bool(turns))
    _button_below(
        text, "Add an earlier turn", f"turn_{number}", editing.with_entry, (*path, "turns"), {"user": "Hi"}
    )
    _draw_checks(text, case, path)
    _draw_words(text, (*path, "reference"), case.get("reference"), "Reference", high=True, may_go=True)
    _draw_repeat(
        text, (*path, "repeat"), case.get("repeat"), "Repeats of this case", usual="Same as the others"
    )


def _button_below(
    text: FormText, label: str, key: str, edit: Callable[..., str], path: Path, *args: object
) -> None:
    st.button(
        label,
        icon=":material/add:",
        type="tertiary",
        key=f"form_{key}",
        disabled=not text.may_edit,
        on_click=_change,
        args=(text, edit, path, *args),
    )


def _draw_words(
    text: FormText, path: Path, value: Any, label: str, *, high: bool = False, may_go: bool = False
) -> None:
    if value is not None and not isinstance(value, str):
        st.caption(f"{escaped(label)}: you can only edit this in the text.")
        return
    key = text.key(path, value)
    field = st.text_area if high else st.text_input
    field(
        label,
        value or "",
        key=key,
        disabled=not text.may_edit,
        on_change=_words_changed,
        args=(text, path, key, may_go),
    )


def _words_changed(text: FormText, path: Path, key: str, may_go: bool) -> None:  # noqa: FBT001  # a caller gives it by its place
    words = str(st.session_state[key])
    if may_go and not words.strip():
        _change(text, editing.without, path)
    else:
        _change(text, editing.with_value, path, words)


def _draw_turns(text: FormText, path: Path, turns: Any) -> None:
    if not isinstance(turns, list) or not all(isinstance(each, dict) and len(each) == 1 for each in turns):
        st.caption("Earlier turns: you can only edit these in the text.")
        return
    for number, turn in enumerate(turns):
        ((side, words),) = turn.items()
        label = "The assistant said" if side == "assistant" else "The user said"
        with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
            _draw_words(text, (*path, number, side), words, f"{number + 1}. {label}")
            other = "user" if side == "assistant" else "assistant"
            _small(
                text,
                f"swap_{number}",
                "swap_horiz",
                "Other side",
                editing.with_value,
                (*path, number),
                {other: words},
            )
            if len(turns) > 1:
                _small(text, f"turn_{number}", "close", "Remove the turn", editing.without, (*path, number))
            else:
                _small(text, f"turn_{number}", "close", "Remove the turn", editing.without, path)


def _small(
    text: FormText, key: str, icon: str, name: str, edit: Callable[..., str], path: Path, *args: object
) -> None:
    st.button(
        heard(name),
        icon=f":material/{icon}:",
        help=name,
        type="tertiary",
        key=f"form_small_{key}",
        disabled=not text.may_edit,
        on_click=_change,
        args=(text, edit, path, *args),
    )


def _draw_checks(text: FormText, case: dict[str, Any], path: Path) -> None:
    checks = case.get("check")
    if checks is not None and not isinstance(checks, list):
        st.caption("Checks: you can only edit these in the text.")
        return
    st.markdown("**Checks**")
    for number, check in enumerate(checks or []):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
            here: Path = (*path, "check", number)
            draw_check(text, here, check, lambda at, value: _put(text, at, value))
            if len(checks or []) > 1:
                _small(text, f"check_{number}", "close", "Remove the check", editing.without, here)
    key = f"form_new_check_{text.persona_id}_{len(checks or [])}_{path[1]}"
    st.selectbox(
        "Add a check",
        list(KINDS),
        index=None,
        format_func=lambda kind: KINDS[kind],
        placeholder="Choose what must be true of the reply",
        key=key,
        disabled=not text.may_edit,
        on_change=_add_check,
        args=(text, (*path, "check"), key),
    )


def _put(text: FormText, path: Path, value: Any) -> None:
    _change(text, editing.with_mapping if isinstance(value, dict) else editing.with_value, path, value)


def _add_check(text: FormText, path: Path, key: str) -> None:
    kind = st.session_state[key]
    if kind:
        _change(text, editing.with_entry, path, {kind: beginning_of(kind)})


def _draw_repeat(text: FormText, path: Path, value: Any, label: str, *, usual: str) -> None:
    if value is not None and (not isinstance(value, int) or not 1 <= value <= 100):
        return
    key = text.key(path, value)
    st.number_input(
        label,
        min_value=1,
        max_value=100,
        value=value,
        placeholder=usual,
        key=key,
        disabled=not text.may_edit,
        on_change=_repeat_changed,
        args=(text, path, key),
    )


def _repeat_changed(text: FormText, path: Path, key: str) -> None:
    count = st.session_state[key]
    if count is None:
        _change(text, editing.without, path)
    else:
        _change(text, editing.with_value, path, int(count))
