"""A chart answers the question in its title: drawn, in words, as a table and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from personachat.history.csv_table import cell
from personachat.ui.wording import escaped

MOST_TABLE_ROWS = 100
HEIGHT = 300
ROW_HEIGHT = 34
UNKNOWN = "–"  # noqa: RUF001  # a dash, as in any table


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`rows` are its numbers, under `columns`; None is unknown. `alt` describes what can be seen."""

    key: str
    question: str
    option: Mapping[str, Any]
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    alt: str
    empty: str
    """What to do to get data, in Markdown."""
    caption: str = ""
    """Below the title, in Markdown."""
    height: int = HEIGHT


def draw(chart: Chart) -> None:
    """Draw it with its table and its CSV; or what to do to get data."""
    with st.container(border=True, key=f"chart_{chart.key}", gap="small"):
        st.subheader(chart.question, anchor=False)
        if chart.caption:
            st.caption(chart.caption)
        if not chart.rows:
            st.info(chart.empty, icon=":material/query_stats:")
            return
        st.echarts_chart(chart.option, height=chart.height, alt=chart.alt, key=f"echarts_{chart.key}")
        draw_numbers(chart.key, chart.columns, chart.rows)


def draw_numbers(key: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """The same as a table that screen readers can read, and as a file."""
    with st.expander("View as table", icon=":material/table:", type="compact"):
        st.markdown(table(columns, rows[:MOST_TABLE_ROWS]))
        if len(rows) > MOST_TABLE_ROWS:
            st.caption(f"The first {MOST_TABLE_ROWS} of {len(rows):,} rows. The CSV has all of them.")
        st.download_button(
            "Download as CSV",
            data=lambda: csv_bytes(columns, rows),  # made when it is asked for: a year's takes a while
            file_name=f"insights-{key.replace('_', '-')}.csv",
            mime="text/csv",
            icon=":material/download:",
            key=f"csv_{key}",
            on_click="ignore",
        )


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table of plain text; numbers are on the right."""
    is_number = [any(isinstance(row[at], (int, float)) for row in rows) for at in range(len(columns))]
    lines = [
        " | ".join(map(escaped, columns)),
        " | ".join("---:" if right else "---" for right in is_number),
        *(" | ".join(_words(value) for value in row) for row in rows),
    ]
    return "\n".join(f"| {line} |" for line in lines)


def _words(value: object) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, float):
        return escaped(f"{value:,.4f}".rstrip("0").rstrip("."))
    return escaped(f"{value:,}" if isinstance(value, int) else str(value))


def csv_bytes(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """RFC 4180, in UTF-8 with the mark that Excel needs; unknown values are empty."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")
