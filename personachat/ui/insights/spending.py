"""What did it cost, and who spent it? By day and by persona, model, purpose or person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import streamlit as st

from personachat.ui.insights import chart, options
from personachat.ui.insights.chart import Chart
from personachat.ui.insights.figures import added
from personachat.ui.insights.filters import ChosenPeriod
from personachat.ui.insights.names import Names
from personachat.ui.wording import counted, money
from personachat.usage.reading import UsageReader
from personachat.usage.sums import Sum

SPLITS: Final = {"persona": "Persona", "model": "Model", "purpose": "Purpose", "person": "Person"}
MEASURES: Final = {"cost": "Cost", "tokens": "Tokens", "calls": "Calls"}
WHOSE: Final = {
    "persona": "Which personas",
    "model": "Which models",
    "purpose": "Which purposes",
    "person": "Who",
}
NUMBERS: Final = (
    "calls",
    *("prompt_tokens", "prompt_tokens_known", "completion_tokens", "completion_tokens_known"),
    *("cost_usd", "cost_usd_known"),
)
"""The sums that are read; nothing else is shown here."""

MOST_SERIES = 6
MOST_NAMES = 15
EMPTY = "No calls in this period. Talk to a persona, or choose more days above."
UNPRICED = (
    "The prices of these models are unknown, so there is no cost. **Tokens** and **Calls** are still counted."
)


def draw(usage: UsageReader, period: ChosenPeriod, names: Names) -> None:
    """Draw both charts, with the choice of grouping and measure."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        by = st.segmented_control(
            "Split by",
            [name for name in SPLITS if name != "person" or usage.sees_all],
            format_func=SPLITS.__getitem__,
            default="persona",
            required=True,
            key="insights_split",
            persist_state="session",
        )
        measure = st.segmented_control(
            "Measure",
            list(MEASURES),
            format_func=MEASURES.__getitem__,
            default="cost",
            required=True,
            key="insights_measure",
            persist_state="session",
        )
    by, measure = by or "persona", measure or "cost"
    sums = usage.summed(period.question, ("day", by), numbers=NUMBERS)
    chart.draw(by_day(sums, period, by=by, measure=measure, names=names))
    chart.draw(by_group(sums, by=by, measure=measure, names=names))


def by_day(sums: Sequence[Sum], period: ChosenPeriod, *, by: str, measure: str, names: Names) -> Chart:
    """From sums by day and group."""
    days = [str(day) for day in period.span.days()]
    largest = [key for key, _ in _ranked(sums, measure)][:MOST_SERIES]
    values: dict[str, dict[str, float]] = {key: {} for key in largest}
    rest: dict[str, float] = {}
    for each in sums:
        number = _number(each, measure)
        day, key = str(each.key[0]), each.key[1] or ""
        if number is not None:
            into = values.get(key, rest)
            into[day] = into.get(day, 0) + number
    series = {names.of(by, key): [counts.get(day) for day in days] for key, counts in values.items()}
    if rest:
        series["All others"] = [rest.get(day) for day in days]
    has_values = any(counts for counts in values.values()) or bool(rest)
    question = {
        "cost": "What did it cost, day by day?",
        "tokens": "How many tokens, day by day?",
        "calls": "How many calls, day by day?",
    }[measure]
    return Chart(
        key="spending_by_day",
        question=question,
        option=options.by_day(days, series, value_format=_format(measure), axis=_axis(measure)),
        columns=("day", by, *_COLUMNS),
        rows=[(each.key[0], names.of(by, each.key[1]), *_numbers(each)) for each in sums]
        if has_values
        else (),
        alt=f"{question} {_total(sums, measure)} over {counted(len(days), 'day')}, split by {by}.",
        empty=UNPRICED if sums and measure == "cost" else EMPTY,
        caption=_unpriced(sums) if measure == "cost" and has_values else "",
    )


def by_group(sums: Sequence[Sum], *, by: str, measure: str, names: Names) -> Chart:
    """The same over all days."""
    ranked = [(key, total) for key, total in _ranked(sums, measure) if _number(total, measure) is not None]
    groups = ranked[:MOST_NAMES]
    question = f"{WHOSE[by]} {'spent' if measure == 'cost' else 'used'} most?"
    first = f" {names.of(by, groups[0][0])} leads with {_in_words(groups[0][1], measure)}." if groups else ""
    return Chart(
        key="spending_by_group",
        question=question,
        option=options.by_name(
            [names.of(by, key) for key, _ in groups],
            {MEASURES[measure]: [_number(total, measure) for _, total in groups]},
            value_format=_format(measure),
            axis=_axis(measure),
        ),
        columns=(by, *_COLUMNS),
        rows=[(names.of(by, key), *_numbers(total)) for key, total in _ranked(sums, measure)]
        if groups
        else (),
        alt=f"{question}{first}",
        empty=UNPRICED if sums and measure == "cost" else EMPTY,
        height=max(140, 70 + chart.ROW_HEIGHT * len(groups)),
        caption=f"Showing the first {MOST_NAMES} of {len(ranked)}." if len(ranked) > MOST_NAMES else "",
    )


_COLUMNS = ("calls", "tokens in", "tokens out", "cost in USD", "calls with a known price")


def _numbers(each: Sum) -> tuple[object, ...]:
    return (
        each.calls,
        each.total("prompt_tokens"),
        each.total("completion_tokens"),
        each.cost_usd,
        each.known_count("cost_usd"),
    )


def _number(each: Sum, measure: str) -> float | None:
    if measure == "cost":
        return each.cost_usd
    if measure == "calls":
        return each.calls
    counts = [each.total("prompt_tokens"), each.total("completion_tokens")]
    numbers = [count for count in counts if count is not None]
    return sum(numbers) if numbers else None


def _ranked(sums: Sequence[Sum], measure: str) -> list[tuple[str, Sum]]:
    """The groups, and all their days together; the largest first, the unknown last."""
    groups: Mapping[str, list[Sum]] = defaultdict(list)
    for each in sums:
        groups[each.key[1] or ""].append(each)
    totals = [(key, added(parts)) for key, parts in groups.items()]
    return sorted(totals, key=lambda each: (-(_number(each[1], measure) or -1), -each[1].calls, each[0]))


def _format(measure: str) -> str:
    return "$%.4f" if measure == "cost" else "%,d"


def _axis(measure: str) -> str:
    return "${value}" if measure == "cost" else "{value}"


def _in_words(each: Sum, measure: str) -> str:
    number = _number(each, measure)
    if number is None:
        return "an unknown price" if measure == "cost" else "an unknown number"
    return money(number) if measure == "cost" else f"{number:,.0f} {MEASURES[measure].lower()}"


def _total(sums: Sequence[Sum], measure: str) -> str:
    return f"{_in_words(added(sums), measure)} in all" if sums else "Nothing"


def _unpriced(sums: Sequence[Sum]) -> str:
    total = added(sums)
    missing = total.calls - total.known_count("cost_usd")
    return f"Without {counted(missing, 'call')} with unknown prices." if missing else ""
