"""Where the files of a card lie in a folder, by their names in the card, and back.

A card may come from anybody, and its folder from under a version control, a shell or a build. So nothing is
hidden there, no name means something to a system, and only media keep their endings: whatever else a card
holds lies there as `<name>.asset`.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote

PLAIN = ".asset"
"""Follows the name of a file that is no media by its name."""

RESERVED = ("card.json",)
"""Names in a CHARX that no file of a card may have."""

_MEDIA = frozenset(
    {
        *("png", "apng", "jpg", "jpeg", "gif", "webp", "bmp", "jxl", "avif"),
        *("mp3", "ogg", "oga", "opus", "wav", "flac", "m4a", "aac", "mp4", "webm", "mkv", "avi", "mov"),
        *("woff", "woff2", "ttf", "otf", "glb", "moc3", "risum"),
    }
)
MOST_CHARACTERS = 255
_UNUSABLE = re.compile(r'[%<>:"|?*\\]|^[.\s]|[.\s]$')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def place_of(name: str) -> PurePosixPath:
    """The path of the file of this name, which `name_fault` finds nothing wrong with."""
    parts = [_usable(part) for part in name.split("/")]
    if PurePosixPath(parts[-1]).suffix[1:].lower() not in _MEDIA:
        parts[-1] += PLAIN
    return PurePosixPath(*parts)


def name_at(place: PurePosixPath) -> str:
    """The name of the file at this path."""
    return unquote(str(place).removesuffix(PLAIN), errors="replace")


def is_name(name: str) -> bool:
    """Whether a file that somebody has put into the folder can have this name in a card."""
    parts = name.split("/")
    return (
        len(name) <= MOST_CHARACTERS
        and name.isprintable()
        and "\\" not in name
        and ":" not in parts[0][1:2]
        and not any(part in {"", ".", ".."} for part in parts)
    )


def _usable(part: str) -> str:
    if _RESERVED.fullmatch(part):
        return f"{_escaped(part[0])}{_usable(part[1:])}"
    return _UNUSABLE.sub(lambda match: _escaped(match[0]), part)


def _escaped(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode())
