"""The frames of PNG and JPEG: what makes the picture itself, and apart from it what a camera noted (EXIF).

Texts, profiles, animations, previews and whatever else lies around the picture never reach a decoder.
Sources: the PNG specification (W3C, third edition); JPEG (ITU-T T.81).
"""

from __future__ import annotations

import struct

from personachat.errors import PictureRefused

SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"

_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_MOST_EXIF_BYTES = 64 * 1024
_MOST_PIECES = 20_000

_APP_0, _APP_1, _APP_14, _APP_15, _COMMENT = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
_SCAN, _END = 0xDA, 0xD9
_EXIF = b"Exif\0\0"


def plain_png(content: bytes) -> tuple[bytes, bytes]:
    """The chunks of the picture itself, and its EXIF data. Raises PictureRefused."""
    view, at = memoryview(content), len(SIGNATURE)
    pieces: list[bytes | memoryview] = [SIGNATURE]
    exif = b""
    for _ in range(_MOST_PIECES):
        if at + 12 > len(view):
            raise _refused("The picture is cut off: its end is missing.")
        length, kind = struct.unpack_from(">I4s", view, at)
        end = at + 12 + length
        if end > len(view):
            raise _refused("The picture is cut off or states a wrong size.")
        if kind in _CHUNKS:
            pieces.append(view[at:end])
        elif kind == b"eXIf" and length <= _MOST_EXIF_BYTES:
            exif = bytes(view[at + 8 : end - 4])
        if kind == b"IEND":
            return b"".join(pieces), exif
        at = end
    raise _refused(f"The picture has too many parts; the limit is {_MOST_PIECES:,}.")


def plain_jpeg(content: bytes) -> tuple[bytes, bytes]:
    """The picture with the segments that say how its colours are meant, and its EXIF data.

    Raises PictureRefused.
    """
    view, at = memoryview(content), 2
    pieces: list[bytes | memoryview] = [content[:2]]
    exif = b""
    for _ in range(_MOST_PIECES):
        while content[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(content) or content[at] != 0xFF:
            raise _refused("The picture is damaged: its header can't be read.")
        marker = content[at + 1]
        if marker in {_SCAN, _END}:
            pieces.append(view[at:])
            return b"".join(pieces), exif
        end = at + 2 + struct.unpack_from(">H", content, at + 2)[0]
        if end > len(content) or end < at + 4:
            raise _refused("The picture is cut off or states a wrong size.")
        if marker == _APP_1 and content[at + 4 : at + 10] == _EXIF:
            exif = exif or content[at + 10 : end]
        is_beside = _APP_0 <= marker <= _APP_15 or marker == _COMMENT
        if marker in {_APP_0, _APP_14} or not is_beside:
            pieces.append(view[at:end])
        at = end
    raise _refused(f"The picture has too many parts; the limit is {_MOST_PIECES:,}.")


def _refused(message: str) -> PictureRefused:
    return PictureRefused(message, hint="Choose another picture.")
