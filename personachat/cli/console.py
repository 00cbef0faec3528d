"""Where commands write: results to stdout, everything else to stderr.

So every command works in a pipe. Text from elsewhere (a model, a file) never reaches a terminal with its
control characters, which could move the cursor or rename the window.
"""

from __future__ import annotations

import mmap
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from personachat.errors import PersonaChatError

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
DIM, RED, PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[0m"


def answer(text: str, *, end: str = "") -> None:
    """Write to stdout at once; unchanged into a pipe or file, without control characters on a terminal."""
    sys.stdout.write((plain(text) if sys.stdout.isatty() else text) + end)
    sys.stdout.flush()


def note(text: str, *, style: str = DIM, end: str = "\n") -> None:
    """Write to stderr; in colour on a terminal, unless NO_COLOR is set (no-color.org)."""
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    text = plain(text)
    sys.stderr.write((f"{style}{text}{PLAIN}" if coloured else text) + end)
    sys.stderr.flush()


def complain(message: str, hint: str = "") -> None:
    """One line on stderr for an error."""
    line = " ".join(f"{message} {hint}".split())
    note(f"personachat: {line}", style=RED)


def complain_of(error: PersonaChatError) -> None:
    complain(str(error), error.advice or error.hint)


def hand_out(content: bytes | Iterable[bytes], filename: str, output: Path | None) -> bool:
    """Write a file, complete or in parts, to stdout (None), into a folder or to a path; reports a failure."""
    parts = (content,) if isinstance(content, bytes) else content
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.writelines(parts)
        sys.stdout.buffer.flush()
        return True
    file = output / Path(filename).name if output.is_dir() else output
    try:
        with file.open("wb") as written:
            written.writelines(parts)
    except OSError as error:
        complain(f"{file} can't be written: {(error.strerror or 'no such place').lower()}.")
        return False
    note(str(file))
    return True


def taken_in(file: Path) -> bytes | None:
    """A file's content, or piped input (-); None if it can't be read, which is reported."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        complain(f"{file} can't be read: {(error.strerror or 'no such file').lower()}.")
        return None


@contextmanager
def mapped(file: Path) -> Iterator[bytes | mmap.mmap | None]:
    """A file on the disk, or piped input (-); None if it can't be read, which is reported."""
    if str(file) == "-" or not file.is_file() or not file.stat().st_size:
        yield taken_in(file)
        return
    try:
        opened = file.open("rb")
    except OSError:
        yield taken_in(file)  # reports why
        return
    with opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def plain(text: str) -> str:
    return CONTROL.sub("", text)
