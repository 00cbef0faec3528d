"""What the form reads from a persona's text, and how a field's change gets back into it.

A change is applied to the text as it is when the change arrives, and touches only its own value.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

import streamlit as st

from personachat.errors import Problem
from personachat.jsontext.edits import with_value, without
from personachat.jsontext.faults import Path
from personachat.jsontext.reader import JsonText, read_json
from personachat.personas.persona import Example, Persona, Personality
from personachat.ui.personas.desk import OpenPersona, desk, edit
from personachat.ui.personas.editor import version_mark
from personachat.ui.wording import escaped

ORDER = tuple(
    field.alias or name
    for part in (Persona, Personality, Example)
    for name, field in part.model_fields.items()
)

MOST_CHARACTERS = 400

FIELDS = "form-"
"""Prefix of the keys of the form's widgets."""

WIDGETS, RETURNED = "form_widgets", "form_returned"
"""Where the session counts the fields' widgets and keeps the ends of their keys after a lost session."""


class _Missing:
    """No value: the key doesn't exist."""

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


@dataclass(frozen=True)
class FormText:
    """The text of the open persona, as its form sees it."""

    open_persona: OpenPersona

    @cached_property
    def read(self) -> JsonText:
        return read_json(self.open_persona.text)

    @property
    def has_keys(self) -> bool:
        """Whether there is anything a form can show."""
        return not self.read.broken and isinstance(self.read.value, dict)

    def value(self, path: Path) -> Any:
        """The value at a path; MISSING if there is none or the path leads through something else."""
        value = self.read.value
        for step in path:
            try:
                value = value[step]
            except (LookupError, TypeError):
                return MISSING
        return value

    def has(self, path: Path) -> bool:
        """Whether there is a value at a path, readable or not."""
        return path in self.read.values

    def is_spoiled(self, path: Path) -> bool:
        """Whether the value can't be put on a page, such as half a character."""
        return any(spoiled[: len(path)] == path for spoiled in self.read.spoiled)

    def problems(self, path: Path, *, within: bool = False) -> list[Problem]:
        """The problems of the value at a path; `within` adds those inside it."""
        return [
            problem
            for problem in self.open_persona.problems
            if (problem.path[: len(path)] if within else problem.path) == path
        ]

    def key(self, path: Path, value: Any) -> str:
        """The key of the widget that shows this value, which must be its default.

        It stays the same as long as the widget has this value because someone typed it. If the text was
        changed in another way, a new widget replaces it. Setting a widget's state would be shorter, but is
        lost with a run that is cut short: the browser then reports the default.
        """
        showing = _showing(self.open_persona.id)
        token, shown_value = showing.get(path, ("0", MISSING))
        key = self._key(path, token)
        if shown_value != value or key not in st.session_state:
            token = self._returned_token(path) or self._new_token()
            showing[path] = token, value
            key = self._key(path, token)
        return key

    def _key(self, path: Path, *token: str) -> str:
        return "-".join(("form", self.open_persona.id, *map(str, path), *token))

    def _returned_token(self, path: Path) -> str | None:
        """The token of the field's widget on a page that came back without its session; once."""
        returned = st.session_state.get(RETURNED)
        return cast("dict[str, str]", returned).pop(self._key(path), None) if returned else None

    def _new_token(self) -> str:
        number = st.session_state[WIDGETS] = st.session_state.get(WIDGETS, 0) + 1
        began = self.open_persona.draft or self.open_persona.stored
        return f"{number}{version_mark(began.etag if began else None)}"

    def written(self, path: Path) -> str:
        """A value as JSON, for a field that can't show it."""
        if self.is_spoiled(path):
            return "This contains a value that can't be shown here."
        written = json.dumps(self.value(path), ensure_ascii=False)
        return written if len(written) <= MOST_CHARACTERS else f"{written[:MOST_CHARACTERS]} …"


def change(open_persona: OpenPersona, how: Callable[[str], str]) -> None:
    """Change the text. If that is no longer possible, the form shows the current state."""
    with suppress(ValueError, LookupError):
        edit(open_persona, how)


def put(open_persona: OpenPersona, path: Path, value: Any) -> None:
    """Set the value at a path."""
    change(open_persona, lambda text: with_value(text, path, value, order=ORDER))


def take_out(open_persona: OpenPersona, path: Path) -> None:
    """Remove the key or the entry at a path."""
    change(open_persona, lambda text: without(text, path))


def remember_value(open_persona: OpenPersona, path: Path, value: Any) -> bool:
    """Remember that someone gave the widget of a path this value; False if it already had it.

    A browser also reports fields that nobody touched, such as the default of one that was just drawn.
    """
    showing = _showing(open_persona.id)
    if path not in showing:
        return True
    token, shown_value = showing[path]
    showing[path] = token, value
    return bool(shown_value != value)


def _showing(persona_id: str) -> dict[Path, tuple[str, Any]]:
    """The widgets of a persona's form by path: the end of their key, and their value."""
    here = desk()
    if here.form_of != persona_id:
        here.form_of, here.form_widgets = persona_id, {}
    return here.form_widgets


def draw_problems(text: FormText, path: Path, *, within: bool = False) -> None:
    """Show the problems of a field below it."""
    for problem in text.problems(path, within=within):
        st.markdown(f":red[:material/error: {escaped(problem.message)}]")
