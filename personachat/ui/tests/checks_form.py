"""The fields of each kind of check, fitting what it takes; what they can't show is left to the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import streamlit as st

from personachat.lab.suites.editing import Path
from personachat.ui.tests.form_text import FormText
from personachat.ui.tests.mapping_field import draw_mapping, is_mapping
from personachat.ui.wording import escaped

Put: TypeAlias = Callable[[Path, Any], None]

KINDS = {
    "contains": "Contains all of these",
    "not_contains": "Contains none of these",
    "matches": "Matches a regular expression",
    "not_matches": "Doesn't match a regular expression",
    "begins": "Begins with one of these",
    "ends": "Ends with one of these",
    "words": "Number of words",
    "sentences": "Number of sentences",
    "questions": "Number of questions",
    "language": "Is in the language",
    "json": "Is JSON",
    "markdown": "Uses Markdown",
    "emoji": "Uses emoji",
    "refuses": "Refuses",
    "not_refuses": "Doesn't refuse",
    "banned": "Has no empty phrases",
    "stays_in_role": "Stays in its role",
    "no_prompt_leak": "Doesn't give its instructions away",
    "tokens": "Number of tokens",
    "seconds": "Seconds it took",
    "cost": "US dollars it cost",
    "judge": "A judge answers yes to",
    "own": "Passes the installed check",
}
PHRASES = frozenset({"contains", "not_contains", "begins", "ends"})
TEXTS = frozenset({"matches", "not_matches", "language"})
COUNTS = frozenset({"words", "sentences", "questions", "tokens"})
RANGES = COUNTS | {"seconds", "cost"}
SWITCHES = frozenset(
    {"json", "markdown", "emoji", "refuses", "not_refuses", "stays_in_role", "no_prompt_leak"}
)

_BEGINNINGS: dict[str, Any] = {
    "matches": "[0-9]",
    "not_matches": "[0-9]",
    "language": "en",
    "judge": "Does the reply answer the question?",
    "own": {"name": "check"},
}


def beginning_of(kind: str) -> Any:
    """What a new check of a kind says until somebody changes it."""
    if kind in PHRASES:
        return ["text"]
    if kind in RANGES:
        return {"at_most": 80 if kind in COUNTS else 10}
    return _BEGINNINGS.get(kind, True)


def draw_check(text: FormText, path: Path, check: Any, put: Put) -> None:
    """The fields of one check at a path."""
    if not isinstance(check, dict) or len(check) != 1 or next(iter(check)) not in KINDS:
        st.caption("You can only edit this check in the text.")
        return
    ((kind, value),) = check.items()
    at = (*path, kind)
    if kind in PHRASES and _are_lines(value):
        _draw_phrases(text, at, value, put)
    elif kind in TEXTS and isinstance(value, str):
        _draw_text(text, at, value, put)
    elif kind in RANGES and (_is_range(value) or (kind in COUNTS and _is_count(value))):
        _draw_range(text, at, value, put)
    elif kind == "json" and (value is True or is_mapping(value)):
        _draw_json(text, at, value, put)
    elif kind in SWITCHES and isinstance(value, bool):
        _draw_switch(text, at, value, put)
    elif kind == "banned" and (value is True or _are_lines(value)):
        _draw_phrases(text, at, [] if value is True else value, put, empty=True)
    elif kind == "judge" and (isinstance(value, str) or _is_question(value)):
        _draw_question(text, at, value, put)
    elif kind == "own" and _is_own(value):
        _draw_text(text, (*at, "name"), value["name"], put, kind="own")
        _draw_options(text, at, value, put)
    else:
        st.markdown(f"{escaped(KINDS[kind])}: you can only edit this in the text.")


def _are_lines(value: Any) -> bool:
    texts = [value] if isinstance(value, str) else value
    return isinstance(texts, list) and all(
        isinstance(each, str) and each.strip() and "\n" not in each for each in texts
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_range(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and value.keys() <= {"at_least", "at_most"}
        and all(
            isinstance(each, int | float) and not isinstance(each, bool) and each >= 0
            for each in value.values()
        )
    )


def _is_question(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("question"), str)
        and value.keys() <= {"question", "expect"}
        and isinstance(value.get("expect", True), bool)
    )


def _is_own(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and value.keys() <= {"name", "options"}
        and is_mapping(value.get("options", {}))
    )


def _draw_json(text: FormText, path: Path, value: Any, put: Put) -> None:
    """The switch, and the schema that the JSON follows; without one, any JSON passes."""
    if value is True:
        _draw_switch(text, path, value=True, put=put)
    draw_mapping(
        text,
        path,
        {} if value is True else value,
        lambda schema: put(path, schema or True),
        label="JSON Schema",
        help_text="The schema that the reply must follow. Leave empty to allow any JSON.",
    )


def _draw_options(text: FormText, path: Path, value: dict[str, Any], put: Put) -> None:
    draw_mapping(
        text,
        (*path, "options"),
        value.get("options", {}),
        lambda options: put((*path, "options"), options) if options else put(path, {"name": value["name"]}),
        label="Options",
        help_text="Passed to the check, as JSON. Leave empty for none.",
    )


def _draw_phrases(text: FormText, path: Path, value: Any, put: Put, *, empty: bool = False) -> None:
    texts = [value] if isinstance(value, str) else list(value)
    key = text.key(path, value)

    def changed() -> None:
        lines = [line for line in str(st.session_state[key]).splitlines() if line.strip()]
        if lines or empty:
            put(path, lines or True)

    st.text_area(
        KINDS[str(path[-1])],
        "\n".join(texts),
        key=key,
        height=80,
        help="One text per line. Leave empty for the usual ones." if empty else "One text per line.",
        disabled=not text.may_edit,
        on_change=changed,
    )


def _draw_text(text: FormText, path: Path, value: str, put: Put, *, kind: str = "") -> None:
    key = text.key(path, value)
    st.text_input(
        KINDS[kind or str(path[-1])],
        value,
        key=key,
        disabled=not text.may_edit,
        on_change=lambda: put(path, str(st.session_state[key])),
    )


def _draw_range(text: FormText, path: Path, value: Any, put: Put) -> None:
    kind = str(path[-1])
    whole = kind in COUNTS
    ends = value if isinstance(value, dict) else {"at_least": value, "at_most": value}
    keys = {end: text.key(path, value, end) for end in ("at_least", "at_most")}

    def changed() -> None:
        ends = {end: st.session_state[key] for end, key in keys.items()}
        numbers = {
            end: int(number) if whole else number for end, number in ends.items() if number is not None
        }
        if not numbers:
            return
        same = whole and len(numbers) == 2 and numbers["at_least"] == numbers["at_most"]
        put(path, numbers["at_least"] if same else numbers)

    for end, label in (("at_least", f"{KINDS[kind]}, at least"), ("at_most", "At most")):
        number = ends.get(end)
        initial = None if number is None else (int(number) if whole else float(number))
        st.number_input(
            label,
            min_value=0 if whole else 0.0,
            value=initial,
            step=1 if whole else 0.1,
            placeholder="Any",
            key=keys[end],
            disabled=not text.may_edit,
            on_change=changed,
        )


def _draw_switch(text: FormText, path: Path, value: bool, put: Put) -> None:  # noqa: FBT001  # a caller gives it by its place
    key = text.key(path, value)
    st.toggle(
        KINDS[str(path[-1])],
        value,
        key=key,
        disabled=not text.may_edit,
        on_change=lambda: put(path, bool(st.session_state[key])),
    )


def _draw_question(text: FormText, path: Path, value: Any, put: Put) -> None:
    question, expect = (
        (value, True) if isinstance(value, str) else (value["question"], value.get("expect", True))
    )
    keys = text.key(path, value, "question"), text.key(path, value, "expect")

    def changed() -> None:
        words, passes = str(st.session_state[keys[0]]), bool(st.session_state[keys[1]])
        put(path, words if passes else {"question": words, "expect": False})

    st.text_input("A judge is asked", question, key=keys[0], disabled=not text.may_edit, on_change=changed)
    st.toggle("Yes passes", expect, key=keys[1], disabled=not text.may_edit, on_change=changed)
