"""The four figures at the top, each with its trend against the same number of days before, and by day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import streamlit as st

from personachat.ui.wording import counted, escaped, money, short
from personachat.usage.ranges import Range, trend
from personachat.usage.sums import Sum

NUMBERS: Final = (
    *("calls", "estimated", "cost_usd", "cost_usd_known", "first_token_ms", "first_token_ms_known"),
    *("prompt_tokens", "prompt_tokens_known", "completion_tokens", "completion_tokens_known"),
)
"""The sums that are read; nothing else is shown here."""

MOST_DAYS = 90
MINUS = "−"  # noqa: RUF001  # the character that is meant


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` and `delta` are plain text; `course` is by day, empty if part of it is unknown."""

    label: str
    value: str
    help: str
    delta: str = ""
    color: Literal["inverse", "off"] = "off"
    course: Sequence[float] = ()


def draw(span: Range, now: Sequence[Sum], before: Sequence[Sum]) -> None:
    """Both are sums by day and outcome."""
    for place, figure in zip(st.columns(4, gap="small"), figures(span, now, before), strict=True):
        with place:
            st.metric(
                figure.label,
                escaped(figure.value),
                escaped(figure.delta) or None,
                delta_color=_color(figure),
                help=escaped(figure.help),
                border=True,
                height="stretch",
                chart_data=figure.course or None,
                chart_type="bar",
                delta_arrow="down" if figure.delta.startswith(MINUS) else "auto",
            )


def _color(figure: Figure) -> Literal["off", "green", "red"]:
    """Whether a trend is a good one; Streamlit itself only takes a hyphen for a minus."""
    if figure.color == "off" or not figure.delta:
        return "off"
    return "green" if figure.delta.startswith(MINUS) else "red"


def figures(span: Range, now: Sequence[Sum], before: Sequence[Sum]) -> list[Figure]:
    """Of sums whose keys are a day and an outcome."""
    total, earlier = added(now), added(before)
    days = {day: added([each for each in now if each.key[0] == day]) for day in {each.key[0] for each in now}}
    ordered = [days.get(str(day)) for day in span.days()]
    failed, failed_before = (
        added([each for each in sums if each.key[1] == "failed"]) for sums in (now, before)
    )
    is_priced, was_priced = _is_priced(total, failed), _is_priced(earlier, failed_before)
    return [
        _cost(total, earlier, ordered, is_priced=is_priced, was_priced=was_priced),
        Figure(
            "Calls",
            short(total.calls),
            _tokens_help(total),
            _percent(trend(total.calls, earlier.calls)),
            course=_course(ordered, lambda each: float(each.calls)),
        ),
        _wait(total, earlier, ordered),
        _failures(failed.calls, total.calls, failed_before.calls, earlier.calls),
    ]


def added(sums: Sequence[Sum]) -> Sum:
    """The sum of all of them."""
    names = sums[0].numbers if sums else NUMBERS
    numbers: Mapping[str, float] = {name: sum(each.numbers[name] for each in sums) for name in names}
    return Sum((), numbers)


def _is_priced(total: Sum, failed: Sum) -> bool:
    """Whether the cost of every call is known, except for failed ones that reported no usage."""
    unknown, of_failed = (each.calls - each.known_count("cost_usd") for each in (total, failed))
    return unknown == of_failed


def _cost(
    total: Sum, earlier: Sum, ordered: Sequence[Sum | None], *, is_priced: bool, was_priced: bool
) -> Figure:
    cost, unknown = total.cost_usd, total.calls - total.known_count("cost_usd")
    if cost is None:
        value = "Unknown price" if total.calls else "$0"
        return Figure(
            "Cost",
            value,
            "The prices of these models are unknown." if total.calls else "No calls.",
        )
    missing = f"{counted(unknown, 'call')} had no known price" if not is_priced else ""
    if unknown and is_priced:
        missing = f"{counted(unknown, 'failed call')} reported no usage"
    return Figure(
        "Cost" if is_priced else "Known costs",
        money(cost),
        f"Based on list prices at the time.{f' {missing}, which is not included.' if missing else ''}",
        _percent(trend(cost, earlier.cost_usd)) if is_priced and was_priced else "",
        "inverse",
        _course(ordered, lambda each: each.cost_usd or 0.0) if is_priced else (),
    )


def _tokens_help(total: Sum) -> str:
    parts = []
    for name, noun in (("prompt_tokens", "in"), ("completion_tokens", "out")):
        tokens = total.total(name)
        parts.append(f"unknown tokens {noun}" if tokens is None else f"{tokens:,} tokens {noun}")
    estimated = f" Of {counted(total.estimated, 'call')} they are estimated." if total.estimated else ""
    return f"{counted(total.calls, 'call')} of models: {', '.join(parts)}.{estimated}"


def _wait(total: Sum, earlier: Sum, ordered: Sequence[Sum | None]) -> Figure:
    mean = total.mean("first_token_ms")
    if mean is None:
        return Figure("First word after", "–", "No call has produced a word yet.")  # noqa: RUF001  # the character that is meant
    return Figure(
        "First word after",
        seconds(mean / 1000),
        f"Average of {counted(total.known_count('first_token_ms'), 'call')}.",
        _percent(trend(mean, earlier.mean("first_token_ms"))),
        "inverse",
        _course(ordered, lambda each: each.mean("first_token_ms")),
    )


def _failures(failed: int, calls: int, failed_before: int, calls_before: int) -> Figure:
    if not calls:
        return Figure("Failed", "–", "No calls.")  # noqa: RUF001  # the character that is meant
    share = failed / calls
    delta = ""
    if calls_before:
        points = 100 * (share - failed_before / calls_before)
        delta = f"{points:+.1f} points".replace("-", MINUS) if round(points, 1) else ""
    value = f"{100 * share:.1f} %"
    return Figure("Failed", value, f"{failed:,} of {counted(calls, 'call')}.", delta, "inverse")


def seconds(value: float) -> str:
    """For example "0.4 s", "12 s"; "40 ms" if tenths of a second would say nothing."""
    if 0 < value < 0.1:
        return f"{1000 * value:.0f} ms"
    return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"


def _percent(change: float | None) -> str:
    if change is None or round(100 * change) == 0:
        return ""
    return f"{100 * change:+,.0f} %".replace("-", MINUS)


def _course(ordered: Sequence[Sum | None], number: Callable[[Sum], float | None]) -> Sequence[float]:
    """By day; empty for a single day, or if it is unknown for a day with calls."""
    if not 1 < len(ordered) <= MOST_DAYS:
        return ()
    values = [0.0 if each is None else number(each) for each in ordered]
    return () if any(value is None for value in values) else [value or 0.0 for value in values]
