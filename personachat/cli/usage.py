"""`personachat usage`: what model calls on this machine used, as a table, CSV or JSON.

It includes all calls in this machine's database.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from personachat.cli.console import answer, note, plain
from personachat.history.csv_table import cell
from personachat.usage.questions import UsageQuery
from personachat.usage.reading import UsageReader
from personachat.usage.speeds import Speed
from personachat.usage.sums import Sum

Format = Literal["table", "csv", "json"]

_NUMBERS = (
    "calls",
    "estimated",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost_usd",
    "cost_known",
    "retries",
    "mean_first_token_ms",
    "mean_duration_ms",
    "first_token_ms_p50",
    "first_token_ms_p95",
    "duration_ms_p50",
    "duration_ms_p95",
    "tokens_per_second_p50",
    "tokens_per_second_p95",
)
_IN_A_TABLE = (
    *("calls", "prompt_tokens", "completion_tokens", "cost_usd"),
    *("first_token_ms_p50", "first_token_ms_p95", "tokens_per_second_p50"),
)
_PAGE = 1000


def local_timezone() -> str:
    """The name of this machine's time zone; UTC if unknown."""
    named = os.environ.get("TZ", "").lstrip(":")
    link = named or str(Path("/etc/localtime").resolve())
    _, separator, name = link.rpartition("zoneinfo/")
    return name if separator else named or "UTC"


def show_sums(usage: UsageReader, question: UsageQuery, by: Sequence[str], *, file_format: Format) -> None:
    """Print a row per group, and one for the total."""
    names = usage.names()
    groups = [_row(*each, by, names) for each in usage.measured(question, by)] if by else []
    total = _row(*usage.measured_total(question), (), names)
    if file_format == "json":
        sums = {"timezone": question.zone.key, "total": total, "groups": groups}
        answer(json.dumps(sums, indent=2, ensure_ascii=False), end="\n")
    elif file_format == "csv":
        answer(_csv([*by, *_NUMBERS], groups if by else [total]))
    else:
        _print_table(groups, total, by)
        note(f"Days are in the time zone {question.zone.key}.")


def show_calls(usage: UsageReader, question: UsageQuery, *, file_format: Format) -> None:
    """Print every call, newest first, as CSV or as a line of JSON each."""
    cursor: str | None = None
    first = True
    while first or cursor:
        page = usage.calls(question, limit=_PAGE, cursor=cursor)
        rows = [_call(row) for row in page.calls]
        if file_format == "json":
            for row in rows:
                answer(json.dumps(row, ensure_ascii=False), end="\n")
        elif rows:
            answer(_csv(list(rows[0]), rows, head=first))
        first, cursor = False, page.next_cursor


def _call(row: Any) -> dict[str, Any]:
    call = {"person" if name == "owner" else name: value for name, value in row.items()}
    call.pop("process_id")
    return call | {"began_at": row["began_at"].isoformat()}


def _row(each: Sum, speed: Speed, by: Sequence[str], names: Any) -> dict[str, Any]:
    numbers = {
        "calls": each.calls,
        "estimated": each.estimated,
        "cost_usd": each.cost_usd,
        "cost_known": each.known_count("cost_usd"),
        "mean_first_token_ms": each.mean("first_token_ms"),
        "mean_duration_ms": each.mean("duration_ms"),
        **{f"{name}_p50": times.p50 for name, times in speed.times()},
        **{f"{name}_p95": times.p95 for name, times in speed.times()},
    }
    keys = {
        name: names.get(key, key) if name == "person" else key for name, key in zip(by, each.key, strict=True)
    }
    return keys | {name: numbers[name] if name in numbers else each.total(name) for name in _NUMBERS}


def _csv(columns: Sequence[str], rows: Sequence[dict[str, Any]], *, head: bool = True) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    if head:
        writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _print_table(groups: Sequence[dict[str, Any]], total: dict[str, Any], by: Sequence[str]) -> None:
    columns = [*by, *_IN_A_TABLE]
    lines = [[_cell(name, row.get(name)) for name in columns] for row in groups]
    lines.append(
        [*(["all", *[""] * (len(by) - 1)] if by else []), *(_cell(n, total[n]) for n in _IN_A_TABLE)]
    )
    heads = [name.replace("_", " ") for name in columns]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    for line in [heads, *lines]:
        cells = (
            cell.ljust(width) if number < len(by) else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        answer("  ".join(cells).rstrip(), end="\n")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "cost_usd":
        return f"${value:,.4f}"
    if name.startswith("tokens_per_second"):
        return f"{value:,.1f}"
    return f"{value:,.0f}" if isinstance(value, int | float) else plain(str(value))
