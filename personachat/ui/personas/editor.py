"""The Ace editor: the only module that knows streamlit-ace.

A component keeps the text it was mounted with: under the same key, a new text would reach Python and not the
screen. So every `Mount` has its own key, made from the persona's id and a counter, and showing another text
needs another mount. Ace reports a keystroke after 200 ms, perhaps when something else is on the screen. So a
mount stays drawn behind other tabs, and what is typed in it is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import streamlit as st
import streamlit_ace
from streamlit.components.v1 import declare_component
from streamlit.components.v1.custom_component import CustomComponent

from personachat.errors import Problem

FRONTEND = Path(streamlit_ace.__file__).parent / "frontend" / "build"

MODE = "json5"
"""The worker of "json" overwrites the annotations; this mode looks the same and has none."""

LIGHT_THEME = "chrome"
DARK_THEME = "tomorrow_night"

HEIGHT = "480px"
"""Until the page's script makes it as high as the window allows; it scrolls inside."""

FONT_PIXELS = 16


def version_mark(etag: str | None) -> str:
    """The end of the key of a widget with unsaved text: the stored version it is based on."""
    return f".{etag}" if etag else ""


class TextMark(Protocol):
    """A remark about a place in the text; line and column count from 1."""

    @property
    def severity(self) -> Literal["warning", "info"]: ...
    @property
    def message(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(slots=True)
class Mount:
    """The editor on the screen: whose text, which showing, and the text it started with.

    `base_text` and `etag` are the stored version that edits begin from. `last_text` is the text that
    was last read from the editor: text that differs from it was typed since. `begun` is the version
    the editor opened with. It is part of the key, so a page that lost its session still knows it.
    """

    persona_id: str
    number: int
    text: str
    base_text: str
    etag: str | None
    last_text: str = ""
    begun: str = field(init=False)
    marks: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.last_text = self.text
        self.begun = version_mark(self.etag)

    @property
    def key(self) -> str:
        return f"ace-{self.persona_id}-{self.number}{self.begun}"

    @property
    def alive(self) -> bool:
        """Whether the session still has it; a visit to another page removes it."""
        return self.key in st.session_state

    @property
    def text_now(self) -> str:
        """The text in the editor as far as it has arrived: up to 200 ms behind the keys."""
        typed = st.session_state.get(self.key)
        return self.text if typed is None else str(typed)


class Options(dict[str, bool]):
    """Options that Streamlit passes on unchanged.

    It would check whether a dict is a data frame, and import pandas for that (a second, 60 MB), but before
    that it checks for a tuple.
    """

    @property  # type: ignore[misc]  # nobody sets it
    def __class__(self) -> type:
        return tuple


@st.cache_resource
def _ace() -> CustomComponent:
    """The component with all its options.

    `st_ace` has a fixed list of arguments and turns on completion while typing, which suggests words of the
    prompt in the middle of a sentence; the component itself accepts every option of react-ace. It is declared
    in a script run: Streamlit only serves what is declared there, and a server loads this module before its
    first visitor.
    """
    return declare_component("ace", path=FRONTEND)


def draw(
    mount: Mount,
    *,
    problems: Sequence[Problem],
    line: int | None,
    findings: Sequence[TextMark] = (),
    mode: str = MODE,
) -> None:
    """Show the editor with problems and findings in the gutter and `line` (1-based) highlighted."""
    mount.marks = {
        # In tuples: Streamlit would import pandas to check whether a list is a data frame.
        "annotations": (
            *(_annotation(problem, "error") for problem in problems),
            *(_annotation(finding, finding.severity) for finding in findings),
        ),
        "markers": () if line is None else (_marker(line - 1),),
    }
    _show(mount, is_stale=False, mode=mode)


def draw_hidden(mount: Mount, *, is_stale: bool) -> None:
    """Keep an editor behind another tab alive, for keystrokes that are still on their way.

    A stale one, whose text was changed elsewhere, accepts no new ones.
    """
    _show(mount, is_stale=is_stale)


def _show(mount: Mount, *, is_stale: bool, mode: str = MODE) -> None:
    _ace()(
        key=mount.key,
        default=mount.text,
        # Only read by a fresh iframe. The browser creates one whenever something above moves the editor, and
        # it must not come back with an old text.
        defaultValue=mount.text_now,
        mode=mode,
        theme=DARK_THEME if st.context.theme.type == "dark" else LIGHT_THEME,
        keyboardHandler="vscode",
        autoUpdate=True,
        readOnly=is_stale,
        fontSize=FONT_PIXELS,
        height=HEIGHT,
        tabSize=2,
        wrapEnabled=True,
        showGutter=True,
        showPrintMargin=False,
        placeholder="",
        setOptions=Options(enableBasicAutocompletion=False, enableLiveAutocompletion=False),
        **mount.marks,
    )


def _annotation(fault: Problem | TextMark, kind: str) -> dict[str, object]:
    return {"row": fault.line - 1, "column": fault.column - 1, "type": kind, "text": fault.message}


def _marker(row: int) -> dict[str, object]:
    return {
        "startRow": row,
        "startCol": 0,
        "endRow": row,
        "endCol": 1,
        "className": "ace_selection",
        "type": "fullLine",
    }
