"""A value that its field can't show, as it is written, with a button that replaces it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from personachat.jsontext.edits import with_value, without
from personachat.jsontext.faults import Path
from personachat.ui.personas.desk import OpenPersona
from personachat.ui.personas.form import removal
from personachat.ui.personas.form.binding import ORDER, FormText, draw_problems
from personachat.ui.wording import escaped


def draw_unshowable(text: FormText, path: Path, label: str, *, instead: Any) -> None:
    """Show a value that the field can't, and offer to replace it; None removes it."""
    with st.container(gap="xsmall"):
        st.markdown(f"{escaped(label)}")
        st.code(text.written(path), language="json", wrap_lines=True)
        draw_problems(text, path, within=True)
        st.button(
            "Remove it" if instead is None else "Replace it",
            icon=":material/delete:" if instead is None else ":material/restart_alt:",
            key="-".join(("form-replace", *map(str, path))),
            help=None if instead is None else "Replaces it with a value that you can edit here.",
            on_click=_replace,
            args=(text.open_persona, path, label, instead),
        )


def _replace(open_persona: OpenPersona, path: Path, label: str, instead: Any) -> None:
    def replaced(text: str) -> str:
        return without(text, path) if instead is None else with_value(text, path, instead, order=ORDER)

    removal.replace(open_persona, path, f"the former value of “{label}”", replaced)
