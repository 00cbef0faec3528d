"""Cards inside JPEG and WebP pictures: JSON in the EXIF field UserComment, as older programs wrote it.

Only the frame of a picture is walked; no pixel is decoded. Of the EXIF data two tables are read, whatever
else it points at. Sources: JPEG (ITU-T T.81), the WebP container, TIFF 6.0, Exif 2.32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import NoReturn

from personachat.errors import ImportRefused
from personachat.personas.formats.cards.payload import payload_text
from personachat.personas.formats.catalogue import NoPersona

JPEG, RIFF, WEBP = b"\xff\xd8\xff", b"RIFF", b"WEBP"

MOST_SEGMENTS = 5_000
MOST_ENTRIES = 1_000
MOST_COMMENTS = 20

_EXIF_TABLE, _USER_COMMENT, _DESCRIPTION = 0x8769, 0x9286, 0x010E
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 7: 1}
_MARKERS_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_CHARSETS = {b"ASCII\0\0\0": "", b"UNICODE\0": "utf-16", b"JIS\0\0\0\0\0": "", bytes(8): ""}
_BLANK = b" \t\r\n\0"
_APP1, _SCAN, _END, _COMMENT = 0xE1, 0xDA, 0xD9, 0xFE
_HINT = "Some sites remove it. Download the original file."


def is_webp(content: bytes) -> bool:
    return content[:4] == RIFF and content[8:12] == WEBP


def read_exif_card(content: bytes) -> tuple[str, tuple[str, ...]]:
    """The first card in the picture's comments that can be read, as `payload_text`. Raises ImportRefused."""
    blocks = _webp_blocks(content) if is_webp(content) else _jpeg_blocks(content)
    fault: ImportRefused = NoPersona("The picture contains no character card.", hint=_HINT)
    comments = (comment for block in blocks for comment in _comments(block) if comment.strip(_BLANK))
    for comment in islice(comments, MOST_COMMENTS):
        try:
            return payload_text(comment)
        except ImportRefused as refused:
            fault = refused
    raise fault


def _jpeg_blocks(content: bytes) -> Iterator[bytes]:
    at = 2
    for _ in range(MOST_SEGMENTS):
        while content[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(content) or content[at] != 0xFF:
            return
        marker = content[at + 1]
        if marker in _MARKERS_ALONE:
            at += 2
            continue
        if marker in {_SCAN, _END}:
            return
        (length,) = struct.unpack_from(">H", content, at + 2)
        if length < 2 or at + 2 + length > len(content):
            _refuse("The picture is cut off or states a wrong size.")
        if marker == _APP1 and content[at + 4 : at + 10] == b"Exif\0\0":
            yield content[at + 10 : at + 2 + length]
        at += 2 + length
    _refuse(f"The picture has too many parts; the limit is {MOST_SEGMENTS:,}.")


def _webp_blocks(content: bytes) -> Iterator[bytes]:
    at = 12
    for _ in range(MOST_SEGMENTS):
        if at + 8 > len(content):
            return
        kind, length = struct.unpack_from("<4sI", content, at)
        if length > len(content) - at - 8:
            _refuse("The picture is cut off or states a wrong size.")
        if kind == b"EXIF":
            yield content[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
        at += 8 + length + length % 2
    _refuse(f"The picture has too many parts; the limit is {MOST_SEGMENTS:,}.")


def _comments(block: bytes) -> Iterator[bytes]:
    """The user's comments in EXIF data, without their mark of a character set."""
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return
    (first,) = struct.unpack_from(f"{order}I", block, 4)
    described: list[bytes] = []
    tables = [first]
    for table in tables:
        for tag, value in _entries(block, table, order):
            if tag == _EXIF_TABLE and len(tables) == 1 and len(value) == 4:
                tables.append(struct.unpack(f"{order}I", value)[0])
            elif tag == _USER_COMMENT:
                yield _uncoded(value, order)
            elif tag == _DESCRIPTION:
                described.append(value)
    for value in described:
        if value.lstrip()[:1] == b"{":
            yield value


def _entries(block: bytes, table: int, order: str) -> Iterator[tuple[int, bytes]]:
    if table + 2 > len(block):
        return
    (count,) = struct.unpack_from(f"{order}H", block, table)
    for number in range(min(count, MOST_ENTRIES)):
        at = table + 2 + 12 * number
        if at + 12 > len(block):
            return
        tag, kind, many = struct.unpack_from(f"{order}HHI", block, at)
        size = _SIZES.get(kind, 0) * many
        place = at + 8 if size <= 4 else struct.unpack_from(f"{order}I", block, at + 8)[0]
        if tag in {_EXIF_TABLE, _USER_COMMENT, _DESCRIPTION} and size and place + size <= len(block):
            yield tag, block[place : place + size]


def _uncoded(comment: bytes, order: str) -> bytes:
    codec = _CHARSETS.get(comment[:8])
    if codec is None:
        return comment
    text = comment[8:]
    if not codec or text.lstrip(b" \0")[:2] in (b'{"', b"{\n", b"{ ", b"{\r"):
        return text
    if text[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        codec = "utf-16-le" if order == "<" else "utf-16-be"
    return text.decode(codec, "replace").encode()


def _refuse(message: str) -> NoReturn:
    raise ImportRefused(message, hint="Nothing was imported.")
