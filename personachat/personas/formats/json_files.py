"""Reads JSON of every kind a persona comes in: our own, a list of them, cards, files of other programs.

What a JSON object is, its keys tell. A persona's own text is taken to the letter, but for the indentation
it had inside a list. Faults in it are told with their place in the whole file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import islice
from typing import Any

from personachat.errors import ImportRefused, PersonaInvalid, Problem
from personachat.jsontext.faults import excerpt, line_of
from personachat.jsontext.layout import dedented, laid_out
from personachat.jsontext.members import MOST_PERSONA_VALUES, MemberText, Torn, pieces, value_count
from personachat.personas.formats import open_webui
from personachat.personas.formats.cards import card
from personachat.personas.formats.cards.text import decoded
from personachat.personas.formats.catalogue import (
    MOST_PERSONAS,
    Columns,
    FileContents,
    ImportedPersona,
    NoPersona,
)
from personachat.personas.formats.programs import tables
from personachat.personas.formats.programs.reader import Reader
from personachat.personas.formats.programs.registry import other_kind, reader_of
from personachat.personas.formats.sketches import as_persona
from personachat.personas.persona import Persona, dump_persona, parse_persona

MOST_JSON_BYTES = 16 * 1024 * 1024
"""Of all the JSON in one file."""

_SPACE = " \t\n\r"
HINT = "Choose a persona, a character card, a prompt, or a file from a supported program."
_TABLE = "a list of prompts (JSON)"
_OWN_KEYS = frozenset(entry.alias or name for name, entry in Persona.model_fields.items())
_CARD_KEYS = frozenset({"first_mes", "mes_example", "personality", "scenario"})


def read_text(
    text: str, *, origin: str, left_out: Sequence[str] = (), columns: Mapping[str, str] | None = None
) -> FileContents:
    """The personas of a JSON text; `left_out` names big extensions that were taken out of it before.

    Raises ImportRefused, or PersonaInvalid where a persona's own JSON has faults.
    """
    if text.lstrip(_SPACE)[:1] == "[":
        return _files_of_list(text, _cut(text, text, 0), origin, columns)
    try:
        members = pieces(text)
    except Torn:
        return FileContents((_persona(text, origin),))  # says what is wrong, and where
    inner = next((piece for piece in members if piece.key == "personas"), None)
    if inner is not None and text[inner.start] == "[" and not _is_persona(members):
        shifted = [
            MemberText(None, piece.start + inner.start, piece.end + inner.start)
            for piece in _cut(text[inner.start : inner.end], text, inner.start)
        ]
        return _files_of_list(text, shifted, origin, columns)
    return FileContents(_some(text, members, origin, left_out))


def opened(reader: Reader, value: Any, origin: str) -> FileContents:
    """What a reader finds in a value."""
    return FileContents(_read_by(reader, value, origin))


def check_number(personas: Sequence[object]) -> None:
    """Refuse a file with more personas than one import takes, before any is made."""
    if len(personas) > MOST_PERSONAS:
        raise ImportRefused(f"The file contains more than {MOST_PERSONAS:,} personas.", hint="Split it.")


def is_card_value(value: dict[str, Any]) -> bool:
    """Whether an object has a card's signs."""
    return _has_card_keys(value.keys()) and card.is_card(value)


def no_persona(label: str, advice: str) -> NoPersona:
    """What is said of a file that is known, and brings no persona."""
    return NoPersona(f"This looks like {label}. It contains no persona.", hint=advice)


def _files_of_list(
    text: str, members: Sequence[MemberText], origin: str, columns: Mapping[str, str] | None
) -> FileContents:
    if not members:
        raise NoPersona("The file contains no persona: its list is empty.", hint=HINT)
    if text[members[0].start] == "{" and (whole := _whole_list(text, members, origin, columns)):
        return whole
    if len(members) > MOST_PERSONAS:
        raise ImportRefused(f"The file contains more than {MOST_PERSONAS:,} personas.", hint="Split it.")
    return FileContents(tuple(each for piece in members for each in _member(text, piece, origin)))


def _whole_list(
    text: str, members: Sequence[MemberText], origin: str, columns: Mapping[str, str] | None
) -> FileContents | None:
    """What a list is as a whole: messages, masks, or a table; None if each member stands for itself."""
    first = text[members[0].start : members[0].end]
    keys = {piece.key for piece in _cut(first, text, members[0].start)}
    if _says_persona(keys) or _has_card_keys(keys) or _has_model_keys(keys):
        return None
    is_list = text.lstrip(_SPACE)[:1] == "["
    value = _value(text if is_list else text[members[0].start - 1 : members[-1].end] + "]")
    if columns is None and (reader := reader_of(value)):
        return opened(reader, value, origin)
    if columns is None and (other := other_kind(value)):
        raise no_persona(*other)
    if columns is None and isinstance(value, list) and reader_of(value[0]):
        return None
    table = tables.object_table(value, columns=columns) if isinstance(value, list) else None
    if table is None:
        return None
    some = [
        as_persona(each, kind="table", looks_like=_TABLE, origin=origin) for each in tables.read_table(table)
    ]
    return FileContents(tuple(some), columns=Columns(table.columns, dict(table.chosen))) if some else None


