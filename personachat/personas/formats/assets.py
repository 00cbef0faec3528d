"""Reads the files beside a card's picture out of an archive, within limits; what is not kept is said.

A file is unpacked only when its size and its first bytes allow it, and waits outside of memory.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from personachat.errors import ImportRefused
from personachat.jsontext.edits import with_value
from personachat.jsontext.faults import excerpt
from personachat.personas.assets.kinds import HEAD_BYTES, is_kept, may_be_kept
from personachat.personas.assets.sets import (
    MOST_BYTES,
    MOST_FILE_BYTES,
    MOST_FILES,
    OURS,
    PLACE,
    AssetOnItsWay,
    AssetSet,
    AssetsOnTheirWay,
    digest_of,
    set_named_by,
)
from personachat.personas.formats.catalogue import ImportedPersona
from personachat.personas.formats.safe_zip import Archive, name_fault
from personachat.personas.persona import KEYS, parse_persona
from personachat.personas.pictures.shelf import PictureShelf

RESERVED = ("card.json",)
"""Names in a CHARX that no asset may have."""

_MB = 1024 * 1024
_MOST_NAMES = 3
_TYPE = "a type that is not supported"
_LARGE = f"larger than {MOST_FILE_BYTES // _MB} MB"
_TOO_MANY = f"a persona keeps at most {MOST_FILES:,} files of {MOST_BYTES // _MB} MB in all"
_NAME = "a name that can't be used"


@dataclass(slots=True)
class _Reading:
    """What has been read so far, and what was left out, by reason."""

    shelf: PictureShelf
    digests: dict[str, str] = field(default_factory=dict)
    files: dict[str, AssetOnItsWay] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)
    bytes: int = 0

    def take(self, name: str, archive: Archive, member: str) -> None:
        fault = self._fault(archive, member)
        content = b""
        if not fault:
            try:
                content = archive.read(member)
            except ImportRefused as refused:
                fault = str(refused).removesuffix(".")
            else:
                fault = "" if is_kept(content) else _TYPE
        if fault:
            self.left.setdefault(fault, []).append(name)
            return
        digest = digest_of(content)
        self.bytes += len(content)
        self.digests[name] = digest
        if digest not in self.files:
            self.files[digest] = self.shelf.put_file(digest, content)

    def _fault(self, archive: Archive, member: str) -> str:
        """Why a file is not even unpacked; "" where it is."""
        size = archive.size(member)
        if not size:
            return "empty"
        if size > MOST_FILE_BYTES:
            return _LARGE
        if len(self.digests) >= MOST_FILES or self.bytes + size > MOST_BYTES:
            return _TOO_MANY
        return "" if may_be_kept(archive.start(member, HEAD_BYTES)) else _TYPE

    @property
    def losses(self) -> tuple[str, ...]:
        return tuple(_loss(reason, names) for reason, names in self.left.items())


def read_assets(
    archive: Archive, members: Mapping[str, str], shelf: PictureShelf
) -> tuple[AssetsOnTheirWay | None, tuple[str, ...]]:
    """The files of these names, by where they lie in the archive, and in sentences what is left out."""
    reading = _Reading(shelf)
    usable = set(_usable(members))
    for name, member in members.items():
        if name in usable:
            reading.take(name, archive, member)
        else:
            reading.left.setdefault(_NAME, []).append(name)
    assets = AssetsOnTheirWay(AssetSet.of(reading.digests), reading.files) if reading.digests else None
    return assets, reading.losses


def with_assets(arrival: ImportedPersona, assets: AssetsOnTheirWay | None) -> ImportedPersona:
    """The persona with these files; one that names some, and brings none, still names them."""
    if assets is None:
        return arrival
    if assets.set.digest == set_named_by(arrival.persona.extensions):
        return replace(arrival, assets=assets)
    if not isinstance(arrival.persona.extensions.get(OURS, {}), dict):
        return replace(arrival, losses=(*arrival.losses, "The card's other files were left out."))
    text = with_value(arrival.text, PLACE, assets.set.digest, order=KEYS)
    return replace(arrival, text=text, persona=parse_persona(text), assets=assets)


def _usable(names: Iterable[str]) -> Iterator[str]:
    """Those that an archive of ours may have; of two that differ in case alone, the first one."""
    seen = {_key(name) for name in RESERVED}
    folders: set[str] = set()
    for name in names:
        key = _key(name)
        above = {key[:at] for at, sign in enumerate(key) if sign == "/"}
        if name_fault(name) or name.endswith("/") or key in seen or key in folders or above & seen:
            continue
        seen.add(key)
        folders |= above
        yield name


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _loss(reason: str, names: list[str]) -> str:
    quoted = [f'"{excerpt(name)}"' for name in names[:_MOST_NAMES]]
    more = len(names) - len(quoted)
    name_list = ", ".join(quoted) + (f" and {more:,} more" if more else "")
    count = "One file" if len(names) == 1 else f"{len(names):,} files"
    was = "was" if len(names) == 1 else "were"
    return f"{count} in the card {was} left out ({reason}): {name_list}."
