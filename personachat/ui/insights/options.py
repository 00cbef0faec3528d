"""ECharts options. Pure: names and numbers in, JSON out.

No option has a formatter with our words around those of a row: such a template is HTML. ECharts' own tooltips
show names as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Values = Sequence[float | None]

LEGEND: dict[str, Any] = {"type": "scroll", "bottom": 0}
NAME_WIDTH = 120
"""Pixels; longer names are cut, and complete in the tooltip and the table."""


def by_day(
    days: Sequence[str],
    series: Mapping[str, Values],
    *,
    value_format: str,
    axis: str = "{value}",
    kind: str = "bar",
    stacked: bool = True,
    marks: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Values by day: stacked bars, or lines. `marks` are days to mark, with their labels.

    `axis` is the format of the axis for a {value}.
    """
    drawn_series = [
        {
            "name": name,
            "type": kind,
            "data": list(values),
            "emphasis": {"focus": "series"},
            **({"stack": "all"} if stacked else {}),
            **(
                {"showSymbol": len(days) <= 31, "connectNulls": True}
                if kind == "line"
                else {"barMaxWidth": 40}
            ),
        }
        for name, values in series.items()
    ]
    if marks and drawn_series:
        drawn_series[0]["markLine"] = {
            "symbol": "none",
            "animation": False,
            "silent": True,
            "lineStyle": {"type": "dashed", "color": "#888888"},
            "label": {"formatter": "{b}", "position": "end", "color": "#888888"},
            "data": [{"name": name, "xAxis": day} for day, name in marks],
        }
    return {
        "tooltip": _tooltip(value_format, pointer="shadow" if kind == "bar" else "line"),
        "legend": LEGEND,
        "grid": {"left": 8, "right": 16, "top": 28, "bottom": 56, "containLabel": True},
        "xAxis": {"type": "category", "data": list(days), "axisLabel": {"hideOverlap": True}},
        "yAxis": _values(axis, value_format),
        "series": drawn_series,
    }


def by_name(
    names: Sequence[str],
    series: Mapping[str, Values],
    *,
    value_format: str,
    axis: str = "{value}",
    stacked: bool = False,
) -> dict[str, Any]:
    """Values by name, as bars from the left; the first name is at the top."""
    drawn_series = [
        {
            "name": name,
            "type": "bar",
            "data": list(values),
            "barMaxWidth": 22,
            **({"stack": "all"} if stacked else {}),
        }
        for name, values in series.items()
    ]
    return {
        "tooltip": _tooltip(value_format, pointer="shadow"),
        "legend": LEGEND if len(drawn_series) > 1 else {"show": False},
        "grid": {
            "left": 8,
            "right": 24,
            "top": 8,
            "bottom": 48 if len(drawn_series) > 1 else 24,
            "containLabel": True,
        },
        "xAxis": _values(axis, value_format),
        "yAxis": _names(names),
        "series": drawn_series,
    }


def intervals(
    names: Sequence[str], shares: Values, bounds: Sequence[tuple[float, float]], *, of: str = "Thumbs up"
) -> dict[str, Any]:
    """Shares with their intervals, in percent; the first name is at the top."""
    lows, highs = ([100 * each[end] for each in bounds] for end in (0, 1))
    return {
        "tooltip": _tooltip("%.0f %%", pointer="shadow"),
        "legend": {"show": False},
        "grid": {"left": 8, "right": 24, "top": 8, "bottom": 24, "containLabel": True},
        "xAxis": {
            "type": "value",
            "min": 0,
            "max": 100,
            "interval": 25,
            "axisLabel": _axis_label("{value} %"),
        },
        "yAxis": _names(names),
        "series": [
            # A bar from the lower end to the upper one stands on an invisible one.
            _part_of_bar(of, lows, color="transparent"),
            _part_of_bar(of, [high - low for low, high in zip(lows, highs, strict=True)], opacity=0.35),
            {
                "name": of,
                "type": "scatter",
                "data": [None if share is None else 100 * share for share in shares],
                "symbolSize": 13,
                "itemStyle": {"borderColor": "#ffffff", "borderWidth": 1.5},
            },
            _end_of_bar("At least", lows),
            _end_of_bar("At most", highs),
        ],
    }


def _part_of_bar(name: str, lengths: Sequence[float], **style: Any) -> dict[str, Any]:
    """The tooltip leaves it out: the label says where the ends are. Equal names have the same colour."""
    return {
        "name": name,
        "type": "bar",
        "stack": "interval",
        "data": lengths,
        "itemStyle": style,
        "barMaxWidth": 10,
        "silent": True,
        "tooltip": {"show": False},
    }


def _end_of_bar(name: str, values: Sequence[float]) -> dict[str, Any]:
    return {
        "name": name,
        "type": "scatter",
        "data": values,
        "symbol": "rect",
        "symbolSize": [2, 14],
        "itemStyle": {"color": "#888888"},
    }


def _names(names: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "category",
        "data": list(names),
        "inverse": True,
        "axisLabel": {"width": NAME_WIDTH, "overflow": "truncate"},
    }


def _values(axis: str, value_format: str) -> dict[str, Any]:
    """The axis of values; counts have no marks between whole numbers."""
    steps = {"minInterval": 1} if value_format.endswith("d") else {}
    return {"type": "value", "axisLabel": _axis_label(axis), "splitNumber": 4, **steps}


def _axis_label(axis: str) -> dict[str, Any]:
    return {"hideOverlap": True, "formatter": axis}


def _tooltip(value_format: str, *, pointer: str) -> dict[str, Any]:
    return {
        "trigger": "axis",
        "axisPointer": {"type": pointer},
        "valueFormatter": value_format,
        "confine": True,
    }
