"""The one door in: reads any file that a persona may come in, and says what is in it.

What a file is, its content tells, never its name. Nothing in it is fetched, executed, followed or written.
Of an archive packed by hand each file is judged by itself; any other file with a fault is refused whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from personachat.errors import ImportRefused, PersonaInvalid
from personachat.jsontext.edits import with_value
from personachat.jsontext.faults import excerpt
from personachat.jsontext.reader import MAX_TEXT_BYTES as MOST_TEXT_BYTES
from personachat.personas.fields import free_id
from personachat.personas.formats import bundle, loose, text_files
from personachat.personas.formats.assets import with_assets
from personachat.personas.formats.cards import charx
from personachat.personas.formats.cards.card import CardRead, read_card_text
from personachat.personas.formats.cards.exif import JPEG, is_webp, read_exif_card
from personachat.personas.formats.cards.images import shelved, with_image, without_image
from personachat.personas.formats.cards.png import SIGNATURE, read_png_card
from personachat.personas.formats.catalogue import (
    MOST_ARCHIVE_BYTES,
    MOST_FILE_BYTES,
    MOST_PERSONAS,
    FileContents,
    ImportedPersona,
    NoPersona,
    Skipped,
)
from personachat.personas.formats.origins import comparable
from personachat.personas.formats.safe_zip import Archive, Content, Limits, has_end, is_zip
from personachat.personas.persona import dump_persona, parse_persona
from personachat.personas.pictures.other_kinds import picture_named
from personachat.personas.pictures.shelf import PictureShelf

_MB = 1024 * 1024
_MOST_ORIGIN_CHARACTERS = 80
_HINT = "Choose a persona, a bundle, a character card, a prompt, or a file from a supported program."
_PICTURE_HINT = (
    "Cards are PNG, WebP and JPEG pictures, as the program saved them: a converted picture has lost its card."
)

_LIMITS = Limits(file_bytes=MOST_ARCHIVE_BYTES, entries=20_000, entry_bytes=MOST_FILE_BYTES)

_LOOKS_LIKE = re.compile(r"This looks like ([^.]+)")

_OTHERS = {
    b"Rar!": "This is a RAR archive. Only ZIP archives are supported.",
    b"7z\xbc\xaf": "This is a 7z archive. Only ZIP archives are supported.",
    b"\x1f\x8b": "This is a gzip archive. Only ZIP archives are supported.",
    b"%PDF": "This is a PDF document, which contains no persona.",
    b"RIFF": "This is neither a PNG nor a WebP picture, so it contains no card.",
    b"SQLite": "This is a database, which contains no persona.",
    b"\x7fELF": "This is a program, which contains no persona.",
    b"GGUF": "This is a model file, which contains no persona.",
}


def read_file(
    content: Content, *, filename: str = "", columns: Mapping[str, str] | None = None
) -> FileContents:
    """The personas in a file, in its order, and what of it brings none; ids are told apart.

    `columns` names, by role, the columns of a table that are to be read. Raises ImportRefused, or
    PersonaInvalid where a persona's own JSON has faults.
    """
    if len(content) > MOST_ARCHIVE_BYTES:
        _refuse_size(MOST_ARCHIVE_BYTES)
    origin = excerpt(filename, most=_MOST_ORIGIN_CHARACTERS)
    if is_zip(content):
        return _with_own_ids(_archived(Archive(content, limits=_LIMITS), origin, columns), in_archive=True)
    if content[:3] == JPEG and has_end(content) and (card := _charx_behind(content)):
        return _with_own_ids(_charx(card, origin, "a character card (CHARX) with a JPEG picture in front"))
    if len(content) > MOST_FILE_BYTES:
        _refuse_size(MOST_FILE_BYTES)
    return _with_own_ids(_single(content[:], filename, origin, columns))


def looks_like(text: str) -> str:
    """What a text is that is no persona's own, with its article; "" if it is, or nobody knows it."""
    if '"systemPrompt"' in text[:MOST_TEXT_BYTES] or len(text) > MOST_TEXT_BYTES:
        return ""
    try:
        return read_file(text.encode("utf-8", "surrogatepass")).arrivals[0].looks_like
    except ImportRefused as refused:
        match = _LOOKS_LIKE.match(str(refused))
        return match[1] if match else ""
    except PersonaInvalid:
        return ""


def _single(content: bytes, name: str, origin: str, columns: Mapping[str, str] | None) -> FileContents:
    if card := _pictured(content, origin):
        return FileContents((card,))
    if kind := picture_named(content):
        raise NoPersona(f"This is {kind}, which can't contain a card.", hint=_PICTURE_HINT)
    for start, message in _OTHERS.items():
        if content.startswith(start):
            raise NoPersona(message, hint=_HINT)
    return text_files.read(content, name=name, origin=origin, columns=columns)


