"""Reads files that are texts: JSON, JSONL, YAML, Modelfiles, Markdown, tables and prompts as such.

Each kind is told by what the text holds. What holds no persona is named, as far as it is known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from personachat.errors import ImportRefused
from personachat.jsontext.faults import excerpt
from personachat.jsontext.members import value_count
from personachat.personas.formats import json_files
from personachat.personas.formats.catalogue import (
    MOST_PERSONAS,
    Columns,
    FileContents,
    ImportedPersona,
    NoPersona,
)
from personachat.personas.formats.encodings import decoded
from personachat.personas.formats.json_slimming import slimmed
from personachat.personas.formats.programs import markdown, ollama, tables
from personachat.personas.formats.programs.registry import other_kind, reader_of
from personachat.personas.formats.sketches import Sketch, as_persona
from personachat.personas.formats.yaml_text import MOST_CHARACTERS, NoYaml, read_yaml

_MB = 1024 * 1024
_HINT = json_files.HINT
_JSON = re.compile(r"\s*(?:\{\s*(?:[\"}]|\w+\s*:|\Z)|\[\s*(?:[\[{\"\]\-0-9]|\Z|(?:true|false|null)\b))")
_YAML = re.compile(
    r"(?:\s*(?:#.*)?\n|---[^\n]*\n|%YAML[^\n]*\n)*(?:- |[\"']?[\w][\w .\-]{0,60}[\"']?\s*:(?:\s|\Z))"
)
_PAGES = {
    "<!doctype html": "a web page",
    "<html": "a web page",
    "<?xml": "an XML file",
    "<svg": "an SVG picture",
    "#!": "a script",
}
_SHOWN_KEYS = 6
_MOST_LINE_VALUES = 400_000
_LOOKED_AT = 20_000
"""So many characters tell what a text is."""

MOST_PROSE_CHARACTERS = 4 * _MB
"""Of a text that is no JSON."""


@dataclass(frozen=True, slots=True)
class _File:
    """A text that is to be read. `name` is without its folders; `origin` is what people are told."""

    text: str
    name: str
    origin: str
    columns: Mapping[str, str] | None
    left_out: tuple[str, ...]


def read(content: bytes, *, name: str, origin: str, columns: Mapping[str, str] | None = None) -> FileContents:
    """The personas of a text. Raises ImportRefused; PersonaInvalid for faults of a persona's own JSON."""
    text, losses, left_out = _text(content)
    if not text.strip():
        raise _none("The file is empty.")
    file = _File(text, name.rsplit("/", 1)[-1], origin, columns, left_out)
    contents = next(contents for kind in _KINDS if (contents := kind(file)) is not None)
    if not losses:
        return contents
    return replace(
        contents, arrivals=tuple(replace(each, losses=(*losses, *each.losses)) for each in contents.arrivals)
    )


