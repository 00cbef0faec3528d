"""File names made from titles, valid on every system: no separators, no device names, not too long."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

MOST_CHARACTERS = 80
_MOST_BYTES = 180
"""A name has at most 255 bytes, with its number and ending."""

_FORBIDDEN = re.compile('[<>:"/\\\\|?*]')
_DEVICE = re.compile(r"(?:con(?:in\$|out\$)?|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\..*)?", re.IGNORECASE)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def file_name(title: str) -> str:
    """A title as a file name, without an ending."""
    text = unicodedata.normalize("NFC", title)
    text = "".join(" " if unicodedata.category(sign) in _INVISIBLE else sign for sign in text)
    text = " ".join(_FORBIDDEN.sub(" ", text).split())[:MOST_CHARACTERS]
    text = text.encode()[:_MOST_BYTES].decode(errors="ignore").strip(" .~-")
    return "conversation" if not text or _DEVICE.fullmatch(text) else text


def unique_names(titles: Sequence[str]) -> list[str]:
    """A name for each, in order; if two differ only in case, the later one gets a number."""
    other_names: set[str] = set()
    numbers: dict[str, int] = {}
    names: list[str] = []
    for title in titles:
        plain = file_name(title)
        name, key = plain, plain.casefold()
        while unicodedata.normalize("NFD", name.casefold()) in other_names:
            numbers[key] = numbers.get(key, 1) + 1
            name = f"{plain} ({numbers[key]})"
        other_names.add(unicodedata.normalize("NFD", name.casefold()))
        names.append(name)
    return names
