"""What fails? By error code and model, with the message that people saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from personachat.insights.service import Insights
from personachat.ui.chat.transcript import TITLES
from personachat.ui.insights import chart, options
from personachat.ui.insights.chart import Chart
from personachat.ui.insights.filters import ChosenPeriod
from personachat.ui.insights.names import NONE
from personachat.ui.wording import counted
from personachat.usage.sums import Sum

NUMBERS: Final = ("calls", "cost_usd", "cost_usd_known")
"""The sums that are read: the failed calls, in the order of their cost."""

MOST_CODES = 12
MOST_MODELS = 5
QUESTION = "Which failures happen, and with which model?"


def draw(insights: Insights, period: ChosenPeriod) -> None:
    failed = replace(period.question, outcome="failed")
    sums = insights.usage.summed(failed, ("error", "model"), numbers=NUMBERS)
    codes = [code for code, _ in _counted(sums).most_common(MOST_CODES)]
    chart.draw(failures(sums, insights.sentences(failed, [code for code in codes if code])))


def failures(sums: Sequence[Sum], sentences: Mapping[str, str]) -> Chart:
    """Of sums by error code and model."""
    codes = _counted(sums)
    shown_codes = [code for code, _ in codes.most_common(MOST_CODES)]
    models = Counter[str]()
    for each in sums:
        models[each.key[1] or NONE] += each.calls
    largest = [model for model, _ in models.most_common(MOST_MODELS)]
    series: dict[str, list[float | None]] = {}
    for each in sums:
        code, model = each.key[0] or "", each.key[1] or NONE
        if code in shown_codes:
            name = model if model in largest else "All other models"
            values = series.setdefault(name, [None] * len(shown_codes))
            at = shown_codes.index(code)
            values[at] = (values[at] or 0) + each.calls
    most = (
        f" Most often: {_title(shown_codes[0])}, {counted(codes[shown_codes[0]], 'time')}."
        if shown_codes
        else ""
    )
    return Chart(
        key="failures",
        question=QUESTION,
        option=options.by_name(
            [_title(code) for code in shown_codes], series, value_format="%,d", stacked=True
        ),
        columns=("error", "message", "code", "model", "calls"),
        rows=[
            (
                _title(each.key[0] or ""),
                sentences.get(each.key[0] or "", ""),
                each.key[0] or NONE,
                each.key[1] or NONE,
                each.calls,
            )
            for each in sorted(sums, key=lambda each: -each.calls)
        ],
        alt=f"{QUESTION}{most}",
        empty="No failures in this period.",
        height=max(150, 90 + chart.ROW_HEIGHT * len(shown_codes)),
    )


def _counted(sums: Sequence[Sum]) -> Counter[str]:
    codes = Counter[str]()
    for each in sums:
        codes[each.key[0] or ""] += each.calls
    return codes


def _title(code: str) -> str:
    return TITLES.get(code, code) or NONE
