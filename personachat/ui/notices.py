"""What a callback, or a finished run, tells the next run: the only channel for it.

A notice belongs to one place of a page and is drawn there once. A newer one replaces one that wasn't drawn
yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.ui.wording import error_text

Place: TypeAlias = Literal["page", "chat_gone", "conversations", "draft", "return", "access"]
"""Where it is drawn.

"page" is for whatever failed on this page, "conversations" for what failed for a conversation in the sidebar
or in History, "draft" for the field that describes a persona, "return" for what was lost with a connection,
"access" for the dialog about who may do what.
"""


@dataclass(frozen=True, slots=True)
class Notice:
    text: str
    title: str = ""
    icon: str = ":material/error:"
    words: tuple[str, ...] = ()
    """The person's text, so that it isn't lost."""


_KEY = "notices"


def say(place: Place, *notices: Notice) -> None:
    """Show these in the next run that draws this place; none cancels what was to be shown."""
    waiting = cast("dict[Place, tuple[Notice, ...]]", st.session_state.setdefault(_KEY, {}))
    waiting[place] = notices


def say_not_done(error: PersonaChatError, *, title: str = "Something went wrong") -> None:
    """Have the page say why the request failed."""
    say("page", Notice(error_text(error), title))


def take(place: Place) -> tuple[Notice, ...]:
    """What to draw in this place now. It isn't returned again."""
    waiting = cast("dict[Place, tuple[Notice, ...]]", st.session_state.get(_KEY, {}))
    return waiting.pop(place, ())
