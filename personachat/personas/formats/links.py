"""A persona as a piece of an address: packed small, and unpacked with care.

The first sign tells the version, the rest is base64url of zlib of the JSON text. Whatever comes in, no more
is unpacked than a persona may have, and nothing is fetched.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib

from personachat.errors import LinkInvalid
from personachat.jsontext.layout import laid_out
from personachat.jsontext.members import MOST_PERSONA_VALUES, value_count
from personachat.jsontext.reader import MAX_TEXT_BYTES
from personachat.personas.formats.catalogue import ImportedPersona
from personachat.personas.persona import parse_persona

MAX_LINK_CHARACTERS = 6_000
"""Browsers and servers take addresses of 8,000 characters; some room is left for the rest of one."""

ORIGIN = "a link"

_VERSION = "1"
_CUT = "The link contains no persona: it was cut off or changed."
_HINT = "Copy the whole link again, or ask for a new one."


def packed(text: str) -> str | None:
    """A persona's text for use in an address; None if that gets longer than MAX_LINK_CHARACTERS."""
    small = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    written = base64.urlsafe_b64encode(zlib.compress(small.encode(), 9)).decode().rstrip("=")
    return _VERSION + written if len(written) < MAX_LINK_CHARACTERS else None


def unpacked(packed: str) -> ImportedPersona:
    """Return the persona of a link.

    Raises LinkInvalid, or PersonaInvalid where the link is whole and what it holds follows no schema of ours.
    """
    packed = packed.strip()
    if len(packed) > MAX_LINK_CHARACTERS:
        raise LinkInvalid("The link is too long to come from PersonaChat.", hint=_HINT)
    if not packed.startswith(_VERSION):
        raise LinkInvalid("The link contains no persona that this PersonaChat can read.", hint=_HINT)
    text = _inflated(packed.removeprefix(_VERSION))
    if value_count(text) > MOST_PERSONA_VALUES:
        raise LinkInvalid("The link contains more than a persona can have.", hint=_HINT)
    persona = parse_persona(text)
    return ImportedPersona(persona, laid_out(text), "json", origin=ORIGIN)


def _inflated(written: str) -> str:
    stream = zlib.decompressobj()
    try:
        raw = base64.b64decode(written + "=" * (-len(written) % 4), altchars=b"-_", validate=True)
        content = stream.decompress(raw, MAX_TEXT_BYTES)
        text = content.decode()
    except (binascii.Error, zlib.error, ValueError) as error:
        raise LinkInvalid(_CUT, hint=_HINT) from error
    if stream.unconsumed_tail:
        raise LinkInvalid("The link unpacks to more than a persona can have.", hint=_HINT)
    if not stream.eof or stream.unused_data:
        raise LinkInvalid(_CUT, hint=_HINT)
    return text
