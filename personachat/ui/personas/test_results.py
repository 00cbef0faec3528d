"""The last results of personas' tests, as badges. Without tests, or without the database, there is none."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

from personachat.errors import PersonaChatError
from personachat.lab.runs.scoring import LastResult
from personachat.stamps import now
from personachat.ui import script_runs, session
from personachat.ui.dates import ago, viewer_zone

__test__ = False

Color = Literal["green", "orange", "gray"]


@dataclass(slots=True)
class _Seen:
    """What was looked up in this run of the page, and the results."""

    etags: dict[str, str] = field(default_factory=dict)
    results: dict[str, LastResult] = field(default_factory=dict)


def of(etags: Mapping[str, str]) -> Mapping[str, LastResult]:
    """The last results of personas with these etags, by id; each is looked up once per run."""
    seen = script_runs.once_a_run(_Seen)
    new = {each: etag for each, etag in etags.items() if seen.etags.get(each) != etag}
    with suppress(PersonaChatError):
        if new:
            seen.results.update(session.workspace().tests.results.last(new))
    seen.etags.update(new)
    return {each: seen.results[each] for each in etags if each in seen.results}


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
    """The badge within a line of Markdown; "" if there is none."""
    return f" :{_color(result)}-badge[{_words(result)}]" if result else ""


def explanation(result: LastResult) -> str:
    """What the badge means."""
    when = ago(result.began_at, now=now(), zone=viewer_zone())
    words = f"{result.cases.in_words} cases passed in every repeat, {when}."
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
