"""The one door in: reads whatever file a persona may come in, and says what is in it.

What a file is, its content tells, never its name. Nothing in it is fetched, executed, followed or written;
a file that holds a fault is refused whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NoReturn

from personachat.errors import ImportRefused, PersonaInvalid
from personachat.interchange import archives, bundles, charx, json_files
from personachat.interchange.cards import read_card_text
from personachat.interchange.formats import MOST_FILE_BYTES, MOST_PERSONAS, Arrival
from personachat.interchange.png import SIGNATURE, read_png_card
from personachat.persona import dump_persona
from personachat.persona_syntax import shown

__all__ = ["Arrival", "read_file"]

_MB = 1024 * 1024
_MOST_ORIGIN_CHARACTERS = 80
_HINT = "Choose a persona, a bundle, a character card (JSON, PNG, CHARX), or a model of Open WebUI."
_PICTURE = "The card's picture is left out: a persona has an emoji or an icon."
_BESIDE = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What computers put into archives unasked."""

_OTHERS = {
    b"\xff\xd8\xff": "This is a JPEG picture; only PNG pictures carry cards that are read here.",
    b"RIFF": "This is no PNG picture; only PNG pictures carry cards that are read here.",
    b"GIF8": "This is a GIF picture; only PNG pictures carry cards that are read here.",
    b"Rar!": "This is a RAR archive; only zip archives are read.",
    b"7z\xbc\xaf": "This is a 7z archive; only zip archives are read.",
    b"\x1f\x8b": "This is a gzip archive; only zip archives are read.",
    b"%PDF": "This is a PDF document, which holds no persona.",
}


def read_file(content: bytes, *, filename: str = "") -> tuple[Arrival, ...]:
    """The personas in a file, in its order; ids are told apart.

    Raises ImportRefused, or PersonaInvalid where a persona's own JSON has faults.
    """
    if len(content) > MOST_FILE_BYTES:
        raise ImportRefused(
            f"The file is too big: {MOST_FILE_BYTES // _MB} MB is the most.", hint="Split it."
        )
    origin = shown(filename, most=_MOST_ORIGIN_CHARACTERS)
    found = _archived(content, origin) if archives.is_zip(content) else _single(content, origin)
    _check_ids(found)
    return found


def _single(content: bytes, origin: str) -> tuple[Arrival, ...]:
    if content.startswith(SIGNATURE):
        read = read_card_text(read_png_card(content))
        losses = (*read.losses, _PICTURE)
        return (Arrival(read.persona, dump_persona(read.persona), "card-png", losses, origin),)
    for start, message in _OTHERS.items():
        if content.startswith(start):
            raise ImportRefused(message, hint=_HINT)
    if len(content) > json_files.MOST_JSON_BYTES:
        most = json_files.MOST_JSON_BYTES // _MB
        raise ImportRefused(f"The text is too big: {most} MB is the most.", hint="Split it.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        _refuse("The file is neither a text in UTF-8 nor a picture or archive that is read here.")
    if not text.strip():
        _refuse("The file is empty.")
    if "\x00" in text or not text.lstrip().startswith(("{", "[")):
        _refuse("The file holds no persona: it is no JSON, no PNG picture and no zip archive.")
    return json_files.read_text(text, origin=origin)


def _archived(content: bytes, origin: str) -> tuple[Arrival, ...]:
    files = {
        name: data
        for name, data in archives.entries(content).items()
        if not name.startswith(_BESIDE) and not name.endswith(_BESIDE)
    }
    if charx.CARD in files:
        read = charx.read_charx(files)
        return (Arrival(read.persona, dump_persona(read.persona), "charx", read.losses, origin),)
    if (
        sum(len(data) for data in files.values() if not data.startswith(SIGNATURE))
        > json_files.MOST_JSON_BYTES
    ):
        _refuse(f"The archive unpacks to more than {json_files.MOST_JSON_BYTES // _MB} MB of text.")
    if bundles.MANIFEST in files:
        return bundles.read_bundle(files, origin=origin)
    return _loose(files, origin)


def _loose(files: Mapping[str, bytes], origin: str) -> tuple[Arrival, ...]:
    """Personas and cards that somebody packed by hand."""
    if not files:
        _refuse("The archive is empty.")
    if len(files) > MOST_PERSONAS:
        _refuse(f"The archive holds more than {MOST_PERSONAS:,} files.")
    found: list[Arrival] = []
    for name, content in files.items():
        try:
            found += _single(content, origin)
        except (ImportRefused, PersonaInvalid) as error:
            raise ImportRefused(f'"{shown(name)}" in the archive: {error}', hint=_HINT) from None
    return tuple(found)


def _check_ids(found: Iterable[Arrival]) -> None:
    names: dict[str, str] = {}
    for number, arrival in enumerate(found):
        if number >= MOST_PERSONAS:
            _refuse(f"The file holds more than {MOST_PERSONAS:,} personas.")
        persona = arrival.persona
        if persona.id in names:
            raise ImportRefused(
                f'The file holds two personas with the id "{persona.id}": '
                f'"{shown(names[persona.id])}" and "{shown(persona.name)}".',
                hint="Import them one by one, or give one another id.",
            )
        names[persona.id] = persona.name


def _refuse(message: str) -> NoReturn:
    raise ImportRefused(message, hint=_HINT) from None
