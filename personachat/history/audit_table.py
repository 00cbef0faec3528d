"""The audit as a table (RFC 4180); a spreadsheet treats no cell as a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from personachat.accounts.audit import AuditEvent
from personachat.history.csv_table import cell

COLUMNS = ("id", "at", "actor", "actor_name", "action", "kind", "target", "before", "after")


def audit_csv(events: Iterable[AuditEvent]) -> Iterator[str]:
    """The table, line by line; the first line names the columns."""
    yield _line(COLUMNS)
    for event in events:
        yield _line(
            [
                event.id,
                cell(event.at),
                cell(event.actor),
                cell(event.actor_name),
                event.action,
                event.kind,
                cell(event.target),
                cell(_json(event.before)),
                cell(_json(event.after)),
            ]
        )


def _json(mapping: Mapping[str, Any] | None) -> str:
    return "" if mapping is None else json.dumps(mapping, ensure_ascii=False, sort_keys=True)


def _line(cells: Iterable[object]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()
