"""How fast? Time to first token and tokens per second, median and 95th percentile, by model and by day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from personachat.ui.insights import chart, options
from personachat.ui.insights.chart import Chart
from personachat.ui.insights.figures import seconds
from personachat.ui.insights.filters import ChosenPeriod
from personachat.ui.insights.names import NONE
from personachat.usage.reading import UsageReader
from personachat.usage.speeds import Speed

WAIT, PACE = "Time to first token", "Tokens per second"
MOST_MODELS = 12
EMPTY = "No reply times were measured in this period. Talk to a persona, or choose more days above."
_DIGITS = 6
HALF, SLOW = "Median (p50)", "95 % are at least as fast (p95)"


@dataclass(frozen=True, slots=True)
class _Spread:
    """The number of calls, and what half and 95 % of them stayed within: seconds, or tokens per second."""

    count: int
    median: float
    p95: float


def draw(usage: UsageReader, period: ChosenPeriod) -> None:
    """Draw both charts of the chosen measure."""
    measure = st.segmented_control(
        "Speed",
        [WAIT, PACE],
        default=WAIT,
        required=True,
        key="insights_speed",
        persist_state="session",
    )
    is_wait = measure != PACE
    of_models, of_days = usage.speeds_by(
        period.question, [("model",), ("day",)], times=["first_token_ms" if is_wait else "tokens_per_second"]
    )
    chart.draw(by_model(of_models, is_wait=is_wait))
    chart.draw(by_day(of_days, period, is_wait=is_wait))


def by_model(speeds: Sequence[Speed], *, is_wait: bool) -> Chart:
    """The models with most calls first."""
    spreads = _of(speeds, is_wait=is_wait)
    ranked = sorted(spreads.items(), key=lambda each: (-each[1].count, each[0]))
    models = ranked[:MOST_MODELS]
    question = "How long until the first word, by model?" if is_wait else "How fast does each model write?"
    summary = "; ".join(f"{name or NONE}: {_in_words(each, is_wait=is_wait)}" for name, each in models[:3])
    return Chart(
        key="speed_by_model",
        question=question,
        option=options.by_name(
            [name or NONE for name, _ in models],
            {HALF: [each.median for _, each in models], SLOW: [each.p95 for _, each in models]},
            value_format=_format(is_wait=is_wait),
            axis=_axis(is_wait=is_wait),
        ),
        columns=("model", *_columns(is_wait=is_wait)),
        rows=[(name or NONE, each.count, each.median, each.p95) for name, each in ranked],
        alt=f"{question} {summary}",
        empty=EMPTY,
        height=max(170, 90 + 2 * chart.ROW_HEIGHT * len(models)),
    )


def by_day(speeds: Sequence[Speed], period: ChosenPeriod, *, is_wait: bool) -> Chart:
    spreads = _of(speeds, is_wait=is_wait)
    days = [str(day) for day in period.span.days()]
    question = (
        "Is the wait getting longer, day by day?" if is_wait else ("Are replies getting slower, day by day?")
    )
    of_days = [spreads.get(day) for day in days]
    values = {
        HALF: [None if each is None else each.median for each in of_days],
        SLOW: [None if each is None else each.p95 for each in of_days],
    }
    last = next((each for each in reversed(of_days) if each), None)
    return Chart(
        key="speed_by_day",
        question=question,
        option=options.by_day(
            days,
            values,
            value_format=_format(is_wait=is_wait),
            axis=_axis(is_wait=is_wait),
            kind="line",
            stacked=False,
        ),
        columns=("day", *_columns(is_wait=is_wait)),
        rows=[(day, each.count, each.median, each.p95) for day, each in sorted(spreads.items())],
        alt=f"{question} On the last day with replies: {_in_words(last, is_wait=is_wait)}"
        if last
        else question,
        empty=EMPTY,
    )


def _of(speeds: Sequence[Speed], *, is_wait: bool) -> Mapping[str, _Spread]:
    """By the one thing they are grouped by."""
    spreads = {}
    for each in speeds:
        times = each.first_token_ms if is_wait else each.tokens_per_second
        if times.p50 is not None and times.p95 is not None:
            unit = 1000 if is_wait else 1
            spreads[each.key[0] or ""] = _Spread(
                times.calls, round(times.p50 / unit, _DIGITS), round(times.p95 / unit, _DIGITS)
            )
    return spreads


def _columns(*, is_wait: bool) -> tuple[str, str, str]:
    unit = "seconds" if is_wait else "tokens per second"
    return "calls measured", f"median {unit}", f"p95 {unit}"


def _format(*, is_wait: bool) -> str:
    return "%.2f s" if is_wait else "%.0f/s"


def _axis(*, is_wait: bool) -> str:
    return "{value} s" if is_wait else "{value}/s"


def _in_words(each: _Spread, *, is_wait: bool) -> str:
    if is_wait:
        return f"half within {seconds(each.median)}, 95 % within {seconds(each.p95)}."
    return f"half with at least {each.median:.0f} tokens per second, 95 % with at least {each.p95:.0f}."
