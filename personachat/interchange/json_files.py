"""Reads JSON of every kind a persona comes in: our own, a list of them, cards, models of Open WebUI.

What a JSON object is, its keys tell. A persona's own text is taken to the letter, but for the indentation
it had inside a list. Faults in it are told with their place in the whole file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from personachat.errors import ImportRefused, PersonaInvalid, Problem
from personachat.interchange import cards, open_webui
from personachat.interchange.formats import MOST_PERSONAS, Arrival
from personachat.interchange.layout import dedented, laid_out
from personachat.interchange.pieces import MOST_PERSONA_VALUES, Piece, Torn, pieces, value_count
from personachat.persona import dump_persona, parse_persona
from personachat.persona_syntax import line_of, places
from personachat.persona_text import read_json

MOST_JSON_BYTES = 16 * 1024 * 1024
"""Of all the JSON in one file."""

_SPACE = " \t\n\r"
_HINT = "Choose a persona, a character card, or a model that Open WebUI exported."
_CARD_KEYS = frozenset({"first_mes", "mes_example", "personality", "scenario"})


def read_text(text: str, *, origin: str) -> tuple[Arrival, ...]:
    """The personas of a JSON text.

    Raises ImportRefused, or PersonaInvalid where a persona's own JSON has faults.
    """
    if text.lstrip(_SPACE)[:1] == "[":
        return _listed(text, _cut(text, text, 0), origin)
    try:
        members = pieces(text)
    except Torn:
        return (_persona(text, origin),)  # says what is wrong, and where
    inner = next((piece for piece in members if piece.key == "personas"), None)
    if inner is not None and text[inner.start] == "[" and not _is_persona(members):
        shifted = [
            Piece(None, piece.start + inner.start, piece.end + inner.start)
            for piece in _cut(text[inner.start : inner.end], text, inner.start)
        ]
        return _listed(text, shifted, origin)
    return (_one(text, members, origin),)


def _listed(text: str, members: Sequence[Piece], origin: str) -> tuple[Arrival, ...]:
    if not members:
        raise ImportRefused("The file holds no persona: its list is empty.", hint=_HINT)
    if len(members) > MOST_PERSONAS:
        raise ImportRefused(f"The file holds more than {MOST_PERSONAS:,} personas.", hint="Split it.")
    return tuple(_member(text, piece, origin) for piece in members)


def _member(text: str, piece: Piece, origin: str) -> Arrival:
    if text[piece.start] != "{":
        line = line_of(text, piece.start)
        raise ImportRefused(f"Line {line}: this is no persona, but some other value.", hint=_HINT)
    inner = text[piece.start : piece.end]
    try:
        found = _one(inner, _cut(inner, text, piece.start), origin)
    except PersonaInvalid as invalid:
        raise _moved(invalid, text, piece.start) from None
    return replace(found, text=laid_out(dedented(inner))) if found.source == "json" else found


def _one(text: str, members: Sequence[Piece], origin: str) -> Arrival:
    keys = {piece.key for piece in members}
    if not _is_persona(members):
        if "spec" in keys or "data" in keys or len(_CARD_KEYS & keys) > 1:
            return _card(text, origin)
        if {"params", "meta"} <= keys or "info" in keys:
            return _model(text, origin)
    return _persona(text, origin)


def _is_persona(members: Sequence[Piece]) -> bool:
    return any(piece.key == "systemPrompt" for piece in members)


def _persona(text: str, origin: str) -> Arrival:
    _check_count(text)
    return Arrival(parse_persona(text), text, "json", origin=origin)


def _card(text: str, origin: str) -> Arrival:
    read = cards.read_card_text(text)
    return Arrival(read.persona, dump_persona(read.persona), read.source, read.losses, origin)


def _model(text: str, origin: str) -> Arrival:
    _check_count(text)
    read = read_json(text)
    if read.faults:
        fault = read.faults[0]
        line, column = places(text, [fault.offset])[0]
        raise PersonaInvalid([Problem(fault.message, line, column, fault.path)])
    if not open_webui.is_model(read.value):
        raise ImportRefused("The file is neither a persona nor anything else that is read here.", hint=_HINT)
    persona, losses = open_webui.read_model(read.value)
    return Arrival(persona, dump_persona(persona), "open-webui", losses, origin)


def _check_count(text: str) -> None:
    if value_count(text) > MOST_PERSONA_VALUES:
        raise ImportRefused(
            f"One persona of the file holds more than {MOST_PERSONA_VALUES:,} values.", hint=_HINT
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


def _cut(inner: str, text: str, offset: int) -> list[Piece]:
    """The pieces of a part of the text that stands at an offset."""
    try:
        return pieces(inner)
    except Torn as torn:
        line = line_of(text, offset + torn.offset)
        raise ImportRefused(f"Line {line}: {torn}", hint=_HINT) from torn
