"""Whether people like it: thumbs by persona and by revision, with the interval; did a save help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import streamlit as st

from personachat.insights.liking import Save, Thumb, by_save
from personachat.insights.service import Insights
from personachat.personas.store.base import Revision, Revisions
from personachat.ui.dates import exact
from personachat.ui.insights import chart, options
from personachat.ui.insights.chart import Chart
from personachat.ui.insights.filters import ChosenPeriod
from personachat.ui.insights.names import Names
from personachat.ui.wording import counted, escaped
from personachat.usage import days
from personachat.usage.intervals import Thumbs, Verdict, verdict

MOST_PERSONAS = 15
MOST_SAVES = 12
EMPTY = (
    "No ratings in this period. Rate replies in the chat with :material/thumb_up: and :material/thumb_down:."
)
PERSONAS = "Which personas do people like?"
REVISIONS = "Did a new version make it better or worse?"
TIMELINE = "How do ratings change over time?"

VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    "better": ("Better", ":material/trending_up:"),
    "worse": ("Worse", ":material/trending_down:"),
    "undecided": ("No clear difference yet", ":material/balance:"),
    "unknown": ("Too few ratings to compare", ":material/hourglass_empty:"),
}


def draw(insights: Insights, revisions: Revisions, period: ChosenPeriod, names: Names) -> None:
    thumbs = insights.thumbs(period.question)
    chart.draw(by_persona(thumbs, names))
    persona_id = period.question.persona or next(iter(thumbs), None)
    if persona_id is None:
        return
    saved = [each for each in revisions.of(persona_id, limit=MOST_SAVES + 1) if each.action != "deleted"]
    all_thumbs = insights.thumbs_of(period.question, persona_id)
    by_number = by_save([Save(each.number, each.etag, each.saved_at) for each in saved], all_thumbs)
    name = names.of("persona", persona_id)
    chart.draw(timeline(all_thumbs, saved, period, name=name))
    saves = saved[:MOST_SAVES]
    chart.draw(by_revision(saves, by_number, name=name))
    if any(each.count for each in by_number.values()):
        _draw_saves(saved, by_number, period)


def by_persona(thumbs: Mapping[str, Thumbs], names: Names) -> Chart:
    rows = list(thumbs.items())[:MOST_PERSONAS]
    labels = [f"{names.of('persona', key)} · {each.up} of {each.count}" for key, each in rows]
    summary = "; ".join(f"{names.of('persona', key)}: {described(each)}" for key, each in rows[:3])
    return Chart(
        key="liked",
        question=PERSONAS,
        option=options.intervals(
            labels, [each.share for _, each in rows], [each.interval for _, each in rows]
        ),
        columns=("persona", *_COLUMNS),
        rows=[(names.of("persona", key), *_numbers(each)) for key, each in thumbs.items()],
        alt=f"{PERSONAS} {summary}",
        empty=EMPTY,
        caption="Dots show the share of thumbs up in percent. Bars show the 95 % confidence interval.",
        height=max(130, 60 + chart.ROW_HEIGHT * len(rows)),
    )


def timeline(thumbs: Sequence[Thumb], saved: Sequence[Revision], period: ChosenPeriod, *, name: str) -> Chart:
    """Thumbs of one persona by day, up and down, with its saves marked."""
    zone, span = period.question.zone, period.span
    dates = [str(day) for day in span.days()]
    ups, downs = Counter[str](), Counter[str]()
    for thumb in thumbs:
        (ups if thumb.up else downs)[days.today(thumb.at, zone).isoformat()] += 1
    rows = [(day, ups[day], downs[day]) for day in dates if ups[day] or downs[day]]
    up, down = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return Chart(
        key="thumbs_by_day",
        question=TIMELINE,
        option=options.by_day(
            dates,
            {
                "Thumbs up": [ups[day] or None for day in dates],
                "Thumbs down": [-downs[day] or None for day in dates],
            },
            value_format="%d",
            marks=marks(saved, period),
        ),
        columns=("day", "thumbs up", "thumbs down"),
        rows=rows,
        alt=f"{TIMELINE} {name} got {up} thumbs up and {down} thumbs down in this period.",
        empty=f"{escaped(name)} got no ratings in this period.",
        caption=f"{escaped(name)}. Dashed lines mark saves, with their revision number.",
    )


def marks(saved: Sequence[Revision], period: ChosenPeriod) -> list[tuple[str, str]]:
    """The days of saves in the range, and which they were: "r4", or "r4-6" if there were several."""
    numbers: dict[str, list[int]] = {}
    for each in saved:
        day = days.today(each.saved_at, period.question.zone)
        if period.span.first <= day <= period.span.last:
            numbers.setdefault(day.isoformat(), []).append(each.number)
    return [
        (day, f"r{min(each)}" if len(each) == 1 else f"r{min(each)}-{max(each)}")
        for day, each in sorted(numbers.items())
    ]


def by_revision(saved: Sequence[Revision], thumbs: Mapping[int, Thumbs], *, name: str) -> Chart:
    """The newest on top."""
    rated_saves = [each for each in saved if thumbs[each.number].count]
    labels = [
        f"r{each.number} · {thumbs[each.number].up} of {thumbs[each.number].count}" for each in rated_saves
    ]
    summary = "; ".join(
        f"revision {each.number}: {described(thumbs[each.number])}" for each in rated_saves[:3]
    )
    return Chart(
        key="liked_by_revision",
        question=REVISIONS,
        option=options.intervals(
            labels,
            [thumbs[each.number].share for each in rated_saves],
            [thumbs[each.number].interval for each in rated_saves],
        ),
        columns=("revision", "saved at", *_COLUMNS),
        rows=[
            (each.number, each.saved_at.isoformat(timespec="seconds"), *_numbers(thumbs[each.number]))
            for each in rated_saves
        ],
        alt=f"{REVISIONS} {name}, {summary}",
        empty=f"No saved version of {escaped(name)} has ratings yet. Rate its replies in the chat.",
        caption=f"{escaped(name)}: all ratings of its last {MOST_SAVES} revisions.",
        height=max(130, 60 + chart.ROW_HEIGHT * len(rated_saves)),
    )


def _draw_saves(saved: Sequence[Revision], thumbs: Mapping[int, Thumbs], period: ChosenPeriod) -> None:
    """Each save with the thumbs before and after it, and the way to what it changed."""
    with st.container(border=True, gap="small", key="saves"):
        st.subheader("What changed when?", anchor=False)
        for at, save in enumerate(saved[:MOST_SAVES]):
            before = saved[at + 1] if at + 1 < len(saved) else None
            with st.container(gap=None, key=f"save_{save.number}"):
                st.page_link(
                    "pages/personas.py",
                    label=f"Revision {save.number}: see what changed",
                    icon=":material/difference:",
                    query_params={"id": save.persona_id, "revision": str(save.number)},
                )
                if before:
                    st.markdown(compared(thumbs[before.number], thumbs[save.number]))
                else:
                    st.markdown(
                        escaped(
                            f"{described(thumbs[save.number])} There is no earlier revision to compare with."
                        )
                    )
                when = exact(save.saved_at, zone=period.question.zone)
                st.caption(" · ".join(filter(None, (when, escaped(save.author), escaped(save.note)))))


def compared(before: Thumbs, after: Thumbs) -> str:
    """What a save did, as Markdown."""
    name, icon = VERDICTS[verdict(before, after)]
    return f"{icon} **{name}.** {escaped(f'Before: {described(before)} After: {described(after)}')}"


def described(thumbs: Thumbs) -> str:
    """E.g. "8 of 10 thumbs up (49 to 94 %)."."""
    if not thumbs.count:
        return "no ratings."
    low, high = thumbs.interval
    return f"{thumbs.up} of {counted(thumbs.count, 'thumb')} up ({100 * low:.0f} to {100 * high:.0f} %)."


_COLUMNS = ("thumbs up", "thumbs down", "share up", "share at least", "share at most")


def _numbers(thumbs: Thumbs) -> tuple[object, ...]:
    low, high = thumbs.interval
    share = None if thumbs.share is None else round(thumbs.share, 4)
    return thumbs.up, thumbs.down, share, round(low, 4), round(high, 4)
