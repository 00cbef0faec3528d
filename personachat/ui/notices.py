"""What a callback, or a run that has ended, tells the next one: the one channel for it.

A notice is for one place of a page and is drawn there once. A newer one replaces what was not drawn yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.ui.wording import error_text

Place: TypeAlias = Literal["page", "chat_gone", "conversations", "draft", "return", "access"]
"""Where it is drawn.

"page" is for whatever was not done on this page, "conversations" for what was not done to one in the sidebar
or in History, "draft" for the field that describes a persona, "return" for what was lost with a connection,
"access" for the dialog that says who may do what.
"""


@dataclass(frozen=True, slots=True)
class Notice:
    text: str
    title: str = ""
    icon: str = ":material/error:"
    words: tuple[str, ...] = ()
    """What the person had written, so that it is not lost."""


_KEY = "notices"


def say(place: Place, *notices: Notice) -> None:
    """Have the next run that draws this place show them; none takes back what was to be shown."""
    waiting = cast("dict[Place, tuple[Notice, ...]]", st.session_state.setdefault(_KEY, {}))
    waiting[place] = notices


def say_not_done(error: PersonaChatError, *, title: str = "Something went wrong") -> None:
    """Have the page say why what was asked for was not done."""
    say("page", Notice(error_text(error), title))


def take(place: Place) -> tuple[Notice, ...]:
    """What is to be drawn in this place now; it is not returned again."""
    waiting = cast("dict[Place, tuple[Notice, ...]]", st.session_state.get(_KEY, {}))
    return waiting.pop(place, ())
