"""uvicorn's log lines, left to the server's own handler: uvicorn gives its loggers theirs at every start."""

from __future__ import annotations

from uvicorn.config import LOGGING_CONFIG


def leave_to_root() -> None:
    """Have every uvicorn that starts from now on hand its lines to the root logger."""
    LOGGING_CONFIG["loggers"].clear()
