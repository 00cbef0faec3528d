"""Many personas in one zip: a manifest, each persona's text and suite to the letter, its picture and files.

The manifest lists every file and, as etags, the versions that came before it, so that whoever imports can
tell a later version from another one. An archive that says something else than it holds is refused whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from personachat.errors import ImportRefused, PersonaInvalid
from personachat.jsontext.faults import excerpt
from personachat.jsontext.members import MOST_PERSONA_VALUES, value_count
from personachat.personas.assets.sets import MOST_FILES
from personachat.personas.formats.assets import read_assets, with_assets
from personachat.personas.formats.cards.images import shelved, with_image, without_image
from personachat.personas.formats.catalogue import MOST_PERSONAS, FileContents, ImportedPersona, Skipped
from personachat.personas.formats.packed import PackedFile
from personachat.personas.formats.safe_zip import Archive, pack
from personachat.personas.persona import parse_persona
from personachat.personas.pictures.shelf import PictureShelf
from personachat.personas.store.base import StoredPersona
from personachat.personas.store.persona_file import TESTS_SUFFIX

FORMAT = "personachat-bundle"
VERSION = 2
"""2 holds files of cards as well; a bundle without any says 1, which every PersonaChat reads."""

MANIFEST = "manifest.json"
MOST_ANCESTORS = 50
_PICTURES = "pictures/"
_ASSETS = "assets/"
MOST_UNPACKED_BYTES = 40 * 1024 * 1024

_MOST_MANIFEST_VALUES = 100 * MOST_PERSONAS
_HINT = "Export the bundle again."
_Etag = Annotated[str, Field(min_length=1, max_length=200)]


class _BundleEntry(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    id: str
    name: str = ""
    file: str
    etag: _Etag
    ancestors: Annotated[list[_Etag], Field(max_length=1_000)] = []
    picture: str | None = None
    tests: str | None = None
    assets: Annotated[dict[str, str], Field(max_length=MOST_FILES)] = {}
    """By their names in the card, where the files of the card lie in the bundle."""


class _Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    format: Literal["personachat-bundle"]
    version: Literal[1, 2]
    personas: Annotated[list[_BundleEntry], Field(max_length=MOST_PERSONAS)]


def write_bundle(
    personas: Sequence[StoredPersona],
    ancestors: Mapping[str, Sequence[str]],
    *,
    exported_at: datetime,
    pictures: Mapping[str, Callable[[], bytes]] = MappingProxyType({}),
    tests: Mapping[str, str] = MappingProxyType({}),
    assets: Mapping[str, Mapping[str, Callable[[], bytes]]] = MappingProxyType({}),
) -> PackedFile:
    """The archive. `ancestors` are etags by persona id, the newest first.

    `pictures` are what reads each, by their names; `tests` the texts of suites by persona id; and `assets`,
    by persona id, what reads the files of its card.
    """
    places, contents = _places(assets)
    texts = {f"personas/{each.id}.json": each.text.encode() for each in personas}
    texts |= {_tests_file(each.id): tests[each.id].encode() for each in personas if each.id in tests}
    entries = [
        {
            "id": each.id,
            "name": each.persona.name,
            "file": f"personas/{each.id}.json",
            "etag": each.etag,
            "ancestors": list(ancestors.get(each.id, ()))[:MOST_ANCESTORS],
        }
        | ({"picture": _picture_file(each.persona.picture)} if each.persona.picture in pictures else {})
        | ({"tests": _tests_file(each.id)} if each.id in tests else {})
        | ({"assets": places[each.id]} if each.id in places else {})
        for each in personas
    ]
    manifest = {
        "format": FORMAT,
        "version": VERSION if places else 1,
        "exportedAt": exported_at.isoformat(timespec="seconds"),
        "personas": entries,
    }
    described = json.dumps(manifest, indent=2, ensure_ascii=False).encode()
    images = {_picture_file(name): read for name, read in pictures.items()}
    return pack({MANIFEST: described, **texts, **images, **contents})


def _places(
    assets: Mapping[str, Mapping[str, Callable[[], bytes]]],
) -> tuple[dict[str, dict[str, str]], dict[str, Callable[[], bytes]]]:
    """By persona, where each file of its card lies in the bundle, and what reads it."""
    places: dict[str, dict[str, str]] = {}
    contents: dict[str, Callable[[], bytes]] = {}
    for persona_id, files in assets.items():
        for name, read in files.items():
            place = f"{_ASSETS}{len(contents) + 1}"
            places.setdefault(persona_id, {})[name] = place
            contents[place] = read
    return places, contents


def _picture_file(name: str) -> str:
    return f"{_PICTURES}{name}.png"


def _tests_file(persona_id: str) -> str:
    return f"personas/{persona_id}{TESTS_SUFFIX}"


def read_bundle(archive: Archive, *, origin: str) -> FileContents:
    """The personas of an archive, in the manifest's order; one that is broken does not refuse the others.

    Raises ImportRefused, too where all of them are broken.
    """
    texts = [name for name in archive.names if not name.startswith((_PICTURES, _ASSETS))]
    if archive.size(*texts) > MOST_UNPACKED_BYTES:
        _refuse(f"The bundle unpacks to more than {MOST_UNPACKED_BYTES // 1024 // 1024} MB.")
    manifest = _manifest(archive.read(MANIFEST))
    named = [each.file for each in manifest.personas]
    pictures = {each.picture for each in manifest.personas if each.picture}
    tests = {each.tests for each in manifest.personas if each.tests}
    beside = {place for each in manifest.personas for place in each.assets.values()}
    if unlisted := sorted(set(archive.names) - {MANIFEST, *named, *pictures, *tests, *beside}):
        _refuse(f'The bundle contains a file that its manifest doesn\'t list: "{excerpt(unlisted[0])}".')
    if missing := next((name for name in (*named, *sorted(tests)) if name not in archive.names), None):
        _refuse(f'The bundle lists a file that it doesn\'t contain: "{excerpt(missing)}".')
    if len(set(named)) < len(named):
        _refuse("The bundle lists a file twice.")
    arrivals: list[ImportedPersona] = []
    skipped: list[Skipped] = []
    shelf = PictureShelf()
    for each in manifest.personas:
        try:
            arrival = _pictured(_arrival(each, archive.read(each.file), origin), each, archive)
            arrival = shelved(_tested(arrival, each, archive), shelf)
            arrivals.append(_with_files(arrival, each, archive, shelf))
        except ImportRefused as error:
            if len(manifest.personas) == 1:
                raise
            skipped.append(Skipped(excerpt(each.file, most=120), str(error), is_broken=True))
    if not arrivals and skipped:
        _refuse(skipped[0].reason)
    return FileContents(tuple(arrivals), tuple(skipped))


def _pictured(arrival: ImportedPersona, entry: _BundleEntry, archive: Archive) -> ImportedPersona:
    """With its picture; the text stays to the letter unless the picture cannot be taken."""
    if not entry.picture or not arrival.persona.picture:
        return arrival
    try:
        return with_image(arrival, archive.read(entry.picture))
    except (ImportRefused, KeyError) as error:
        reason = str(error) if isinstance(error, ImportRefused) else "It is not in the bundle."
        return without_image(arrival, f"The picture was left out. {reason}")


def _tested(arrival: ImportedPersona, entry: _BundleEntry, archive: Archive) -> ImportedPersona:
    """With its test suite, to the letter."""
    if not entry.tests:
        return arrival
    try:
        return replace(arrival, tests=archive.read(entry.tests).decode())
    except UnicodeDecodeError:
        return replace(arrival, losses=(*arrival.losses, "The tests were left out. They aren't UTF-8 text."))


def _with_files(
    arrival: ImportedPersona, entry: _BundleEntry, archive: Archive, shelf: PictureShelf
) -> ImportedPersona:
    """With the files of its card, as far as they may be kept."""
    there = {name: place for name, place in entry.assets.items() if place in archive.names}
    if not there:
        return arrival
    assets, losses = read_assets(archive, there, shelf)
    return with_assets(replace(arrival, losses=(*arrival.losses, *losses)), assets)


def _manifest(content: bytes) -> _Manifest:
    value = _value(content)
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        _refuse(f'"{MANIFEST}" in the archive is not a bundle\'s manifest.')
    version = value.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ImportRefused(
            f"The bundle has version {version}; this PersonaChat can read version {VERSION}.",
            hint="Update PersonaChat, or export the personas one by one.",
        )
    entries = value.get("personas")
    if isinstance(entries, list) and len(entries) > MOST_PERSONAS:
        _refuse(f"The bundle lists more than {MOST_PERSONAS:,} personas.")
    try:
        return _Manifest.model_validate(value)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        _refuse(f"The bundle's manifest can't be read at {excerpt(place)}.")


def _value(content: bytes) -> Any:
    """What the manifest says. It may be longer than a persona, so that many fit with their ancestors."""
    try:
        text = content.decode()
        if value_count(text) > _MOST_MANIFEST_VALUES:
            _refuse("The bundle's manifest is larger than a bundle needs.")
        return json.loads(text, object_pairs_hook=_without_doubles)
    except UnicodeDecodeError:
        _refuse(f'"{MANIFEST}" in the archive is not UTF-8 text.')
    except (ValueError, RecursionError):
        _refuse("The bundle's manifest is not valid JSON.")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    last_of_each = dict(pairs)
    if len(last_of_each) < len(pairs):
        raise ValueError
    return last_of_each


def _arrival(entry: _BundleEntry, content: bytes, origin: str) -> ImportedPersona:
    name = excerpt(entry.file)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        _refuse(f'"{name}" in the archive is not UTF-8 text.')
    if value_count(text) > MOST_PERSONA_VALUES:
        _refuse(f'"{name}" in the archive has more than {MOST_PERSONA_VALUES:,} values.')
    try:
        persona = parse_persona(text)
    except PersonaInvalid as invalid:
        raise ImportRefused(
            f'"{name}" in the archive: {invalid}', hint="Fix it, then pack it again."
        ) from None
    if persona.id != entry.id:
        _refuse(
            f'"{name}" in the archive contains the persona "{persona.id}", not "{excerpt(entry.id)}" '
            "as listed."
        )
    ancestors = frozenset((entry.etag, *entry.ancestors))
    return ImportedPersona(persona, text, "bundle", origin=origin, ancestors=ancestors)


def _refuse(message: str) -> NoReturn:
    raise ImportRefused(message, hint=_HINT) from None
