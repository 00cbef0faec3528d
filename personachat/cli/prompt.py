"""The person's message: a line at the prompt, or piped input."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from personachat.cli.console import note


def piped_text() -> str | None:
    """Piped input; None if stdin is a terminal."""
    if sys.stdin is None:  # closed by the parent process
        return ""
    if sys.stdin.isatty():
        return None
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace")


def ask(typed: str = "") -> str | None:
    """A line from the terminal, beginning with what was typed ahead; None at its end and on Ctrl-C."""
    try:
        if sys.stdout.isatty():
            with _typed_ahead(typed):
                return input("> ")
        note("> ", style="", end="")  # stdout is only for replies
        return sys.stdin.readline() or None
    except (EOFError, KeyboardInterrupt):
        note("")
        return None


@contextmanager
def _typed_ahead(text: str) -> Iterator[None]:
    """Inside this block, a prompt begins with this text, if the terminal can edit it."""
    readline = sys.modules.get("readline")
    if not text or readline is None:
        yield
        return
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        yield
    finally:
        readline.set_startup_hook(None)
