"""What the first page and the first reply would otherwise wait for, done once, beside them.

The SDK, the first Markdown parser and the first look into the database take their time. The first page is
drawn at once and then held until all of it is there, so that whoever sends the first message has a warm
process.
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
"""How long a click may wait while the first page is held."""

_lock = threading.Lock()
_thread: threading.Thread | None = None
_first: list[Callable[[], object]] = []


def do_first(work: Callable[[], object]) -> None:
    """Have this done before the rest, whoever begins."""
    _first.append(work)


def begin() -> None:
    """Begin to warm up, unless somebody in this process has begun already."""
    global _thread  # noqa: PLW0603  # one process is warmed once
    with _lock:
        if _thread is None:
            _thread = threading.Thread(target=_run, name="personachat-warm-up", daemon=True)
            _thread.start()


def hold() -> None:
    """Keep a page that is drawn from ending before the process is warm; a click ends it as ever."""
    while _thread is not None and _thread.is_alive():
        _thread.join(SLICE_SECONDS)
        script_runs.touch()


def _run() -> None:
    for step in (_log_as_set, *_first, _parse, faces.warm_up):
        try:
            step()
        except (RuntimeError, CancelledError, TimeoutError):
            log.debug("Warming up was cut short")
        except PersonaChatError as error:  # whoever needs it is told
            log.debug("Warming up failed: %s", error.code)
        except Exception:
            log.exception("Warming up failed; what is used first will be slower")
    gc.freeze()  # what stays need not be looked through again and again, not even now: that holds all up
    gc.enable()  # see the command `serve`


def _log_as_set() -> None:
    streamlit_logs.follow(load_settings())


def _parse() -> None:
    pieces_of("# Warm\n\nup\n" * 60)
