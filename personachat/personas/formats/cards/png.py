"""Cards inside PNG pictures: the text chunks `chara` (V1, V2) and `ccv3` (V3).

Only the frame of the picture is read: no pixel is decoded, and of the texts only a card is inflated, up to a
limit. A card is read whatever is wrong with the pixels around it, and as far as the file goes.
Source: the PNG specification (W3C, third edition), and the character card specifications V1 to V3.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from personachat.errors import ImportRefused
from personachat.personas.formats.cards.payload import inflated, payload_text
from personachat.personas.formats.catalogue import NoPersona

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_PNG_BYTES = 32 * 1024 * 1024
MAX_CHUNKS = 20_000
MAX_TEXT_BYTES = 28 * 1024 * 1024
"""A card with all its scripts in base64."""

_KEYWORDS = (b"ccv3", b"chara")
_TEXT_KINDS = (b"tEXt", b"zTXt", b"iTXt")
MAX_CARDS = 4
"""Of each kind; the first that can be read counts."""

_LONGEST_HEAD = 4096


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    content: memoryview
    whole: memoryview

    @property
    def keyword(self) -> bytes:
        """Of a text chunk, in lower case; b"" of any other."""
        if self.kind not in _TEXT_KINDS:
            return b""
        return bytes(self.content[:80]).partition(b"\0")[0].lower()


def read_png_card(content: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the JSON text of the card in a picture, and which big extensions it was freed from.

    `ccv3` wins over `chara`, and a card that can be read over one that cannot. Raises ImportRefused.
    """
    cards: dict[bytes, list[_Chunk]] = {keyword: [] for keyword in _KEYWORDS}
    fault: ImportRefused | None = None
    try:
        for chunk in _chunks(content):
            if chunk.keyword in cards and len(cards[chunk.keyword]) < MAX_CARDS:
                cards[chunk.keyword].append(chunk)
    except ImportRefused as error:
        fault = error
    for chunk in (each for keyword in _KEYWORDS for each in cards[keyword]):
        try:
            return payload_text(_payload(chunk))
        except ImportRefused as error:
            fault = fault or error
    if fault is not None:
        raise fault
    raise NoPersona(
        "The picture contains no character card.", hint="Some sites remove it. Download the original file."
    )


def write_png_card(image: bytes, *, v2_text: str, v3_text: str) -> bytes:
    """Return the picture with these cards inside, in place of the ones it held.

    The picture is one of ours: of a stranger's the frame alone is checked. Raises ImportRefused.
    """
    pieces: list[bytes | memoryview] = [SIGNATURE]
    for chunk in _chunks(image):
        if chunk.kind == b"IEND":
            pieces += [_text_chunk(b"chara", v2_text), _text_chunk(b"ccv3", v3_text)]
        if chunk.keyword not in _KEYWORDS:
            pieces.append(chunk.whole)
    return b"".join(pieces)


def _chunks(content: bytes) -> Iterator[_Chunk]:
    """Every chunk up to IEND; what follows the end of the picture is not looked at."""
    if len(content) > MAX_PNG_BYTES:
        _refuse(f"The picture is too large; the limit is {MAX_PNG_BYTES // 1024 // 1024} MB.")
    if not content.startswith(SIGNATURE):
        _refuse("The file is not a PNG picture.")
    view, at = memoryview(content), len(SIGNATURE)
    for number in range(MAX_CHUNKS):
        chunk = _chunk(view, at)
        if (number == 0) != (chunk.kind == b"IHDR"):
            _refuse("The picture is damaged: it must start with its size, given once.")
        yield chunk
        if chunk.kind == b"IEND":
            return
        at += len(chunk.whole)
    _refuse(f"The picture has too many parts; the limit is {MAX_CHUNKS:,}.")


def _chunk(view: memoryview, at: int) -> _Chunk:
    if at + 12 > len(view):
        _refuse("The picture is cut off: its end is missing.")
    length, kind = struct.unpack_from(">I4s", view, at)
    if length > len(view) - at - 12:
        _refuse("The picture is cut off or states a wrong size.")
    if not kind.isalpha():
        _refuse("The picture is damaged: one of its parts has no valid name.")
    if kind in _TEXT_KINDS:
        if length > MAX_TEXT_BYTES:
            _refuse(f"A text in the picture is too large; the limit is {MAX_TEXT_BYTES // 1024 // 1024} MB.")
        (checksum,) = struct.unpack_from(">I", view, at + 8 + length)
        if zlib.crc32(view[at + 4 : at + 8 + length]) != checksum:
            _refuse(f"The picture is damaged: the checksum of its {kind.decode()} part is wrong.")
    return _Chunk(kind, view[at + 8 : at + 8 + length], view[at : at + 12 + length])


def _payload(chunk: _Chunk) -> bytes:
    """What stands behind the keyword of a text chunk, unpacked where it is compressed."""
    rest = chunk.content[len(chunk.keyword) + 1 :]
    if chunk.kind == b"tEXt":
        return bytes(rest)
    if chunk.kind == b"zTXt":
        return inflated(rest[1:])
    is_packed, head = bytes(rest[:1]) == b"\x01", bytes(rest[2:_LONGEST_HEAD])
    language = head.find(b"\0")
    translated = head.find(b"\0", language + 1)
    if language < 0 or translated < 0:
        _refuse("The picture is damaged: the header of a text is never closed.")
    text = rest[2 + translated + 1 :]
    return inflated(text) if is_packed else bytes(text)


def _text_chunk(keyword: bytes, text: str) -> bytes:
    content = b"tEXt" + keyword + b"\0" + base64.b64encode(text.encode())
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def _refuse(message: str) -> NoReturn:
    raise ImportRefused(message, hint="Nothing was imported.")
