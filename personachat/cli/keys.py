"""Single keys from the terminal while a reply streams.

Inside `pressed_keys` the terminal delivers each key as it is pressed and shows none. However that ends, its
state is restored. Ctrl-C and Ctrl-Z stay signals: the shell gets back a working terminal.
"""

from __future__ import annotations

import codecs
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Any

TERMINATED = 128 + 15
"""The exit code after a SIGTERM."""


class Keys:
    """The pressed keys; none if there is no terminal."""

    def read(self) -> str:
        """The keys pressed since the last call; "" for none. Never waits."""
        return ""


class TerminalKeys(Keys):
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    def read(self) -> str:
        if not _is_ours(self._descriptor) or not select.select([self._descriptor], [], [], 0)[0]:
            return ""
        try:
            return self._decoder.decode(os.read(self._descriptor, 4096))
        except OSError:  # the terminal is gone
            return ""


def has_keys() -> bool:
    """Whether single keys can be read: only from a terminal, and not on Windows."""
    try:
        return sys.platform != "win32" and sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # closed
        return False


@contextmanager
def pressed_keys() -> Iterator[Keys]:
    """Inside this block, keys come one by one."""
    if sys.platform == "win32" or not has_keys():
        yield Keys()
        return
    import termios  # noqa: PLC0415  # not everywhere
    import tty  # noqa: PLC0415  # there is none on Windows

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def restore() -> None:
        with suppress(termios.error, OSError):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    def one_by_one() -> None:
        if _is_ours(descriptor):
            with suppress(termios.error, OSError):
                tty.setcbreak(descriptor, termios.TCSADRAIN)

    with ExitStack() as stack:
        stack.callback(restore)
        stack.enter_context(_handled(signal.SIGTSTP, _suspending(restore, one_by_one)))
        stack.enter_context(_handled(signal.SIGTERM, _terminate))
        one_by_one()
        yield TerminalKeys(descriptor)


def _is_ours(descriptor: int) -> bool:
    """Whether this process is in the terminal's foreground; reading in the background would stop it."""
    if sys.platform == "win32":
        return False
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


def _suspending(leave: Callable[[], None], enter: Callable[[], None]) -> Callable[[int, Any], None]:
    """Ctrl-Z: restore the terminal for the shell until the process is continued."""

    def suspend(number: int, _: FrameType | None) -> None:
        leave()
        ours = signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.signal(number, ours)  # it continues here
        enter()

    return suspend


def _terminate(_: int, __: FrameType | None) -> None:
    raise SystemExit(TERMINATED)


@contextmanager
def _handled(number: signal.Signals, handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Handle a signal inside this block, unless it is being ignored."""
    before = signal.getsignal(number)
    if before is signal.SIG_IGN:
        yield
        return
    signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)
