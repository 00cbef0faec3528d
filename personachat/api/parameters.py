"""Unknown parameters are refused: whoever misspells one would get the answer to another question.

Only endpoints that take some are so strict; others don't look at any.
"""

from __future__ import annotations

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Query
from fastapi.routing import APIRoute


async def known_parameters(request: Request) -> None:
    """Raises RequestValidationError with the names of those that this endpoint doesn't take."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    names = {field.alias for field in get_flat_params(route.dependant) if isinstance(field.field_info, Query)}
    unknown_names = sorted(set(request.query_params) - names) if names else []
    if unknown_names:
        message = f"Unknown parameter. Choose from: {', '.join(sorted(names))}"
        raise RequestValidationError(
            [{"type": "parameter_unknown", "loc": ("query", name), "msg": message} for name in unknown_names]
        )
