"""The Ace editor: the one module that knows streamlit-ace.

A component shows what it was mounted with: under one key a new text would reach Python and not the
screen. So every `Mount` has a key of its own, made of the persona's id and a counter, and whoever wants
another text shown makes another mount.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
import streamlit_ace
from streamlit.components.v1 import declare_component
from streamlit.components.v1.custom_component import CustomComponent

from personachat.errors import Problem

FRONTEND = Path(streamlit_ace.__file__).parent / "frontend" / "build"

LIGHT_THEME = "chrome"
DARK_THEME = "tomorrow_night"

MIN_LINES = 16
FONT_PIXELS = 15


@dataclass(slots=True)
class Mount:
    """The editor on the screen: whose text, which showing, and the text it started with.

    `base_text` and `etag` are the stored version that edits in it begin from; see `state.Draft`.
    """

    persona_id: str
    number: int
    text: str
    base_text: str
    etag: str | None

    @property
    def key(self) -> str:
        return f"ace-{self.persona_id}-{self.number}"

    @property
    def alive(self) -> bool:
        """Whether the session still has it; a visit to another page takes it away."""
        return self.key in st.session_state

    @property
    def shown(self) -> str:
        """The text in the editor, as far as it has arrived: up to 200 ms behind the keys."""
        typed = st.session_state.get(self.key)
        return self.text if typed is None else str(typed)


@st.cache_resource
def _ace() -> CustomComponent:
    """The component with all its options.

    `st_ace` has a fixed list of arguments and switches completion while typing on for good, which offers
    words of the prompt in the middle of a sentence; the component itself takes every option of react-ace.
    Declared in a script run: Streamlit serves only what is declared there, and a server loads this module
    before its first visitor comes.
    """
    return declare_component("ace", path=FRONTEND)


def draw(mount: Mount, *, problems: Sequence[Problem], line: int | None) -> None:
    """Show the editor with its problems in the gutter and `line` (1-based) highlighted."""
    _ace()(
        key=mount.key,
        default=mount.text,
        # Read by a fresh iframe only. The browser makes one whenever something above moves the editor, and
        # it must not come back with the text of long ago.
        defaultValue=mount.shown,
        # The worker of "json" overwrites the annotations; "json5" looks the same and has none.
        mode="json5",
        theme=DARK_THEME if st.context.theme.type == "dark" else LIGHT_THEME,
        keyboardHandler="vscode",
        autoUpdate=True,
        annotations=[_annotation(problem) for problem in problems],
        markers=[] if line is None else [_marker(line - 1)],
        fontSize=FONT_PIXELS,
        height=None,
        minLines=MIN_LINES,
        tabSize=2,
        wrapEnabled=True,
        showGutter=True,
        showPrintMargin=False,
        placeholder="",
        setOptions={"enableBasicAutocompletion": False, "enableLiveAutocompletion": False},
    )


def _annotation(problem: Problem) -> dict[str, object]:
    return {"row": problem.line - 1, "column": problem.column - 1, "type": "error", "text": problem.message}


def _marker(row: int) -> dict[str, object]:
    return {
        "startRow": row,
        "startCol": 0,
        "endRow": row,
        "endCol": 1,
        "className": "ace_selection",
        "type": "fullLine",
    }
