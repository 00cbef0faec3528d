"""Reads the files of a zip, and trusts nothing that it says of itself.

An archive must be one gapless row of plain files: nothing before (but the picture that a CHARX may begin
with), between or after them. `zipfile` reads the table at its end; whatever two readers could read in two
ways is refused, and so is what small archives never need: several disks, Zip64, encryption (PKWARE,
APPNOTE.TXT). A file is unpacked in memory with a counter, whatever sizes are declared, and only when it is
asked for; nothing is written, followed or executed.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from mmap import mmap
from typing import IO, NamedTuple, NoReturn, TypeAlias

from personachat.errors import ImportRefused
from personachat.jsontext.faults import excerpt
from personachat.personas.formats.catalogue import MOST_FILE_BYTES
from personachat.personas.formats.packed import PackedFile

_MB = 1024 * 1024
_HEAD_BYTES = 4096
_HINT = "Pack the files again as a plain ZIP file."
_WHEN = (1980, 1, 1, 0, 0, 0)
"""Entries carry no time, so that the same personas make the same bytes."""

_ALREADY_PACKED = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"OggS", b"ID3", b"\xff\xfb", b"fLaC", b"wOF")
"""Contents that packing makes no smaller begin so."""

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

_END = struct.Struct("<4sHHHHIIH")
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_END_MARK, _LISTED_MARK, _LOCAL_MARK = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
_ZIP64_MARK, _ZIP64_SIZE, _ZIP64_EXTRA = b"PK\x06\x07", 0xFFFFFFFF, 1
_LONGEST_COMMENT = 0xFFFF
_MOST_BYTES_PER_ENTRY = 2_000
"""For each file, in the table: its name, and what other programs add to it."""

_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_SIZES_FOLLOW, _PATCHED, _UTF8 = 1 << 3, 1 << 5, 1 << 11
_REPARSE_POINT = 0x400
_ZIP64 = "The archive uses the format for very large archives (Zip64)."
_TWO_WAYS = 'The archive contains two different descriptions of "{}".'

Content: TypeAlias = bytes | mmap
"""A whole archive, in memory or as a file that is mapped into it."""


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


class _Entry(NamedTuple):
    """A file or folder: what the table says of it, its name as read here, and where it stands."""

    info: zipfile.ZipInfo
    name: str
    start: int
    data_start: int

    @property
    def end(self) -> int:
        return self.data_start + self.info.compress_size


def is_zip(content: Content) -> bool:
    return content[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


def has_end(content: Content) -> bool:
    """Whether an archive ends here, whatever stands in front of it."""
    return _end(content) >= 0


def _end(content: Content) -> int:
    """Where the closing record stands; -1 if there is none."""
    return content.rfind(_END_MARK, max(len(content) - _LONGEST_COMMENT - _END.size, 0))


class Archive:
    """An archive whose table was read and checked. Raises ImportRefused with the reason, as `read` does."""

    def __init__(self, content: Content, *, limits: Limits = LIMITS, behind_picture: bool = False) -> None:
        """`behind_picture`: a picture comes first; the archive's offsets may count from either's start."""
        if len(content) > limits.file_bytes:
            _refuse(f"The archive is too large; the limit is {limits.file_bytes // _MB} MB.", "Split it.")
        directory = _directory(content, most=limits.entries, behind_picture=behind_picture)
        _check_names(directory, limits)
        self._content = content
        self._limits = limits
        self._entries = {entry.name: entry for entry in directory if not entry.name.endswith("/")}

    @property
    def names(self) -> tuple[str, ...]:
        """Of the files, in the archive's order; folders are none."""
        return tuple(self._entries)

    def size(self, *names: str) -> int:
        """How many bytes these files have, as the archive says."""
        return sum(self._entries[name].info.file_size for name in names)

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
        starts = [entry.start for entry in self._entries.values()]
        return self._content[: min(*starts, MOST_FILE_BYTES + 1)] if starts else b""

    def start(self, name: str, length: int) -> bytes:
        """The first bytes of a file, as far as they can be had; nothing of it is checked."""
        entry = self._entries[name]
        packed = self._content[entry.data_start : min(entry.end, entry.data_start + _HEAD_BYTES)]
        if entry.info.compress_type == zipfile.ZIP_STORED:
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
    """As `pack` makes it, in memory."""
    return pack(files).content


def pack(files: Mapping[str, bytes | Callable[[], bytes]]) -> PackedFile:
    """A zip of these files, in this order; the same files make the same bytes.

    A content that is called for is in memory only while it is packed.
    """
    return PackedFile(partial(_write, files))


def _write(files: Mapping[str, bytes | Callable[[], bytes]], written: IO[bytes]) -> None:
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, data in files.items():
            content = data() if callable(data) else data
            entry = zipfile.ZipInfo(name, _WHEN)
            stays = name.endswith(".png") or content.startswith(_ALREADY_PACKED) or _shrinks_too_much(content)
            entry.compress_type = zipfile.ZIP_STORED if stays else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            packed.writestr(entry, content)


