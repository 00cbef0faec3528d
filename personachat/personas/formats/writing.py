"""The one door out: writes personas in every format, and says what each cannot hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, TypeAlias

from personachat.personas.assets.sets import set_named_by
from personachat.personas.formats import open_webui, promptfoo
from personachat.personas.formats.bundle import write_bundle
from personachat.personas.formats.cards import card as cards
from personachat.personas.formats.cards import charx
from personachat.personas.formats.cards.cover import cover
from personachat.personas.formats.cards.fields import CardVersion
from personachat.personas.formats.cards.png import write_png_card
from personachat.personas.formats.catalogue import (
    FORMATS,
    MOST_ARCHIVE_BYTES,
    MOST_PERSONAS,
    ExportedFile,
    Format,
)
from personachat.personas.formats.packed import PackedFile
from personachat.personas.formats.programs import librechat, markdown, ollama
from personachat.personas.persona import Persona
from personachat.personas.store.base import StoredPersona

WITH_PICTURES = frozenset({"card-png", "charx"})
"""The formats of one persona that carry its picture."""

Files: TypeAlias = Mapping[str, Callable[[], bytes]]
"""What reads each of some files, by their names."""

MOST_BUNDLED_FILES = 2_500
"""Beside the personas' own in one bundle, so that it can be imported again."""

_NO_FILES: Files = MappingProxyType({})

_LEFT = "The file doesn't include the picture. A PNG or CHARX card, or a bundle, does."


def leave(
    entry: StoredPersona,
    kind: Format,
    *,
    picture: bytes | None = None,
    files: Files | None = None,
    tests: Mapping[str, str] = MappingProxyType({}),
) -> ExportedFile:
    """One persona as a file, with its picture, card files and `tests` where the format takes them."""
    if kind == "bundle":
        pictures = {} if picture is None else {entry.persona.picture: lambda: picture}
        return leave_together((entry,), {}, pictures, lambda _: files, tests=tests)
    content, losses = _written(entry, kind, picture, files or _NO_FILES)
    losses = (*losses, *_without_files(entry.persona, kind, files))
    if entry.persona.picture and (picture is None or kind not in WITH_PICTURES):
        losses = (*losses, _LEFT if picture else ("The picture is missing, so the file doesn't include it."))
    facts = FORMATS[kind]
    return ExportedFile(f"{entry.id}{facts.ending}", facts.media_type, content, losses)


def leave_together(
    personas: Sequence[StoredPersona],
    ancestors: Mapping[str, Sequence[str]],
    pictures: Files = MappingProxyType({}),
    files_of: Callable[[str], Files | None] = lambda _: None,
    *,
    tests: Mapping[str, str] = MappingProxyType({}),
) -> ExportedFile:
    """These personas as one bundle; `ancestors` are the etags of earlier versions by id, newest first.

    `pictures` are what reads each, by the name that a persona has it under; `files_of` gives the files of its
    card by theirs; `tests` are suites by persona id.
    """
    facts = FORMATS["bundle"]
    losses = []
    if len(personas) > MOST_PERSONAS:
        losses.append(
            f"The bundle contains {len(personas):,} personas, but one import takes at most "
            f"{MOST_PERSONAS:,}. Export fewer at a time if you want to import them again."
        )
    named = {each.persona.picture for each in personas} - {""}
    there = {name: pictures[name] for name in sorted(named) if name in pictures}
    assets, left = _fitting_files(personas, files_of)
    losses += left
    content = write_bundle(
        personas, ancestors, exported_at=datetime.now(UTC), pictures=there, tests=tests, assets=assets
    )
    if missing := sum(each.persona.picture in named - there.keys() for each in personas):
        losses.append(f"For {missing:,} of the personas, the picture is not in the bundle.")
    if len(content) > MOST_ARCHIVE_BYTES:
        losses.append("The bundle is larger than one import can take. Export fewer at a time.")
    return ExportedFile(f"personas{facts.ending}", facts.media_type, content, tuple(losses))


def _without_files(persona: Persona, kind: Format, files: Files | None) -> tuple[str, ...]:
    """What to say of the files of a card that stay behind."""
    if not set_named_by(persona.extensions):
        return ()
    if not files:
        return ("The card's other files are missing, so the file doesn't include them.",)
    if kind == "charx":
        return ()
    count = "one other file" if len(files) == 1 else f"{len(files):,} other files"
    return (f"The file doesn't include the card's {count}. A CHARX card, or a bundle, does.",)


def _fitting_files(
    personas: Sequence[StoredPersona], files_of: Callable[[str], Files | None]
) -> tuple[dict[str, Files], list[str]]:
    """The files of the personas' cards by id, and what to say of those that a bundle has no room for."""
    files_by_folder: dict[str, Files] = {}
    room, missing, left = MOST_BUNDLED_FILES, 0, 0
    for each in personas:
        named = set_named_by(each.persona.extensions)
        files = files_of(named) if named else _NO_FILES
        if files is None:
            missing += 1
        elif len(files) > room:
            left += 1
        elif files:
            files_by_folder[each.id] = files
            room -= len(files)
    losses = []
    if missing:
        losses.append(f"For {missing:,} of the personas, the card's other files are not in the bundle.")
    if left:
        losses.append(
            f"For {left:,} of the personas, the bundle has no room for the card's other files. "
            "Export fewer at a time."
        )
    return files_by_folder, losses


_Written: TypeAlias = tuple[bytes | PackedFile, tuple[str, ...]]


def _written(entry: StoredPersona, kind: Format, picture: bytes | None, files: Files) -> _Written:
    if kind in WITH_PICTURES:
        image = picture or cover(entry.persona)
        if kind == "charx":
            return charx.write_charx(entry.persona, image, files)
        return _png(entry.persona, image)
    writer = _WRITERS.get(kind)
    return writer(entry.persona) if writer else (entry.text.encode(), ())


def _card(version: CardVersion) -> Callable[[Persona], _Written]:
    def write(persona: Persona) -> _Written:
        card, losses = cards.write_card(persona, version=version)
        return _json(card).encode(), losses

    return write


def _text(write: Callable[[Persona], tuple[str, tuple[str, ...]]]) -> Callable[[Persona], _Written]:
    def encoded(persona: Persona) -> _Written:
        text, losses = write(persona)
        return text.encode(), losses

    return encoded


def _open_webui(persona: Persona) -> tuple[str, tuple[str, ...]]:
    models, losses = open_webui.write_models(persona)
    return _json(models), losses


def _promptfoo(persona: Persona) -> tuple[str, tuple[str, ...]]:
    today = date.today().isoformat()  # noqa: DTZ011  # the server's own day, as in a chat
    return promptfoo.write_config(persona, today=today)


def _png(persona: Persona, image: bytes) -> tuple[bytes, tuple[str, ...]]:
    older, _ = cards.write_card(persona, version=2)
    card, losses = cards.write_card(persona, version=3)
    return write_png_card(image, v2_text=_json(older), v3_text=_json(card)), losses


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


_WRITERS: Mapping[Format, Callable[[Persona], _Written]] = {
    "card-v1": _card(1),
    "card-v2": _card(2),
    "card-v3": _card(3),
    "open-webui": _text(_open_webui),
    "promptfoo": _text(_promptfoo),
    "markdown": _text(markdown.write_agent),
    "modelfile": _text(ollama.write_modelfile),
    "text": _text(markdown.write_text),
    "librechat": _text(librechat.write_config),
}
"""What a bundle's file and our own JSON hold is the stored text."""
