"""The names of runs in a selection field, which tells its options apart only by their labels.

So no two have the same name, and none changes while the page is open.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from personachat.lab.runs.model import Run
from personachat.ui.wording import distinct

ENDS = {
    "running": "running",
    "finished": "finished",
    "cancelled": "cancelled",
    "limit": "stopped at the cost limit",
    "interrupted": "interrupted",
}


def run_names(runs: Iterable[Run], *, zone: tzinfo, with_state: bool = True) -> dict[str, str]:
    """The names by the runs' ids, in order; times are in the viewer's time zone."""
    names: dict[str, str] = {}
    for run in runs:
        began = run.began_at.astimezone(zone)
        parts = [
            f"{began.day} {began:%b %Y, %H:%M:%S}",
            f"persona {run.persona_revision[:8]}" if run.persona_revision else "draft",
            run.model,
            ENDS[run.state] if with_state else "",
        ]
        names[run.id] = ", ".join(filter(None, parts))
    return distinct(names)