def _text(content: bytes) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The text, what was lost in reading it, and the names of big extensions it was freed from."""
    head = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"\x00" in content[:64] and (wide := decoded(content)) and wide.text.lstrip()[:1] in ("{", "["):
        content, head = wide.text.encode("utf-8", "surrogatepass"), b"{"
    left_out: tuple[str, ...] = ()
    if head.startswith(b"{"):
        content, left_out = slimmed(content)
    if len(content) > json_files.MOST_JSON_BYTES:
        most = json_files.MOST_JSON_BYTES // _MB
        raise ImportRefused(f"The text is too large; the limit is {most} MB.", hint="Split it.")
    decoding = decoded(content)
    if decoding is None or _is_binary(decoding.text):
        raise _none("The file is not a text, picture or archive in a supported format.")
    return decoding.text, decoding.losses, left_out


def _is_binary(text: str) -> bool:
    return sum(sign < " " and sign not in "\t\r\n\f\x1b" for sign in text[:2_000]) > len(text[:2_000]) // 100


def _from_json(file: _File) -> FileContents | None:
    if not _JSON.match(file.text):
        return None
    if values := _json_lines(file.text):
        return _lines(values, file)
    return json_files.read_text(file.text, origin=file.origin, left_out=file.left_out, columns=file.columns)


def _not_endless(file: _File) -> None:
    """No prompt, and no table of them, is that long."""
    if len(file.text) > MOST_PROSE_CHARACTERS:
        raise ImportRefused(
            f"The text is too large; the limit is {MOST_PROSE_CHARACTERS // _MB} MB.", hint="Split it."
        )


def _from_modelfile(file: _File) -> FileContents | None:
    if not ollama.looks_like_modelfile(file.text):
        return None
    return _one(
        ollama.read_modelfile(file.text, filename=file.name), "modelfile", "an Ollama Modelfile", file
    )


def _from_front_matter(file: _File) -> FileContents | None:
    parts = markdown.split_front_matter(file.text)
    if parts is None:
        return None
    values, body = parts
    sketch = markdown.read_agent(values, body, name=file.name)
    return _one(sketch, "markdown", markdown.kind_of(values), file)


def _from_yaml(file: _File) -> FileContents | None:
    value = _yaml_value(file.text)
    if (contents := _of_value(value, file)) is not None:
        return contents
    if isinstance(value, dict) and any(isinstance(each, dict | list) for each in value.values()):
        raise _none(f"This is YAML, but not in a supported format: it has the keys {_keys(value)}.")
    return None


def _from_csv(file: _File) -> FileContents | None:
    table = tables.csv_table(file.text, columns=file.columns)
    return _table(table, "a table with columns (CSV)", file) if table else None


def _from_prose(file: _File) -> FileContents:
    for start, label in _PAGES.items():
        if file.text.lstrip().lower().startswith(start):
            raise _none(f"This looks like {label}, which contains no persona.")
    if not markdown.looks_like_prose(file.text):
        raise _none("The file contains no persona: it is not JSON, a prompt, a picture or a ZIP archive.")
    return _one(markdown.read_plain(file.text, name=file.name), "text", "a prompt in plain text", file)


_KINDS: tuple[Callable[[_File], FileContents | None], ...] = (
    _from_json,
    _not_endless,
    _from_modelfile,
    _from_front_matter,
    _from_yaml,
    _from_csv,
    _from_prose,
)


def _yaml_value(text: str) -> Any:
    """What a text says as YAML, where it looks like some; a text that is none may be a prompt."""
    if len(text) > MOST_CHARACTERS or not _YAML.match(text[:_LOOKED_AT]):
        return None
    try:
        return read_yaml(text)
    except NoYaml as error:
        if "fault" in str(error) and "!!" not in text:
            return None
        raise


def _of_value(value: Any, file: _File) -> FileContents | None:
    """What a value of YAML brings; None if nobody here knows it."""
    if not isinstance(value, dict | list):
        return None
    if isinstance(value, dict) and ("systemPrompt" in value or json_files.is_card_value(value)):
        return json_files.read_text(json.dumps(value, ensure_ascii=False), origin=file.origin)
    if reader := reader_of(value):
        return json_files.opened(reader, value, file.origin)
    if other := other_kind(value):
        raise json_files.no_persona(*other)
    if isinstance(value, list) and (table := tables.object_table(value, columns=file.columns)):
        return _table(table, "a list of prompts (YAML)", file)
    return None


def _json_lines(text: str) -> Sequence[Any]:
    """The objects of a text with one on each line; none where it is something else."""
    end = text.find("\n", len(text) - len(text.lstrip()))
    if end < 0 or text[:end].rstrip()[-1:] != "}" or not text[end : end + 1_000].lstrip().startswith("{"):
        return ()
    if text.count("\n") > MOST_PERSONAS * 3 or value_count(text) > _MOST_LINE_VALUES:
        raise ImportRefused(
            f"The file has more than {MOST_PERSONAS:,} lines or too many values.", hint="Split it."
        )
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or not all(line.lstrip()[:1] == "{" and line.rstrip()[-1:] == "}" for line in lines):
        return ()
    try:
        return [json.loads(line) for line in lines]
    except (ValueError, RecursionError):
        return ()


def _lines(values: Sequence[Any], file: _File) -> FileContents:
    first = values[0]
    if {"user_name", "character_name", "chat_metadata"} & first.keys() or "is_user" in first:
        raise json_files.no_persona("a SillyTavern chat", "Import it on the History page.")
    if file.columns is None and (reader := reader_of(first)):
        sketches = (sketch for value in values if reader.matches(value) for sketch in reader.read(value))
        return FileContents(_arrivals(sketches, reader.kind, reader.label, file))
    if file.columns is None and ("systemPrompt" in first or json_files.is_card_value(first)):
        return json_files.read_text(json.dumps(values, ensure_ascii=False), origin=file.origin)
    if table := tables.object_table(values, columns=file.columns):
        return _table(table, "a table with named columns (JSONL)", file)
    raise _none(f"These are lines of JSON, but none of their keys contains a prompt: {_keys(first)}.")


def _table(table: tables.Table, label: str, file: _File) -> FileContents:
    table_file = _arrivals(tables.read_table(table), "table", label, file)
    if not table_file:
        raise _none("None of the rows has a prompt.")
    return FileContents(table_file, columns=Columns(table.columns, dict(table.chosen)))


def _arrivals(sketches: Iterable[Sketch], kind: str, label: str, file: _File) -> tuple[ImportedPersona, ...]:
    some = list(islice(sketches, MOST_PERSONAS + 1))
    json_files.check_number(some)
    return tuple(as_persona(sketch, kind=kind, looks_like=label, origin=file.origin) for sketch in some)


def _one(sketch: Sketch, kind: str, label: str, file: _File) -> FileContents:
    return FileContents(_arrivals((sketch,), kind, label, file))


def _keys(value: Mapping[str, Any]) -> str:
    more = "…" if len(value) > _SHOWN_KEYS else ""
    return ", ".join(excerpt(key, most=30) for key in list(value)[:_SHOWN_KEYS]) + more


def _none(message: str) -> NoPersona:
    return NoPersona(message, hint=_HINT)