def _shrinks_too_much(content: bytes) -> bool:
    """Whether a reader with our limits would take the packed content for a bomb."""
    return len(content) > _MB and len(content) > LIMITS.ratio // 2 * len(zlib.compress(content, 1))


def _directory(content: Content, *, most: int, behind_picture: bool) -> tuple[_Entry, ...]:
    """The entries in the order of their content, which is one gapless row up to the table."""
    table, count = _table(content, most=most, behind_picture=behind_picture)
    entries = _entries(content[table:], count)
    free = table + entries[0].header_offset if entries and behind_picture else 0
    directory = []
    for info in entries:
        at = table + info.header_offset
        if at < free:
            _refuse("Files in the archive overlap.")
        if at > free:
            _refuse("The archive contains data before or between its files.")
        entry = _entry(content, info, at=at, table=table)
        if entry.end > table:
            _refuse(f'"{excerpt(entry.name)}" in the archive extends beyond its end.')
        free = entry.end + (_descriptor_length(content, entry) if info.flag_bits & _SIZES_FOLLOW else 0)
        directory.append(entry)
    if free != table:
        _refuse("The archive contains something that its table of files doesn't list.")
    return tuple(directory)


def _table(content: Content, *, most: int, behind_picture: bool) -> tuple[int, int]:
    """Where the table of files begins, which ends at the closing record, and how many it lists."""
    end = _end(content)
    if end < 0 or end + _END.size > len(content):
        _refuse("The archive is cut off: its end is missing.", "Download or copy it again.")
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(content, end)
    if end + _END.size + comment != len(content):
        _refuse("There is data after the end of the archive, or its end is missing.")
    if here == 0xFFFF or _ZIP64_SIZE in (size, start) or content[max(end - 20, 0) : end][:4] == _ZIP64_MARK:
        _refuse(_ZIP64)
    if disk or first_disk or here != count:
        _refuse("The archive is one part of several.", "Join the parts, then pack the files as one ZIP file.")
    if count > most:
        _refuse(f"The archive contains {count:,} files; the limit is {most:,}.", "Split it.")
    table = end - int(size)
    if size > most * _MOST_BYTES_PER_ENTRY or table < start or (table > start and not behind_picture):
        _refuse("The archive contains extra data, or its table of files is cut off.")
    if content[table:end].count(_LISTED_MARK) > count:  # before zipfile lists them
        _refuse("The archive lists more files than it states, or its table of files is damaged.")
    return table, int(count)


def _entries(table_and_end: bytes, count: int) -> list[zipfile.ZipInfo]:
    """What the table says, in the order of the content; `header_offset` counts from the table, backwards."""
    try:
        with zipfile.ZipFile(io.BytesIO(table_and_end)) as archive:
            entries = sorted(archive.infolist(), key=lambda info: info.header_offset)
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, struct.error):
        entries = []
    if len(entries) != count:
        _refuse("The archive's table of files is damaged.")
    return entries


