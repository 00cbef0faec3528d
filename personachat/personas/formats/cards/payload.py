"""A card's JSON as pictures carry it: base64 in every spelling that is around, or the JSON itself."""

from __future__ import annotations

import base64
import binascii
import re
import zlib

from personachat.errors import ImportRefused
from personachat.personas.formats.encodings import decoded
from personachat.personas.formats.json_slimming import slimmed

MOST_INFLATED_BYTES = 16 * 1024 * 1024
"""Of a compressed text; what would be more is refused as soon as that is seen."""

MOST_LISTED_BYTES = 1024 * 1024
"""Of a card that is written as a list of numbers."""

_HINT = "Nothing was imported."
_SPACE = b" \t\r\n\x00"
_NUMBERS = re.compile(rb"[0-9]{1,3}(?:,[0-9]{1,3})+\Z")


def payload_text(payload: bytes) -> tuple[str, tuple[str, ...]]:
    """The JSON text, and the names of big extensions that it was freed from. Raises ImportRefused."""
    content = payload.strip(_SPACE)
    if not content.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE).startswith(b"{"):
        content = _unwrapped(content)
    content, left_out = slimmed(content)
    text = decoded(content)
    if text is None:
        raise ImportRefused("The card in the picture is damaged: it is not text.", hint=_HINT)
    return text.text, left_out


def inflated(packed: bytes | memoryview) -> bytes:
    """Unpack a compressed text of at most MOST_INFLATED_BYTES. Raises ImportRefused."""
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(packed, MOST_INFLATED_BYTES + 1)
    except zlib.error:
        raise ImportRefused("The card in the picture is damaged: it can't be unpacked.", hint=_HINT) from None
    if len(content) > MOST_INFLATED_BYTES:
        most = MOST_INFLATED_BYTES // 1024 // 1024
        raise ImportRefused(f"The card in the picture unpacks to more than {most} MB.", hint=_HINT)
    if not stream.eof:
        raise ImportRefused("The card in the picture is damaged: its end is missing.", hint=_HINT)
    return content


def _unwrapped(content: bytes) -> bytes:
    if len(content) < MOST_LISTED_BYTES and _NUMBERS.match(content):
        try:
            return bytes(map(int, content.split(b",")))  # SillyTavern's WebP cards list the bytes
        except ValueError:
            pass
    plain = content.translate(bytes.maketrans(b"-_", b"+/"), _SPACE).rstrip(b"=")
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ImportRefused(
            "The card in the picture is damaged: it is neither base64 nor JSON.", hint=_HINT
        ) from None
