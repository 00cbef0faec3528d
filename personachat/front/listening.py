"""The server that runs this app: what it says of itself, which ASGI has no word for.

uvicorn gives an app its lifespan through the methods of an object that knows the server's configuration.
Other servers tell nothing; then every connection is judged by the address it came in at.
"""

from __future__ import annotations

from starlette.types import Receive, Scope
from uvicorn import Config

from personachat.access import is_loopback


def server_of(receive: Receive) -> Config | None:
    """The configuration of the uvicorn that runs this app, from the `receive` of its lifespan."""
    config = getattr(getattr(receive, "__self__", None), "config", None)
    return config if isinstance(config, Config) else None


def came_in_on_loopback(scope: Scope) -> bool:
    end = scope.get("server")
    return end is not None and is_loopback(end[0])
