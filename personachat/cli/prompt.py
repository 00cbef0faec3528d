"""What the person says: a line at the prompt, or what is piped in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from personachat.cli.console import note


def piped_text() -> str | None:
    """What is piped in; None where stdin is a terminal."""
    if sys.stdin is None:  # closed by whoever started us
        return ""
    if sys.stdin.isatty():
        return None
    return sys.stdin.buffer.read().decode("utf-8-sig", "replace")


def ask(typed: str = "") -> str | None:
    """A line from the terminal, which begins with what was typed ahead; None at its end and on Ctrl-C."""
    try:
        if sys.stdout.isatty():
            with _typed_ahead(typed):
                return input("> ")
        note("> ", style="", end="")  # stdout is for the replies alone
        return sys.stdin.readline() or None
    except (EOFError, KeyboardInterrupt):
        note("")
        return None


@contextmanager
def _typed_ahead(text: str) -> Iterator[None]:
    """Within, a prompt begins with this text, where it can be edited at all."""
    readline = sys.modules.get("readline")
    if not text or readline is None:
        yield
        return
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        yield
    finally:
        readline.set_startup_hook(None)
