"""The list of a zip's entries, read strictly: what its two tables say must agree, and leave no room.

Follows PKWARE's APPNOTE.TXT without what small archives never need: several disks, Zip64, encryption.
Two readers must not see different files in one archive, so whatever could be read in two ways is refused.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass, replace
from mmap import mmap
from typing import NoReturn, TypeAlias

from personachat.errors import ImportRefused
from personachat.jsontext.faults import shown

_END = struct.Struct("<4sHHHHIIH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_END_MARK, _CENTRAL_MARK, _LOCAL_MARK = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
_DESCRIPTOR_MARK, _ZIP64_MARK = b"PK\x07\x08", b"PK\x06\x07"
_LONGEST_COMMENT = 0xFFFF
_ZIP64_SHORT, _ZIP64_LONG = 0xFFFF, 0xFFFFFFFF

_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_PATCHED = 1 << 5
_SIZES_FOLLOW = 1 << 3
_UTF8 = 1 << 11
_STORED, _DEFLATED = 0, 8
_REPARSE_POINT = 0x400
_HINT = "Pack the files again, as a plain zip."


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the archive declares it; `size` and `checksum` are of the unpacked content."""

    name: str
    size: int
    packed_size: int
    checksum: int
    is_deflated: bool
    flags: int
    attributes: int
    offset: int
    data_start: int = 0

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self._mode) or bool(self.attributes & _REPARSE_POINT)

    @property
    def is_special(self) -> bool:
        kind = stat.S_IFMT(self._mode)
        return kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind == stat.S_IFDIR and not self.is_folder)

    @property
    def _mode(self) -> int:
        return self.attributes >> 16


Content: TypeAlias = bytes | mmap
"""A whole archive, in memory or as a file that is mapped into it."""


def has_end(content: Content) -> bool:
    """Whether an archive ends here, whatever stands in front of it."""
    return content.rfind(_END_MARK, max(len(content) - _LONGEST_COMMENT - _END.size, 0)) >= 0


def directory(content: Content, *, most: int, behind_picture: bool = False) -> tuple[Entry, ...]:
    """The entries in the order of their content. Raises ImportRefused with the reason.

    `behind_picture`: a picture stands in front of the archive, whose offsets may count from either's start.
    """
    end, count, size, start = _end(content)
    if count > most:
        _refuse(f"The archive holds {count:,} files; {most:,} are the most.", "Split it.")
    front = end - size - start if behind_picture else 0
    if front < 0 or front + start + size != end:
        _refuse("The archive holds something besides its files, or its table is cut off.")
    listed = sorted(_listed(content, front + start, end, count), key=lambda entry: entry.offset)
    if front:
        listed = [replace(entry, offset=entry.offset + front) for entry in listed]
    first = listed[0].offset if listed and behind_picture else 0
    return _placed(content, listed, front + start, first)


def _end(content: Content) -> tuple[int, int, int, int]:
    """Where the closing record stands; what it says: number of entries, size and place of their table."""
    at = content.rfind(_END_MARK, max(len(content) - _LONGEST_COMMENT - _END.size, 0))
    if at < 0 or at + _END.size > len(content):
        _refuse("The archive is cut off: its end is missing.", "Download or copy it again.")
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(content, at)
    if at + _END.size + comment != len(content):
        _refuse("Something follows the end of the archive, or its end is missing.")
    if (
        _ZIP64_SHORT in (here, count)
        or _ZIP64_LONG in (size, start)
        or content[at - 20 : at - 16] == _ZIP64_MARK
    ):
        _refuse("The archive is written in the form for huge archives (Zip64).")
    if disk or first_disk or here != count:
        _refuse("The archive is one part of several.", "Join the parts, then pack the files as one zip.")
    return at, count, size, start


