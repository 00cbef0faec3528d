"""What the APIs say of themselves, made once in a process: it takes longer than most tests."""

from __future__ import annotations

from functools import cache
from typing import Any

from personachat.api.app import create_api
from personachat.api.v1.app import create_v1


@cache
def descriptions() -> dict[str, dict[str, Any]]:
    """By where the API is; not to be changed."""
    return {"/api": create_api().openapi(), "/v1": create_v1().openapi()}
