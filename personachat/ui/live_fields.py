"""How long a field waits before it is sent while someone types, such as "80ms", read without pandas.

Streamlit reads durations with pandas, whose import takes half a second and 40 MB. Everything here depends on
undocumented parts of Streamlit.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from streamlit.elements.widgets import text_widgets

SEARCH_PAUSE = "80ms"
"""Without a key until a search is made. Streamlit's own pause is three times as long."""

_MILLISECONDS = re.compile(r"(\d{1,5})ms")

_time_to_seconds = text_widgets.time_to_seconds  # type: ignore[attr-defined]  # it is not exported


def read_pauses_lightly() -> None:
    """Make Streamlit do so. Call it once per process; further calls do nothing."""
    text_widgets.time_to_seconds = _seconds  # type: ignore[attr-defined, assignment]  # Streamlit has no public way


def _seconds(length: float | timedelta | str | None, **options: Any) -> float | None:
    milliseconds = _MILLISECONDS.fullmatch(length) if isinstance(length, str) else None
    return int(milliseconds[1]) / 1000 if milliseconds else _time_to_seconds(length, **options)
