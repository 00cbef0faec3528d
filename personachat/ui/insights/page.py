"""The page, from its filters down to the raw rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import streamlit as st

from personachat.errors import UsageQuestionInvalid
from personachat.services.workspace import Workspace
from personachat.stamps import now
from personachat.ui.insights import chart, failing, figures, filters, looking, speed, spending, thumbs
from personachat.ui.insights.filters import ChosenPeriod
from personachat.ui.insights.names import names
from personachat.ui.wording import counted, error_text, escaped
from personachat.usage.questions import UsageQuery
from personachat.usage.reading import UsageReader

MOST_ROWS = 50_000
_PAGE = 1_000
_LEFT_OUT = {"process_id"}


def draw(workspace: Workspace) -> None:
    """Draw all of it. Raises DatabaseUnavailable and DatabaseDamaged."""
    insights, usage = workspace.insights, workspace.usage
    choices = insights.choices()
    if not any(choices.values()):
        _draw_nothing_yet()
        return
    called, moment = names(workspace, choices["persona"]), now()
    try:
        period = filters.draw(choices, called, now=moment, sees_all=usage.sees_all)
    except UsageQuestionInvalid as error:
        st.warning(error_text(error), icon=":material/event_busy:")
        return
    _draw_days(period)
    if usage.withholds:
        st.caption(":material/visibility_off: Your calls of comparisons are left out until you have voted.")
    sums, before = (
        usage.summed(question, ("day", "outcome"), numbers=figures.NUMBERS)
        for question in (period.question, period.before)
    )
    figures.draw(period.span, sums, before)
    calls = figures.added(sums).calls
    spending.draw(usage, period, called)
    speed.draw(usage, period)
    failing.draw(insights, period)
    thumbs.draw(insights, workspace.revisions, period, called)
    looking.draw(insights, period)
    _draw_rows(usage, period.question, calls=calls, moment=moment)


def _draw_nothing_yet() -> None:
    st.info(
        (
            "Every model reply is recorded here: its cost, its duration and its outcome. Send your first "
            "message, and rate replies with a thumb."
        ),
        title="No activity yet",
        icon=":material/query_stats:",
    )
    st.page_link("pages/chat.py", label="Go to the chat", icon=":material/chat:")


def _draw_days(selection: ChosenPeriod) -> None:
    """Which days these are, and in which time zone."""
    span, zone = selection.span, selection.question.zone.key
    first, last = (f"{day.day} {day:%b %Y}" for day in (span.first, span.last))
    days = first if span.length == 1 else f"{first} to {last}"
    sentence = (
        "your browser's time zone"
        if st.context.timezone == zone
        else "because your browser doesn't report its own"
    )
    before = "day" if span.length == 1 else f"{span.length} days"
    period = f"{days}, compared with the {before} before."
    st.caption(f":material/schedule: {period} Days and times are in {escaped(zone)}, {sentence}.")


def _draw_rows(usage: UsageReader, question: UsageQuery, *, calls: int, moment: datetime) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.download_button(
            "Download the calls as CSV",
            data=_rows(usage, question),
            file_name=f"calls-{moment:%Y-%m-%d}.csv",
            mime="text/csv",
            icon=":material/download:",
            disabled=not calls,
            key="csv_calls",
            on_click="ignore",
        )
        if calls > MOST_ROWS:
            st.caption(
                f"The newest {MOST_ROWS:,} of {counted(calls, 'call')}. For all of them, run "
                "`personachat usage --rows`."
            )
        else:
            st.caption(f"{counted(calls, 'call')}, one row each. It contains no message text.")


def _rows(usage: UsageReader, question: UsageQuery) -> Callable[[], bytes]:
    def read() -> bytes:
        """The newest calls first, created on download."""
        cursor: str | None = None
        rows: list[list[object]] = []
        columns: list[str] = []
        while len(rows) < MOST_ROWS:
            page = usage.calls(question, limit=_PAGE, cursor=cursor)
            for row in page.calls:
                columns = columns or [name for name in row if name not in _LEFT_OUT]
                rows.append([row[name] for name in columns])
            cursor = page.next_cursor
            if cursor is None:
                break
        return chart.csv_bytes(columns, rows)

    return read