def _listed(content: Content, start: int, end: int, count: int) -> list[Entry]:
    found = []
    at = start
    for _ in range(count):
        if at + _CENTRAL.size > end or content[at : at + 4] != _CENTRAL_MARK:
            _refuse("The archive's table of files is damaged.")
        (
            _,
            _,
            _,
            flags,
            method,
            _,
            _,
            checksum,
            packed,
            size,
            name,
            extra,
            comment,
            disk,
            _,
            attributes,
            offset,
        ) = _CENTRAL.unpack_from(content, at)
        name_at, at = at + _CENTRAL.size, at + _CENTRAL.size + name + extra + comment
        if at > end:
            _refuse("The archive's table of files is damaged.")
        text = _name(content[name_at : name_at + name], flags)
        _check_manner(text, flags, method)
        if _ZIP64_LONG in (packed, size, offset) or disk:
            _refuse("The archive is written in the form for huge archives (Zip64).")
        found.append(Entry(text, size, packed, checksum, method == _DEFLATED, flags, attributes, offset))
    if at != end:
        _refuse("The archive lists more files than it says, or its table is damaged.")
    return found


def _placed(content: Content, listed: list[Entry], table: int, first: int) -> tuple[Entry, ...]:
    """Check each entry against the record before its content, and that they stand in one gapless row."""
    found = []
    free = first
    for entry in listed:
        if entry.offset < free:
            _refuse("Files of the archive overlap each other.")
        if entry.offset > free:
            _refuse("The archive holds something before or between its files.")
        start = _data_start(content, entry, table)
        free = start + entry.packed_size
        if free > table:
            _refuse(f'"{shown(entry.name)}" in the archive reaches beyond its end.')
        if entry.flags & _SIZES_FOLLOW:
            free += _descriptor(content, entry, free)
        found.append(replace(entry, data_start=start))
    if free != table:
        _refuse("The archive holds something that its table does not list.")
    return tuple(found)


def _data_start(content: Content, entry: Entry, table: int) -> int:
    at = entry.offset
    if at + _LOCAL.size > table or content[at : at + 4] != _LOCAL_MARK:
        _refuse(f'"{shown(entry.name)}" is not where the archive says.')
    _, _, flags, method, _, _, checksum, packed, size, name, extra = _LOCAL.unpack_from(content, at)
    name_at = at + _LOCAL.size
    same = _name(content[name_at : name_at + name], flags) == entry.name
    same = same and (method == _DEFLATED) == entry.is_deflated and method in (_STORED, _DEFLATED)
    same = same and not (flags ^ entry.flags) & (_ENCRYPTED | _PATCHED | _SIZES_FOLLOW)
    declared = (checksum, packed, size)
    known = (entry.checksum, entry.packed_size, entry.size)
    left_open = bool(flags & _SIZES_FOLLOW) and all(
        each in (0, _ZIP64_LONG, known[number]) for number, each in enumerate(declared)
    )
    if not same or not (declared == known or left_open):
        raise _two_ways(entry)
    return at + _LOCAL.size + int(name) + int(extra)


def _descriptor(content: Content, entry: Entry, at: int) -> int:
    """The length of what tells sizes after a content: with or without a mark, in 4 or 8 bytes each."""
    for mark in (_DESCRIPTOR_MARK, b""):
        for sizes in ("II", "QQ"):
            told: bytes = mark + struct.pack(f"<I{sizes}", entry.checksum, entry.packed_size, entry.size)
            if content[at : at + len(told)] == told:
                return len(told)
    raise _two_ways(entry)


def _check_manner(name: str, flags: int, method: int) -> None:
    if flags & _ENCRYPTED:
        _refuse(f'"{shown(name)}" in the archive is encrypted.', "Pack the files without a password.")
    if flags & _PATCHED or method not in (_STORED, _DEFLATED):
        _refuse(f'"{shown(name)}" in the archive is packed in a way that is not read here.')


def _name(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        if flags & _UTF8:
            _refuse("The archive names a file in bytes that are no text.")
    try:
        return raw.decode("utf-8")  # many programs write UTF-8 without saying so
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _two_ways(entry: Entry) -> ImportRefused:
    return ImportRefused(f'The archive describes "{shown(entry.name)}" in two ways that differ.', hint=_HINT)


def _refuse(message: str, hint: str = _HINT) -> NoReturn:
    raise ImportRefused(message, hint=hint)
