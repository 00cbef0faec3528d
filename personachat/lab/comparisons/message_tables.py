"""Messages from a CSV file: its columns, and the messages in one of them. Pure.

A file may come from a spreadsheet of any country: commas, semicolons, tabs or bars separate the cells, and it
is UTF-8, UTF-16 or Windows-1252. The apostrophe that guards formulas in our own exports is removed.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from personachat.errors import QuestionSetInvalid
from personachat.history.csv_table import is_guarded
from personachat.lab.comparisons.model import MOST_ROUNDS

MOST_BYTES = 5_000_000
MOST_COLUMNS = 500

_DELIMITERS = ",;\t|"
_DELIMITER_LINE = re.compile(r"sep=([,;\t|])(?:\r\n?|\n)", re.IGNORECASE)
"""Excel reads it in a first line, so some programs write it."""
_ONE_COLUMN = "\x1f"
"""Separates cells in no file, so that each row is one."""


class _Spaced(csv.excel):
    """Spaces are allowed before a quotation mark."""

    skipinitialspace = True
    strict = True


class _Escaped(_Spaced):
    """A quotation mark within a text has a backslash before it, as some databases write it."""

    doublequote = False
    escapechar = "\\"


_DIALECTS = (_Spaced, _Escaped)
_USUAL_NAMES = (
    *("message", "messages", "question", "questions", "prompt", "prompts"),
    *("user", "input", "query", "text", "say", "nachricht", "frage"),
)


@dataclass(frozen=True, slots=True)
class MessageTable:
    """A file's rows, none wider than `names`; the first row contains the names if it `has_names`."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    has_names: bool
    likely: int
    """The column that probably contains the messages."""


@dataclass(frozen=True, slots=True)
class PickedMessages:
    """The messages of a column, each once, and how many rows were left out and why."""

    messages: tuple[str, ...]
    empty: int = 0
    repeated: int = 0
    too_many: int = 0


def read_table(content: bytes, *, file_name: str = "") -> MessageTable:
    """The table in a file. In a .txt file, each line is a message. Raises QuestionSetInvalid."""
    if len(content) > MOST_BYTES:
        raise QuestionSetInvalid(
            f"The file is larger than {MOST_BYTES // 1_000_000} MB.", hint="Remove what isn't needed."
        )
    text = _decoded(content).lstrip("\ufeff")
    if "\0" in text:
        raise QuestionSetInvalid("This isn't a text file.", hint="Save the table as CSV.")
    rows = [[line] for line in text.splitlines()] if file_name.casefold().endswith(".txt") else _rows(text)
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        raise QuestionSetInvalid("The file is empty.")
    width = max(map(len, rows))
    if width > MOST_COLUMNS:
        raise QuestionSetInvalid(
            f"The file has {width:,} columns; at most {MOST_COLUMNS} can be read.", hint="Remove some."
        )
    first = [cell.strip().casefold() for cell in rows[0]]
    usual = [number for name in _USUAL_NAMES for number, cell in enumerate(first) if cell == name]
    names = [f"Column {number}" for number in range(1, width + 1)]
    has_names = bool(usual) and len(rows) > 1
    if has_names:
        names[: len(first)] = [cell.strip() or name for cell, name in zip(rows[0], names, strict=False)]
    likely = usual[0] if usual else _longest(rows, width)
    return MessageTable(tuple(_unique(names)), tuple(map(tuple, rows)), has_names, likely)


def messages_of(table: MessageTable, column: int, *, has_names: bool) -> PickedMessages:
    """The messages in a column, whether the first row contains names or not. Raises QuestionSetInvalid."""
    if not 0 <= column < len(table.names):
        raise QuestionSetInvalid("There is no such column in the file.")
    rows = table.rows[1 if has_names else 0 :]
    cells = [_unguarded(row[column]).strip() if column < len(row) else "" for row in rows]
    messages = [cell for cell in cells if cell]
    once = tuple(dict.fromkeys(messages))
    return PickedMessages(
        once[:MOST_ROUNDS],
        empty=len(cells) - len(messages),
        repeated=len(messages) - len(once),
        too_many=max(0, len(once) - MOST_ROUNDS),
    )


def column_called(table: MessageTable, name: str) -> int:
    """The number of a column by its name, or by its number from 1. Raises QuestionSetInvalid."""
    first = [cell.strip().casefold() for cell in table.rows[0]]
    if name.strip().casefold() in first:
        return first.index(name.strip().casefold())
    if name.isascii() and name.isdecimal() and 1 <= int(name[:6]) <= len(table.names):
        return int(name[:6]) - 1
    raise QuestionSetInvalid(
        f"The file has no column “{name[:60]}”.",
        hint=f"It has {', '.join(cell.strip()[:40] for cell in table.rows[0][:8])}.",
    )


def _rows(text: str) -> list[list[str]]:
    line = _DELIMITER_LINE.match(text)
    delimiter = line[1] if line else _delimiter(text)
    table = text[line.end() :] if line else text
    for dialect in _DIALECTS:
        with suppress(csv.Error):
            return list(csv.reader(io.StringIO(table, newline=""), dialect, delimiter=delimiter))
    try:
        return _rows_as_they_are(table, delimiter)
    except csv.Error as error:
        raise QuestionSetInvalid(f"The file can't be read as CSV: {error}.") from error


def _rows_as_they_are(table: str, delimiter: str) -> list[list[str]]:
    """A file whose quotes follow no rule. An unclosed one would make one message of all later rows."""
    reader = csv.reader(io.StringIO(table, newline=""), delimiter=delimiter)
    rows, begins, last_begins = [], 1, 1
    for row in reader:
        rows.append(row)
        last_begins, begins = begins, reader.line_num + 1
    if begins - last_begins > 1 and rows[-1][-1].endswith(table[-5:]):
        raise QuestionSetInvalid(
            f"A quotation mark on line {last_begins} is never closed.", hint="Close it, or leave it out."
        )
    return rows


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _delimiter(text: str) -> str:
    """The separator: the most frequent one in the first row outside quotes.

    If there is none, the file has one column, and a comma is part of a message. But there may be a title
    above the row of names.
    """
    counts = dict.fromkeys(_DELIMITERS, 0)
    quoted = False
    for each in text.lstrip("\r\n"):
        if each == '"':
            quoted = not quoted
        elif not quoted and each in "\r\n":
            break
        elif not quoted and each in counts:
            counts[each] += 1
    if not any(counts.values()):
        below_title = "".join(text.lstrip()[:10_000].splitlines()[1:2])
        for delimiter in _DELIMITERS:
            names = [cell.strip().casefold() for cell in below_title.split(delimiter)]
            if len(names) > 1 and not set(names).isdisjoint(_USUAL_NAMES):
                return delimiter
        return _ONE_COLUMN
    return max(_DELIMITERS, key=lambda each: counts[each])


def _longest(rows: Sequence[Sequence[str]], width: int) -> int:
    lengths = [0] * width
    for row in rows[1:] or rows:
        for column, cell in enumerate(row):
            lengths[column] += len(cell)
    return lengths.index(max(lengths))


def _unguarded(cell: str) -> str:
    return cell[1:] if is_guarded(cell) else cell


def _unique(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    unique: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique
