"""What our server does when it starts and stops, for pages that Streamlit serves alone (Home.py).

The terminal shows what is missing and who may do what, and replies end before the server does. Streamlit
handles signals itself, and only its loop's thread may change that. Nothing else here depends on undocumented
parts of Streamlit.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from functools import partial

from streamlit.runtime import Runtime

from personachat.services import get_services, opening
from personachat.services.shutdown import drain_at
from personachat.settings import load_settings
from personachat.telemetry import logs
from personachat.ui import address, warmup

AGAIN_SECONDS = 0.2
TRIES = 100
"""A page may be requested before Streamlit handles signals. In a thread it never handles any."""

_lock = threading.Lock()
_prepared = False


def prepare() -> None:
    """Prepare all of this, once per process and before it warms up, unless our own server runs."""
    global _prepared  # noqa: PLW0603  # signals are the process's
    if _prepared or address.api_is_served():
        return
    if not Runtime.exists() or type(Runtime.instance()) is not Runtime:  # a test of a page
        return
    with _lock:
        if _prepared:
            return
        _prepared = True
    warmup.do_first(_open)
    loop = Runtime.instance()._get_async_objs().eventloop  # noqa: SLF001  # Streamlit has no public way
    loop.call_soon_threadsafe(_prepare, loop, TRIES)


def _open() -> None:
    logs.configure(load_settings(), always=True)
    opening.say_of_pages_alone(get_services())


def _prepare(loop: asyncio.AbstractEventLoop, tries: int) -> None:
    if not drain_at(signal.SIGTERM, signal.SIGINT) and tries:
        loop.call_later(AGAIN_SECONDS, partial(_prepare, loop, tries - 1))