def _pictured(content: bytes, origin: str) -> ImportedPersona | None:
    """The persona of a picture with a card; None if it is no picture of a kind that carries cards."""
    if content.startswith(SIGNATURE):
        text, left_out = read_png_card(content)
        kind = "PNG"
    elif content.startswith(JPEG) or is_webp(content):
        text, left_out = read_exif_card(content)
        kind = "JPEG" if content.startswith(JPEG) else "WebP"
    else:
        return None
    read = read_card_text(text, left_out)
    arrival = _of_card(read, f"card-{kind.lower()}", origin, f" in a {kind} picture")
    return with_image(arrival, content)


def _charx_behind(content: Content) -> Archive | None:
    """The archive behind a picture, if it holds a card."""
    try:
        archive = Archive(content, limits=_LIMITS, behind_picture=True)
    except ImportRefused:
        return None
    return archive if charx.CARD in archive.names else None


def _charx(archive: Archive, origin: str, looks_like: str = "a character card (CHARX)") -> FileContents:
    read = charx.read_charx(archive)
    arrival = replace(_of_card(read.card, "charx", origin, ""), looks_like=looks_like)
    arrival = with_image(arrival, read.image) if read.image else arrival
    return FileContents((with_assets(arrival, read.assets),))


def _of_card(read: CardRead, source: str, origin: str, where: str) -> ImportedPersona:
    version = read.source.removeprefix("card-").upper()
    return ImportedPersona(
        read.persona,
        dump_persona(read.persona),
        source,
        read.losses,
        origin,
        looks_like=f"a character card ({version}){where}",
        states_id=read.is_ours,
        states_model=read.is_ours,
    )


def _archived(archive: Archive, origin: str, columns: Mapping[str, str] | None) -> FileContents:
    if charx.CARD in archive.names:
        return _charx(archive, origin)
    if len(archive.names) > MOST_PERSONAS * 5:
        raise ImportRefused(f"The archive contains more than {MOST_PERSONAS * 5:,} files.", hint="Split it.")
    if bundle.MANIFEST in archive.names:
        return bundle.read_bundle(archive, origin=origin)

    shelf = PictureShelf()

    def read(name: str) -> FileContents:
        contents = _single(archive.read(name), name, origin, columns)
        pictured = (_with_picture_beside(each, name, archive) for each in contents.arrivals)
        return replace(contents, arrivals=tuple(shelved(each, shelf) for each in pictured))

    return loose.read_loose(archive, read, shelf)


def _with_picture_beside(arrival: ImportedPersona, name: str, archive: Archive) -> ImportedPersona:
    """With the picture that it names, where that lies beside it as in a folder of personas."""
    beside = f"{name.removesuffix('.json')}.png"
    if not arrival.persona.picture or arrival.picture or beside not in archive.names:
        return arrival
    try:
        return with_image(arrival, archive.read(beside))
    except ImportRefused as refused:
        return without_image(arrival, f"The picture was left out. {refused}")


def _with_own_ids(contents: FileContents, *, in_archive: bool = False) -> FileContents:
    """With an id of its own for each persona that has only a name; what comes twice comes once."""
    if len(contents.arrivals) > MOST_PERSONAS:
        raise ImportRefused(f"The file contains more than {MOST_PERSONAS:,} personas.", hint="Split it.")
    named: dict[str, ImportedPersona] = {}
    skipped: list[Skipped] = []
    stated = {arrival.persona.id for arrival in contents.arrivals if arrival.states_id}
    for arrival in contents.arrivals:
        persona, file = arrival.persona, arrival.file or arrival.origin
        other = named.get(persona.id)
        if other is None and (arrival.states_id or persona.id not in stated):
            named[persona.id] = arrival
        elif other is not None and comparable(other.persona) == comparable(persona):
            skipped.append(Skipped(file, (f'It is identical to "{excerpt(other.persona.name)}" before it.')))
        elif not arrival.states_id:
            changed = _with_id(arrival, free_id(persona.name, {*named, *stated}))
            named[changed.persona.id] = changed
        elif in_archive:
            reason = f'There is another persona with the id "{persona.id}" before it.'
            skipped.append(Skipped(file, reason, is_broken=True))
        else:
            raise ImportRefused(
                f'The file contains two personas with the id "{persona.id}": '
                f'"{excerpt(named[persona.id].persona.name)}" and "{excerpt(persona.name)}".',
                hint="Import them one by one, or change the id of one.",
            )
    return replace(contents, arrivals=tuple(named.values()), skipped=(*contents.skipped, *skipped))


def _with_id(arrival: ImportedPersona, persona_id: str) -> ImportedPersona:
    text = with_value(arrival.text, ("id",), persona_id)
    return replace(arrival, text=text, persona=parse_persona(text))


def _refuse_size(most: int) -> NoReturn:
    raise ImportRefused(f"The file is too large; the limit is {most // _MB} MB.", hint="Split it.")
