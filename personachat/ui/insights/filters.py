"""The page's filters: days, persona, model, purpose and person. They are part of the page's address.

A link, a refresh, and coming back in the same session show the same. Values in an address that aren't among
the choices are ignored, except names: those may belong to calls that are no longer in the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import streamlit as st

from personachat.errors import UsageQuestionInvalid
from personachat.ui.insights.names import Names
from personachat.ui.insights.state import insights_state
from personachat.usage import days, ranges
from personachat.usage.questions import UsageQuery
from personachat.usage.ranges import Range, range_of

OWN = "own"
RANGES: Final = {"today": "Today", "7d": "7 days", "30d": "30 days", "90d": "90 days", OWN: "Dates"}
MOST_DAYS = 731
"""Days; a longer range has more bars than anyone can tell apart."""

FILTERS: Final = ("persona", "model", "purpose", "person")
_ANY: Final = {
    "persona": "All personas",
    "model": "All models",
    "purpose": "All purposes",
    "person": "Everyone",
}
_OF_A_CHAT: Final = ("chat", "turn")
"""On the way to a chat, Streamlit leaves this page's address with the chat's parameters; Back leads there."""

_MOST_CHARACTERS = 200
_WIDTH = 176
"""In pixels: four beside each other on a page, and two on a phone."""


@dataclass(frozen=True, slots=True)
class ChosenPeriod:
    """The question, and the same for as many days before."""

    span: Range
    question: UsageQuery
    before: UsageQuery


def viewer_zone() -> ZoneInfo:
    """The time zone that the browser reported; UTC if it reported none that is known here."""
    try:
        return days.zone_of(st.context.timezone or "UTC")
    except UsageQuestionInvalid:
        return ZoneInfo("UTC")


def draw(
    choices: Mapping[str, Sequence[str]], names: Names, *, now: datetime, sees_all: bool
) -> ChosenPeriod:
    """Draw them and return the choices. Raises UsageQuestionInvalid for invalid days."""
    zone = viewer_zone()
    _follow_address()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="insights_filters"):
        st.segmented_control(
            "Days",
            list(RANGES),
            format_func=RANGES.__getitem__,
            key=_key("range"),
            required=True,
            width="content",
        )
        if st.session_state[_key("range")] == OWN:
            _draw_days(days.today(now, zone), _period_before(now, zone))
    with st.container(horizontal=True, gap="small", key="insights_narrowed"):
        shown_filters = FILTERS if sees_all and len(choices["person"]) > 1 else FILTERS[:-1]
        for name in shown_filters:
            _draw_filter(name, choices[name], names)
    span = _span(now, zone)
    _write_address(shown_filters)
    selection = {name: st.session_state.get(_key(name)) for name in shown_filters}
    first = UsageQuery(zone=zone, since=span.first, until=span.last, **selection)
    earlier = UsageQuery(zone=zone, since=span.before.first, until=span.before.last, **selection)
    return ChosenPeriod(span, first, earlier)


def _period_before(now: datetime, zone: ZoneInfo) -> Range:
    """The period that was shown before; with "Dates", people begin with it."""
    name = (insights_state().address or {}).get("range", ranges.DEFAULT)
    return range_of(ranges.DEFAULT if name == OWN else name, now=now, zone=zone)


def _draw_days(today: date, period: Range) -> None:
    for name, label, day in (("first", "From", period.first), ("last", "To", period.last)):
        st.session_state[_key(name)] = min(st.session_state.get(_key(name)) or day, today)
        st.date_input(
            label, key=_key(name), min_value=days.FIRST_DAY, max_value=today, format="YYYY-MM-DD", width=150
        )


def _draw_filter(name: str, choices: Sequence[str], names: Names) -> None:
    value = st.session_state.get(_key(name))
    options = [*choices] if value is None or value in choices else [value, *choices]
    st.selectbox(
        name.capitalize(),
        sorted(options, key=lambda each: names.of(name, each).casefold()),
        index=None,
        key=_key(name),
        placeholder=_ANY[name],
        format_func=lambda each: names.of(name, each),
        width=_WIDTH,
    )


def _span(now: datetime, zone: ZoneInfo) -> Range:
    name = str(st.session_state[_key("range")])
    if name != OWN:
        return range_of(name, now=now, zone=zone)
    first, last = st.session_state[_key("first")], st.session_state[_key("last")]
    if first is None or last is None:
        raise UsageQuestionInvalid("Choose a first and a last day.")
    span = range_of(f"{first.isoformat()}..{last.isoformat()}", now=now, zone=zone)
    if span.length > MOST_DAYS:
        raise UsageQuestionInvalid(f"You chose {span.length:,} days.", hint=f"The limit is {MOST_DAYS}.")
    return span


def _key(name: str) -> str:
    return f"insights_{name}"


def _follow_address() -> None:
    """Use the address if the page didn't write it itself; otherwise the earlier choices."""
    leads_to_chat = any(name in st.query_params for name in _OF_A_CHAT)
    names = () if leads_to_chat else ("range", "first", "last", *FILTERS)
    from_address = {
        name: st.query_params[name][:_MOST_CHARACTERS] for name in names if name in st.query_params
    }
    written = insights_state().address
    came_back = not from_address and written is not None
    if written is not None and from_address == written and _key("range") in st.session_state:
        return
    selection = written if came_back and written else from_address
    choice = selection.get("range", OWN if {"first", "last"} & selection.keys() else ranges.DEFAULT)
    st.session_state[_key("range")] = choice if choice in RANGES else ranges.DEFAULT
    for name in ("first", "last"):
        st.session_state[_key(name)] = _day(selection.get(name))
    for name in FILTERS:
        st.session_state[_key(name)] = selection.get(name) or None


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return min(max(day, days.FIRST_DAY), days.LAST_DAY)


def _write_address(filters: Sequence[str]) -> None:
    """Write the choices into the address if they differ from the defaults."""
    values = {name: st.session_state.get(_key(name)) for name in filters}
    kind = st.session_state[_key("range")]
    values["range"] = None if kind == ranges.DEFAULT else kind
    for name in ("first", "last"):
        day = st.session_state.get(_key(name)) if kind == OWN else None
        values[name] = day.isoformat() if day else None
    parameters = {name: str(value) for name, value in values.items() if value}
    for name in ("range", "first", "last", *FILTERS, *_OF_A_CHAT):
        if name not in parameters:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != parameters[name]:
            st.query_params[name] = parameters[name]
    insights_state().address = parameters