def _entry(content: Content, info: zipfile.ZipInfo, *, at: int, table: int) -> _Entry:
    """An entry of the table, held against the record in front of its content."""
    name = _name(info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437"), info.flag_bits)
    if info.flag_bits & _ENCRYPTED:
        _refuse(f'"{excerpt(name)}" in the archive is encrypted.', "Pack the files without a password.")
    if info.flag_bits & _PATCHED or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        _refuse(f'"{excerpt(name)}" in the archive uses an unsupported compression.')
    if info.volume or info.file_size == _ZIP64_SIZE or _ZIP64_EXTRA in _extra_kinds(info.extra):
        _refuse(_ZIP64)
    if at + _LOCAL.size > table or content[at : at + 4] != _LOCAL_MARK:
        _refuse(f'"{excerpt(name)}" is not at the place that the archive states.')
    _, _, flags, method, _, _, *sizes, name_length, extra_length = _LOCAL.unpack_from(content, at)
    name_at = at + _LOCAL.size
    true = [info.CRC, info.compress_size, info.file_size]
    left_open = flags & _SIZES_FOLLOW and all(
        stated in (0, _ZIP64_SIZE, size) for stated, size in zip(sizes, true, strict=True)
    )
    if (
        _name(content[name_at : name_at + name_length], flags) != name
        or method != info.compress_type
        or (flags ^ info.flag_bits) & (_ENCRYPTED | _PATCHED | _SIZES_FOLLOW)
        or not (sizes == true or left_open)
    ):
        _refuse(_TWO_WAYS.format(excerpt(name)))
    return _Entry(info, name, at, name_at + name_length + extra_length)


def _descriptor_length(content: Content, entry: _Entry) -> int:
    """Of what tells sizes after a content: with or without a mark, in 4 or 8 bytes each."""
    info = entry.info
    for mark in (b"PK\x07\x08", b""):
        for sizes in ("II", "QQ"):
            descriptor: bytes = mark + struct.pack(f"<I{sizes}", info.CRC, info.compress_size, info.file_size)
            if content[entry.end : entry.end + len(descriptor)] == descriptor:
                return len(descriptor)
    return _refuse(_TWO_WAYS.format(excerpt(entry.name)))


def _extra_kinds(extra: bytes) -> Iterator[int]:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        yield kind
        extra = extra[4 + length :]


def _name(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8")  # many programs write UTF-8 without saying so
    except UnicodeDecodeError:
        if flags & _UTF8:
            _refuse("A file name in the archive is not valid text.")
        return raw.decode("cp437")


def _check_names(directory: tuple[_Entry, ...], limits: Limits) -> None:
    seen: dict[str, str] = {}
    for info, name, *_ in directory:
        is_folder, kind = name.endswith("/"), stat.S_IFMT(info.external_attr >> 16)
        if is_folder and (info.file_size or info.compress_size):
            _refuse(f'The folder "{excerpt(name)}" in the archive has data of its own.')
        if fault := name_fault(name, limits):
            _refuse(f'The archive names a file "{excerpt(name)}", which {fault}.')
        if kind == stat.S_IFLNK or info.external_attr & _REPARSE_POINT:
            _refuse(f'"{excerpt(name)}" in the archive is a link. Links are not followed.')
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (kind == stat.S_IFDIR and not is_folder):
            _refuse(f'"{excerpt(name)}" in the archive is neither a file nor a folder.')
        key = unicodedata.normalize("NFC", name.rstrip("/")).casefold()
        if key in seen:
            _refuse(f'The archive contains two files named "{excerpt(name)}" and "{excerpt(seen[key])}".')
        seen[key] = name
    folders = {key[:at] for key in seen for at, sign in enumerate(key) if sign == "/"}
    if clash := next((name for key, name in seen.items() if key in folders and name[-1] != "/"), None):
        _refuse(f'"{excerpt(clash)}" in the archive is both a file and a folder.')


def name_fault(name: str, limits: Limits = LIMITS) -> str:
    """Why a file in an archive can't have this name; "" where it can."""
    if not name or len(name) > limits.name_characters:
        return f"is not 1 to {limits.name_characters} characters long"
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name):
        return "contains control characters"
    if "\\" in name:
        return "contains a backslash"
    if name.startswith("/") or _DRIVE.match(name):
        return "is a path on a disk, not a name inside the archive"
    if any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
        return "leads out of the archive"
    return ""


def _check_size(entry: _Entry, limits: Limits) -> None:
    name, size = excerpt(entry.name), entry.info.file_size
    if size > limits.entry_bytes:
        _refuse(f'"{name}" in the archive is too large; the limit is {limits.entry_bytes // _MB} MB.')
    if size > _MB and size > limits.ratio * max(entry.info.compress_size, 1):
        _refuse(f'"{name}" in the archive unpacks to more than {limits.ratio} times its size.')


def _unpacked(content: Content, entry: _Entry) -> bytes:
    data = content[entry.data_start : entry.end]
    if entry.info.compress_type == zipfile.ZIP_DEFLATED:
        data = _inflated(data, entry)
    name = excerpt(entry.name)
    if len(data) != entry.info.file_size:
        _refuse(_LIES.format(name=name, said=entry.info.file_size, what=f"{len(data):,}"))
    if zlib.crc32(data) != entry.info.CRC:
        _refuse(f'"{name}" in the archive is damaged: its checksum is wrong.')
    is_tar = data[_TAR_AT : _TAR_AT + len(_TAR_MARK)] == _TAR_MARK
    if is_tar or data.startswith(_NESTED) or _BZIP.match(data):
        _refuse(f'"{name}" is an archive inside the archive.', "Unpack it first.")
    return data


def _inflated(packed: bytes, entry: _Entry) -> bytes:
    """The content; `zipfile` would cut off what is longer than was said, and not look at what follows."""
    name, size = excerpt(entry.name), entry.info.file_size
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        # One byte more than was said is enough to see the lie, and no more is ever made.
        data = stream.decompress(packed, size + 1)
    except zlib.error:
        _refuse(f'"{name}" in the archive is damaged and can\'t be unpacked.')
    if len(data) > size:
        _refuse(_LIES.format(name=name, said=size, what="more"))
    if not stream.eof or stream.unused_data:
        _refuse(f'"{name}" in the archive doesn\'t end where the archive says.')
    return data


def _refuse(message: str, hint: str = _HINT) -> NoReturn:
    raise ImportRefused(message, hint=hint) from None
