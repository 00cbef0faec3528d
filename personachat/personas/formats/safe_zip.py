"""Reads the files of a zip, and trusts nothing that it says of itself.

An archive must be one gapless row of plain files: nothing before (but the picture that a CHARX may begin
with), between or after them. A file is unpacked in memory with a counter, whatever sizes are declared, and
only when it is asked for; nothing is written, followed or executed.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from personachat.errors import ImportRefused
from personachat.jsontext.faults import shown
from personachat.personas.formats.catalogue import MOST_FILE_BYTES
from personachat.personas.formats.zip_directory import Content, Entry, directory

_MB = 1024 * 1024
_HEAD_BYTES = 4096
_HINT = "Pack the files again, as a plain zip."
_WHEN = (1980, 1, 1, 0, 0, 0)
"""Entries carry no time, so that the same personas make the same bytes."""

_DRIVE = re.compile(r"[A-Za-z]:")
_LIES = 'The archive lies about "{name}": it says {said:,} bytes, and there are {what}.'
_NESTED = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x07\x08",
    b"\x1f\x8b\x08",
    b"\x1f\x9d\x90",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"LZIP",
    b"MSCF",
    b"!<arch>\n",
)
_BZIP = re.compile(rb"BZh[1-9]1AY&SY")
_TAR_MARK, _TAR_AT = b"ustar", 257


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold at most."""

    file_bytes: int = MOST_FILE_BYTES
    entries: int = 2_500
    entry_bytes: int = 16 * _MB
    total_bytes: int = 40 * _MB
    ratio: int = 200
    """How many times bigger an entry may get; counts for those above a megabyte."""
    name_characters: int = 255


LIMITS = Limits()


def is_zip(content: Content) -> bool:
    return content[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


class Archive:
    """An archive whose table was read and checked. Raises ImportRefused with the reason, as `read` does."""

    def __init__(self, content: Content, *, limits: Limits = LIMITS, behind_picture: bool = False) -> None:
        if len(content) > limits.file_bytes:
            _refuse(f"The archive is too big: {limits.file_bytes // _MB} MB is the limit.", "Split it.")
        found = directory(content, most=limits.entries, behind_picture=behind_picture)
        _check_names(found, limits)
        self._content = content
        self._limits = limits
        self._entries = {entry.name: entry for entry in found if not entry.is_folder}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the files, in the archive's order; folders are none."""
        return tuple(self._entries)

    def size(self, *names: str) -> int:
        """How many bytes these files have, as the archive says."""
        return sum(self._entries[name].size for name in names)

    def read(self, name: str) -> bytes:
        """Unpack one file."""
        entry = self._entries[name]
        _check_size(entry, self._limits)
        return _unpacked(self._content, entry)

    def read_all(self) -> dict[str, bytes]:
        """Unpack every file; nothing is, where one is too big or all together are."""
        for entry in self._entries.values():
            _check_size(entry, self._limits)
        if self.size(*self.names) > self._limits.total_bytes:
            _refuse(f"The archive unpacks to more than {self._limits.total_bytes // _MB} MB.", "Split it.")
        return {name: self.read(name) for name in self.names}

    def front(self) -> bytes:
        """What stands in front of the archive; a picture, if anything."""
        starts = [entry.offset for entry in self._entries.values()]
        return self._content[: min(*starts, MOST_FILE_BYTES + 1)] if starts else b""

    def start(self, name: str, length: int) -> bytes:
        """The first bytes of a file, as far as they can be had; nothing of it is checked."""
        entry = self._entries[name]
        packed = self._content[entry.data_start : entry.data_start + min(entry.packed_size, _HEAD_BYTES)]
        if not entry.is_deflated:
            return packed[:length]
        try:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, length)
        except zlib.error:
            return b""


def entries(content: bytes, *, limits: Limits = LIMITS) -> Mapping[str, bytes]:
    """The files of an archive by their names, in its order, without its folders.

    Raises ImportRefused with the reason; then nothing of it may be used.
    """
    return Archive(content, limits=limits).read_all()


def archive(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files, in this order; the same files make the same bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            packed.writestr(entry, content)
    return written.getvalue()


def _check_names(found: tuple[Entry, ...], limits: Limits) -> None:
    seen: dict[str, str] = {}
    for entry in found:
        name = entry.name
        if entry.is_folder and (entry.size or entry.packed_size):
            _refuse(f'The folder "{shown(name)}" in the archive holds bytes of its own.')
        if fault := _name_fault(name, limits):
            _refuse(f'The archive names a file "{shown(name)}", which {fault}.')
        if entry.is_link:
            _refuse(f'"{shown(name)}" in the archive is a link to something else; links are not followed.')
        if entry.is_special:
            _refuse(f'"{shown(name)}" in the archive is neither a file nor a folder.')
        key = unicodedata.normalize("NFC", name.rstrip("/")).casefold()
        if key in seen:
            _refuse(f'The archive holds two files named "{shown(name)}" and "{shown(seen[key])}".')
        seen[key] = name
    folders = {key[:at] for key in seen for at, sign in enumerate(key) if sign == "/"}
    if clash := next((name for key, name in seen.items() if key in folders and name[-1] != "/"), None):
        _refuse(f'"{shown(clash)}" in the archive is both a file and a folder.')


def _name_fault(name: str, limits: Limits) -> str:
    if not name or len(name) > limits.name_characters:
        return f"is not 1 to {limits.name_characters} characters long"
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name):
        return "holds control characters"
    if "\\" in name:
        return "holds a backslash"
    if name.startswith("/") or _DRIVE.match(name):
        return "is a place on a disk instead of a name inside the archive"
    if any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
        return "leads out of the archive"
    return ""


def _check_size(entry: Entry, limits: Limits) -> None:
    name = shown(entry.name)
    if entry.size > limits.entry_bytes:
        _refuse(f'"{name}" in the archive is too big: {limits.entry_bytes // _MB} MB is the limit.')
    if entry.size > _MB and entry.size > limits.ratio * max(entry.packed_size, 1):
        _refuse(f'"{name}" in the archive unpacks to more than {limits.ratio} times its size.')


def _unpacked(content: Content, entry: Entry) -> bytes:
    packed = content[entry.data_start : entry.data_start + entry.packed_size]
    data = _inflated(packed, entry) if entry.is_deflated else packed
    if len(data) != entry.size:
        _lie(entry, f"{len(data):,}")
    if zlib.crc32(data) != entry.checksum:
        _refuse(f'"{shown(entry.name)}" in the archive is damaged: its checksum is wrong.')
    is_tar = data[_TAR_AT : _TAR_AT + len(_TAR_MARK)] == _TAR_MARK
    if is_tar or data.startswith(_NESTED) or _BZIP.match(data):
        _refuse(f'"{shown(entry.name)}" is an archive inside the archive.', "Unpack it first.")
    return data


def _inflated(packed: bytes, entry: Entry) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        # One byte more than was said is enough to see the lie, and no more is ever made.
        data = stream.decompress(packed, entry.size + 1)
    except zlib.error:
        _refuse(f'"{shown(entry.name)}" in the archive is damaged and cannot be unpacked.')
    if len(data) > entry.size:
        _lie(entry, "more")
    if not stream.eof or stream.unused_data:
        _refuse(f'"{shown(entry.name)}" in the archive does not end where the archive says.')
    return data


def _lie(entry: Entry, what: str) -> NoReturn:
    _refuse(_LIES.format(name=shown(entry.name), said=entry.size, what=what))


def _refuse(message: str, hint: str = _HINT) -> NoReturn:
    raise ImportRefused(message, hint=hint)
