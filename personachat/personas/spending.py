"""What a persona's own text can have spent without anybody who starts it: tests that begin by themselves.

Whoever runs the server decides that, so it does not come along with a file, a link or a template.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TESTS = "tests"
"""Where in its extensions a persona says what of its tests is run; see `personachat.lab.on_save`."""

SPENDING = ("onSave", "maxCostUsd", "sampling")
"""What there starts tests, and what those may cost."""


def without_spending(extensions: Mapping[str, Any]) -> dict[str, Any]:
    """A persona's extensions without what starts tests by itself."""
    tests = extensions.get(TESTS)
    if not isinstance(tests, dict):
        return dict(extensions)
    return {**extensions, TESTS: {name: value for name, value in tests.items() if name not in SPENDING}}
