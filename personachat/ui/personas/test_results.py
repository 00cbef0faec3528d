"""What personas' tests last came to, as badges. Without tests, or without the database, there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.runs.scoring import LastResult
from personachat.stamps import now
from personachat.ui import session
from personachat.ui.dates import ago, viewer_zone

__test__ = False

Color = Literal["green", "orange", "gray"]


def of(etags: Mapping[str, str]) -> Mapping[str, LastResult]:
    """The last results of personas, whose etags these are, by their ids."""
    try:
        return session.workspace().tests.results.last(etags) if etags else {}
    except PersonaChatError:
        return {}


def by_revision(persona_id: str) -> Mapping[str, LastResult]:
    """Those of each revision of a persona, by the revisions' etags."""
    try:
        return session.workspace().tests.results.by_revision(persona_id)
    except PersonaChatError:
        return {}


def draw(result: LastResult | None) -> None:
    if result:
        st.badge(_words(result), icon=":material/rule:", color=_color(result), help=explanation(result))


def mark(result: LastResult | None) -> str:
    """The badge within a line of Markdown; "" where there is none."""
    return f" :{_color(result)}-badge[{_words(result)}]" if result else ""


def explanation(result: LastResult) -> str:
    """What the badge stands for."""
    when = ago(result.began_at, now=now(), zone=viewer_zone())
    words = f"{result.cases.told} cases passed in every repeat, {when}."
    if not result.changed:
        return words
    what = " and ".join(result.changed)
    return f"{words} {what.capitalize()} changed since, so run the tests again."


def _words(result: LastResult) -> str:
    words = f"{result.cases.hits} of {result.cases.count} tests"
    return f"{words}, outdated" if result.changed else words


def _color(result: LastResult) -> Color:
    if result.changed:
        return "gray"
    return "green" if result.cases.hits == result.cases.count else "orange"
