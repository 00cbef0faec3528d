"""Work that the first page and the first reply would otherwise wait for, done once in the background.

The SDK, the first Markdown parser and the first database access take time. The first page is drawn at once
and then kept running until all of it is ready, so that the first message finds a warm process.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError

from personachat.errors import PersonaChatError
from personachat.settings import load_settings
from personachat.ui import faces, script_runs, streamlit_logs
from personachat.ui.chat.markdown import pieces_of

log = logging.getLogger(__name__)

SLICE_SECONDS = 0.05
"""Seconds that a click may wait while the first page is kept running."""

_lock = threading.Lock()
_thread: threading.Thread | None = None
_first: list[Callable[[], object]] = []


def do_first(work: Callable[[], object]) -> None:
    """Do this before the rest, whoever starts it."""
    _first.append(work)


def begin() -> None:
    """Start warming up, unless this process has already started."""
    global _thread  # noqa: PLW0603  # one process is warmed once
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=_run, name="personachat-warm-up", daemon=True)
            _thread.start()


def hold() -> None:
    """Keep a drawn page running until the process is warm; a click ends it as usual."""
    while _thread is not None and _thread.is_alive():
        _thread.join(SLICE_SECONDS)
        script_runs.touch()


def _run() -> None:
    for step in (_log_as_set, *_first, _parse, faces.warm_up):
        try:
            step()
        except (RuntimeError, CancelledError, TimeoutError):
            log.debug("Warming up was cut short")
        except PersonaChatError as error:  # whoever needs it gets the error
            log.debug("Warming up failed: %s", error.code)
        except Exception:
            log.exception("Warming up failed; what is used first will be slower")
    gc.freeze()  # what lasts needn't be examined again and again, not even now: that delays everything
    gc.enable()  # see the command `serve`


def _log_as_set() -> None:
    streamlit_logs.follow(load_settings())


def _parse() -> None:
    pieces_of("# Warm\n\nup\n" * 60)
