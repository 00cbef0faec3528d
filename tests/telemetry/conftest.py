"""No OTEL_* variable of whoever runs the tests reaches them."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def no_telemetry_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
