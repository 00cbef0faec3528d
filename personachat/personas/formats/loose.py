"""Archives that somebody packed by hand: every file is judged by itself, and what is no persona is listed.

Texts without any sign of a program are prompts, unless they lie beside cards or personas: then they are what
people write about those.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from personachat.errors import ImportRefused, PersonaInvalid
from personachat.jsontext.faults import excerpt
from personachat.personas.assets.places import name_at
from personachat.personas.assets.sets import set_named_by
from personachat.personas.formats.assets import read_assets, with_assets
from personachat.personas.formats.catalogue import (
    MOST_PERSONAS,
    FileContents,
    ImportedPersona,
    NoPersona,
    Skipped,
)
from personachat.personas.formats.safe_zip import Archive
from personachat.personas.pictures.shelf import PictureShelf
from personachat.personas.store.persona_file import TESTS_SUFFIX

MOST_UNPACKED_BYTES = 256 * 1024 * 1024
MOST_TEXT_BYTES = 16 * 1024 * 1024
"""Of what is kept: the personas' own texts together."""

MOST_BROKEN = 50
"""More of them are no folder that somebody keeps, and each may cost some time."""

MOST_SKIPPED = 200
"""So many are named; the rest is counted."""

_BESIDE = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What computers put into archives unasked."""

_ABOUT = re.compile(
    r"(?:readme|licen[cs]e|changelog|contributing|notice|copying|credits)(?:[._-].*)?\Z", re.IGNORECASE
)
_PROMPT_NAME = re.compile(r"(?:[^.]*|.*\.(?:txt|md|mdc|markdown|prompt))\Z", re.IGNORECASE)
_PROMPTS = frozenset({"text", "markdown", "modelfile"})


def read_loose(archive: Archive, read: Callable[[str], FileContents], shelf: PictureShelf) -> FileContents:
    """What the files of an archive bring; `read` reads the one of a name. Raises ImportRefused."""
    names = [each for each in archive.names if not each.startswith(_BESIDE) and not each.endswith(_BESIDE)]
    if not names:
        raise ImportRefused("The archive is empty.", hint="Pack the files again.")
    if archive.size(*names) > MOST_UNPACKED_BYTES:
        most = MOST_UNPACKED_BYTES // 1024 // 1024
        raise ImportRefused(f"The archive unpacks to more than {most} MB.", hint="Split it.")
    arrivals: list[ImportedPersona] = []
    skipped: list[Skipped] = []
    suites = {name: "" for name in names if name.endswith(TESTS_SUFFIX)}
    folders = _folders(names)
    inside: set[str] = set()
    """Files of cards, in the folders beside their personas."""
    for name in sorted((each for each in names if each not in suites), key=lambda each: each not in folders):
        if name in inside:
            continue
        try:
            beside = f"{name.rpartition('.')[0]}{TESTS_SUFFIX}"
            tests = archive.read(beside).decode("utf-8", "replace") if beside in suites else ""
            read_here = [replace(each, file=name, tests=tests) for each in read(name).arrivals]
            if name in folders and len(read_here) == 1 and set_named_by(read_here[0].persona.extensions):
                inside.update(folders[name].values())
                assets, losses = read_assets(archive, folders[name], shelf)
                whole = replace(read_here[0], losses=(*read_here[0].losses, *losses))
                read_here = [with_assets(whole, assets)]
            arrivals += read_here
            suites.pop(beside, None)
        except (ImportRefused, PersonaInvalid) as error:
            skipped.append(Skipped(excerpt(name, most=120), str(error), not isinstance(error, NoPersona)))
            if sum(each.is_broken for each in skipped) > MOST_BROKEN:
                these = f"{MOST_BROKEN} of the archive's files"
                raise ImportRefused(
                    f"More than {these} are broken. {error}", hint="Pack them again."
                ) from None
        if len(arrivals) > MOST_PERSONAS or sum(len(each.text) for each in arrivals) > MOST_TEXT_BYTES:
            raise ImportRefused(
                "The archive contains more personas than one import can take.", hint="Split it."
            )
    skipped += [Skipped(excerpt(each, most=120), "Tests without a persona beside them.") for each in suites]
    personas = [each for each in arrivals if _is_wanted(each, arrivals)]
    skipped += [
        Skipped(excerpt(each.file, most=120), "A text about the other personas in the archive.")
        for each in arrivals
        if each not in personas
    ]
    if not personas:
        raise _nothing(skipped)
    return FileContents(tuple(personas), _most_important(skipped))


def _folders(names: list[str]) -> dict[str, dict[str, str]]:
    """Of each JSON file with a folder of its name beside it, the names and the places of what lies there."""
    folders: dict[str, dict[str, str]] = {name: {} for name in names if name.endswith(".json")}
    for name in names:
        for at, sign in enumerate(name):
            if sign == "/" and (owner := f"{name[:at]}.json") in folders:
                folders[owner].setdefault(name_at(PurePosixPath(name[at + 1 :])), name)
    return {owner: files for owner, files in folders.items() if files}


def _is_wanted(arrival: ImportedPersona, arrivals: list[ImportedPersona]) -> bool:
    if arrival.source != "text":
        return True
    name = arrival.file.rsplit("/", 1)[-1]
    if _ABOUT.match(name) or not _PROMPT_NAME.match(name):
        return False
    return all(each.source in _PROMPTS for each in arrivals)


def _most_important(skipped: list[Skipped]) -> tuple[Skipped, ...]:
    if len(skipped) <= MOST_SKIPPED:
        return tuple(skipped)
    ordered = sorted(skipped, key=lambda each: not each.is_broken)
    rest = len(skipped) - MOST_SKIPPED
    return (*ordered[:MOST_SKIPPED], Skipped(f"{rest:,} more files", "They contain no personas."))


def _nothing(skipped: list[Skipped]) -> ImportRefused:
    examples = sorted(skipped, key=lambda each: not each.is_broken)[:3]
    reasons = " ".join(f'"{each.name}" in the archive: {each.reason}' for each in examples)
    return ImportRefused(reasons, hint="Choose an archive with personas, cards or prompts.")
