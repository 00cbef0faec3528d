"""The services of this process: built once from the settings, shared by pages, API and commands.

`parts` lists them and `building` connects them. `Services.of` returns the workspace of one owner (see
`workspace`). Pages, API and commands call nothing else.
"""

from __future__ import annotations

import atexit
import threading

from personachat.services.building import build_services
from personachat.services.parts import Services
from personachat.settings import load_settings
from personachat.telemetry import logs

__all__ = ["Services", "build_services", "built_services", "get_services", "reset_services"]

_lock = threading.Lock()
_services: Services | None = None


def get_services() -> Services:
    """This process's services, built at the first call. Raises SettingsInvalid."""
    global _services  # noqa: PLW0603  # one process, one set of running replies
    with _lock:
        if _services is None:
            settings = load_settings()
            logs.configure(settings)
            _services = build_services(settings)
        return _services


def built_services() -> Services | None:
    """This process's services, if they have been built; None otherwise."""
    return _services


def reset_services() -> None:
    """Close this process's services; the next `get_services` builds new ones.

    Also runs when the process exits: a process that only serves pages never calls it.
    """
    global _services
    with _lock:
        closing, _services = _services, None
        if closing is not None:
            closing.close()


atexit.register(reset_services)
