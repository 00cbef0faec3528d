"""Reasoning that a client stores and sends back unread: `encrypted_content` of a reasoning item.

It hides nothing, since the item also has the text. It is packed so that programs that keep nothing else of an
item bring it back.
"""

from __future__ import annotations

import base64
import zlib

from personachat.messages import storable

_MARK = "pc1."
LONGEST_BYTES = 4 * 1024 * 1024
"""Bytes after unpacking: packed, they may be a thousand times fewer."""


def packed(text: str) -> str:
    return _MARK + base64.urlsafe_b64encode(zlib.compress(storable(text).encode())).decode()


def unpacked(content: object) -> str:
    """The text; "" if it wasn't packed here, such as another provider's."""
    if not isinstance(content, str) or not content.startswith(_MARK):
        return ""
    try:
        inside = base64.urlsafe_b64decode(content[len(_MARK) :].encode("ascii"))
        return zlib.decompressobj().decompress(inside, LONGEST_BYTES).decode(errors="ignore")
    except (ValueError, zlib.error):
        return ""
