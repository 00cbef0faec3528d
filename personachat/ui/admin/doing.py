"""What a click on the Admin page does, and how a refusal is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from personachat.accounts.administrator import Administrator
from personachat.errors import PersonaChatError
from personachat.ui import notices, session

T = TypeVar("T")


def draw_not_done() -> None:
    """Why the last click changed nothing, if it did not."""
    for notice in notices.take("page"):
        st.error(notice.text, title=notice.title, icon=notice.icon)


def do(action: Callable[[Administrator], T]) -> T | None:
    """Do it as the administrator in front of this session; None if the page says why not."""
    try:
        return action(session.administrator())
    except PersonaChatError as error:
        notices.say_not_done(error, title="Nothing was changed")
        return None