def _member(text: str, piece: MemberText, origin: str) -> tuple[ImportedPersona, ...]:
    if text[piece.start] != "{":
        line = line_of(text, piece.start)
        raise ImportRefused(f"Line {line}: this is not a persona but another value.", hint=HINT)
    inner = text[piece.start : piece.end]
    try:
        arrivals = _some(inner, _cut(inner, text, piece.start), origin, ())
    except PersonaInvalid as invalid:
        raise _moved(invalid, text, piece.start) from None
    return tuple(
        replace(each, text=laid_out(dedented(inner))) if each.source == "json" else each for each in arrivals
    )


def _some(
    text: str, members: Sequence[MemberText], origin: str, left_out: Sequence[str]
) -> tuple[ImportedPersona, ...]:
    """What an object brings: one persona, but for the exports of other programs."""
    keys = {piece.key for piece in members}
    if _says_persona(keys):
        return (_persona(text, origin),)
    value = None
    if _has_card_keys(keys):
        try:
            return (_card(text, origin, left_out),)
        except ImportRefused:
            value = _value(text)
            if reader_of(value) is None and other_kind(value) is None:
                raise
    if _has_model_keys(keys):
        model = _value(text)
        if isinstance(model, dict) and open_webui.is_model(model):
            return (_model(model, origin),)
    value = _value(text) if value is None else value
    if reader := reader_of(value):
        return _read_by(reader, value, origin)
    if other := other_kind(value):
        raise no_persona(*other)
    if keys and keys <= _OWN_KEYS:
        return (_persona(text, origin),)  # says what is missing
    names = ", ".join(excerpt(key, most=30) for key in list(dict.fromkeys(value))[:6])
    content = f"it has the keys {names}" if names else "it is empty"
    raise NoPersona(f"This is JSON, but not a persona or another supported format: {content}.", hint=HINT)


def _is_persona(members: Sequence[MemberText]) -> bool:
    return _says_persona({piece.key for piece in members})


def _says_persona(keys: AbstractSet[str | None]) -> bool:
    return "systemPrompt" in keys and not {"sampleChat", "kind"} <= keys


def _has_card_keys(keys: AbstractSet[Any]) -> bool:
    return "spec" in keys or "data" in keys or len(_CARD_KEYS & keys) > 1


def _has_model_keys(keys: AbstractSet[Any]) -> bool:
    return {"params", "meta"} <= keys or "info" in keys


def _persona(text: str, origin: str) -> ImportedPersona:
    _check_count(text)
    persona = parse_persona(text)
    states_model = any(piece.key == "model" for piece in pieces(text))
    return ImportedPersona(persona, text, "json", origin=origin, states_model=states_model)


def _card(text: str, origin: str, left_out: Sequence[str]) -> ImportedPersona:
    read = card.read_card_text(text, left_out)
    version = read.source.removeprefix("card-").upper()
    return ImportedPersona(
        read.persona,
        dump_persona(read.persona),
        read.source,
        read.losses,
        origin,
        looks_like=f"a character card ({version})",
        states_id=read.is_ours,
        states_model=read.is_ours,
    )


def _model(value: dict[str, Any], origin: str) -> ImportedPersona:
    persona, losses = open_webui.read_model(value)
    states_model = bool(open_webui.base_model(value))
    return ImportedPersona(
        persona,
        dump_persona(persona),
        "open-webui",
        losses,
        origin,
        looks_like="an Open WebUI model",
        states_id=open_webui.is_ours(value),
        states_model=states_model,
    )


def _read_by(reader: Reader, value: Any, origin: str) -> tuple[ImportedPersona, ...]:
    sketches = list(islice(reader.read(value), MOST_PERSONAS + 1))
    if not sketches:
        raise NoPersona(f"This looks like {reader.label}, but it contains no prompt.", hint=HINT)
    check_number(sketches)
    return tuple(
        as_persona(sketch, kind=reader.kind, looks_like=reader.label, origin=origin) for sketch in sketches
    )


def _value(text: str) -> Any:
    """The value of a text, within the limits of a card."""
    return decoded(text)[0]


def _check_count(text: str) -> None:
    if value_count(text) > MOST_PERSONA_VALUES:
        raise ImportRefused(
            f"One persona in the file has more than {MOST_PERSONA_VALUES:,} values.", hint=HINT
        )


def _moved(invalid: PersonaInvalid, text: str, offset: int) -> PersonaInvalid:
    """The problems of a piece of the text, with their places in the whole."""
    before = text[:offset]
    lines, column = before.count("\n"), offset - (before.rfind("\n") + 1)
    return PersonaInvalid(
        [
            Problem(
                each.message, each.line + lines, each.column + (column if each.line == 1 else 0), each.path
            )
            for each in invalid.problems
        ]
    )


def _cut(inner: str, text: str, offset: int) -> list[MemberText]:
    """The pieces of a part of the text that stands at an offset."""
    try:
        return pieces(inner)
    except Torn as torn:
        line = line_of(text, offset + torn.offset)
        raise ImportRefused(f"Line {line}: {torn}", hint=HINT) from torn
