"""Prompts in tables: CSV with any sign between its columns, JSONL, and JSON lists of objects.

Which columns are the name and the prompt is guessed from their names, then from their texts; whoever imports
can name them instead.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from personachat.errors import ImportRefused
from personachat.personas.formats.catalogue import MOST_PERSONAS
from personachat.personas.formats.sketches import Sketch, as_text, texts

ROLES = ("name", "prompt", "description", "greeting", "tags", "model")
"""What a column can be to a persona."""

MOST_COLUMNS = 100

_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "prompt": (
        *("prompt", "systemprompt", "system", "instructions", "instruction", "systemmessage", "persona"),
        *("content", "text", "template", "body", "message"),
    ),
    "name": ("act", "name", "title", "role", "character", "agent", "persona", "label", "command", "id"),
    "description": ("description", "desc", "summary", "purpose", "about"),
    "greeting": ("greeting", "firstmessage", "firstmes", "openingmessage"),
    "tags": ("tags", "categories", "category", "labels", "type"),
    "model": ("model", "modelname", "llm"),
}
_HEADER = re.compile(r"[^.!?;\n]{1,60}")
_HINT = "Name the columns in the first line. One of them must be called prompt."


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by column. `chosen` says which column is what, by role."""

    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    chosen: Mapping[str, str]


def csv_table(text: str, *, columns: Mapping[str, str] | None = None) -> Table | None:
    """The table that a text is; None if it is none, or nothing in it can be a prompt."""
    sample = text[:20_000]
    first = sample.lstrip("\r\n").split("\n", 1)[0]
    for sign in sorted(",;\t|", key=first.count, reverse=True):
        if sign not in first:
            continue
        rows = _rows(text, sign)
        if rows and (table := _table(rows, columns)):
            return table
    return None


def object_table(values: Sequence[Any], *, columns: Mapping[str, str] | None = None) -> Table | None:
    """The table that a list of objects is; None if nothing in it can be a prompt."""
    rows = [each for each in values if isinstance(each, dict)]
    if not rows or len(rows) < len(values):
        return None
    names = tuple(dict.fromkeys(str(key) for row in rows[:200] for key in row))
    if len(names) > MOST_COLUMNS:
        return None
    column_of_role = _column_of_role(names, rows, columns)
    return Table(names, tuple(rows), column_of_role) if "prompt" in column_of_role else None


def read_table(table: Table) -> Iterable[Sketch]:
    """One persona a row that has a prompt."""
    if len(table.rows) > MOST_PERSONAS:
        raise ImportRefused(f"The table has more than {MOST_PERSONAS:,} rows.", hint="Split it.")
    column_of_role = table.chosen
    for number, row in enumerate(table.rows, 1):
        prompt = as_text(row.get(column_of_role["prompt"]))
        if not prompt.strip():
            continue
        sketch = Sketch(
            name=as_text(row.get(column_of_role.get("name", ""))) or f"Row {number}",
            prompt=prompt,
            description=as_text(row.get(column_of_role.get("description", ""))),
            greeting=as_text(row.get(column_of_role.get("greeting", ""))),
            tags=_tags(row.get(column_of_role.get("tags", ""))),
            model=as_text(row.get(column_of_role.get("model", ""))) or None,
        )
        used = set(column_of_role.values())
        sketch.leave_out({key: each for key, each in row.items() if each not in ("FALSE", "false")}, used)
        yield sketch


def _lines(text: str) -> Iterator[str]:
    """The lines with their ends, one after the other."""
    at = 0
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        yield text[at:end]
        at = end


def _rows(text: str, sign: str) -> list[list[str]] | None:
    rows = []
    try:
        for row in csv.reader(_lines(text), delimiter=sign, strict=True):
            if row:
                rows.append(row)
            if len(rows) > MOST_PERSONAS + 1:
                break
    except csv.Error:
        return None
    return rows


def _table(rows: list[list[str]], columns: Mapping[str, str] | None) -> Table | None:
    names = tuple(name.strip().lstrip("\ufeff") for name in rows[0])
    if not 2 <= len(names) <= MOST_COLUMNS or len(set(names)) < len(names) or len(rows) < 2:
        return None
    if not all(_HEADER.fullmatch(name) for name in names):
        return None
    if any(len(row) > len(names) for row in rows) or not any(len(row) == len(names) for row in rows[1:]):
        return None
    dicts = tuple(dict(zip(names, row, strict=False)) for row in rows[1:])
    column_of_role = _column_of_role(names, dicts, columns)
    named_columns = {_plain(name) for name in names} & {
        each for names in _SYNONYMS.values() for each in names
    }
    even = all(len(row) == len(names) for row in rows)
    if "prompt" not in column_of_role or not (named_columns or columns or (even and len(rows) > 2)):
        return None
    return Table(names, dicts, column_of_role)


def _column_of_role(
    names: Sequence[str], rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str] | None
) -> dict[str, str]:
    """Which column is what: as somebody chose, else as it is called, else as it reads."""
    if columns:
        unknown = [column for column in columns.values() if column not in names]
        if unknown:
            raise ImportRefused(
                f'There is no column "{unknown[0][:60]}".',
                hint=(f"The columns are: {', '.join(names)[:300]}."),
            )
        return dict(columns)
    column_of: dict[str, str] = {}
    plain = {_plain(name): name for name in names}
    for role, synonyms in _SYNONYMS.items():
        name = next(
            (plain[each] for each in synonyms if each in plain and plain[each] not in column_of.values()),
            None,
        )
        if name is not None:
            column_of[role] = name
    lengths = {name: _mean_length(rows, name) for name in names if name not in column_of.values()}
    if "prompt" not in column_of and lengths and max(lengths.values()) >= 15:
        column_of["prompt"] = max(lengths, key=lengths.__getitem__)
        del lengths[column_of["prompt"]]
    if "prompt" in column_of and "name" not in column_of:
        short = [name for name, length in lengths.items() if 0 < length <= 60 and _are_different(rows, name)]
        column_of |= {"name": short[0]} if short else {}
    return column_of


def _mean_length(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    lengths = [len(row[name]) for row in rows[:50] if isinstance(row.get(name), str)]
    return sum(lengths) / len(lengths) if lengths else 0


def _are_different(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    values = [str(row.get(name)) for row in rows[:50]]
    return len(set(values)) == len(values)


def _tags(value: Any) -> list[str]:
    if isinstance(value, str):
        return [tag.strip() for tag in re.split(r"[,;|]", value) if tag.strip()]
    return texts(value)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
