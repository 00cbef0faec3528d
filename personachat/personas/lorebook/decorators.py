"""Decorators: lines that begin with @@ at the top of an entry's text and say how it is told.

They are never told themselves, those that are not known included. A line of @@@ stands in for the one above
it where that one is not known. Source: character-card-spec-v3, "Decorators".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

_LINE = re.compile(r"(@@@?)([A-Za-z_]+)[ \t]*(.*)")
_WHOLE = re.compile(r"-?\d{1,9}", re.ASCII)


def split_decorators(content: str) -> tuple[Mapping[str, str], str]:
    """The decorators that are known, by name, and the text without any."""
    lines = content.lstrip("\r\n").split("\n")
    decorators: dict[str, str] = {}
    has_original = True  # whether a line of @@@ has nothing to stand in for
    at = 0
    for at, line in enumerate(lines):  # noqa: B007  # where it ended is needed
        text = line.strip()
        if not text:
            continue
        if not text.startswith("@@"):
            break
        match = _LINE.fullmatch(text)
        is_stand_in = match is not None and match[1] == "@@@"
        if is_stand_in and has_original:
            continue
        has_original = False
        if match and _is_valid(match[2], match[3].strip()):
            decorators.setdefault(match[2], match[3].strip())
            has_original = True
    else:
        at = len(lines)
    if not at:
        return {}, content
    return decorators, "\n".join(lines[at:]).lstrip("\r\n")


def number(value: str) -> int:
    return int(value)


def _is_valid(name: str, value: str) -> bool:
    check = _VALUES.get(name)
    return check is not None and check(value)


def _anything(_: str) -> bool:
    return True


def _whole(value: str) -> bool:
    return _WHOLE.fullmatch(value) is not None


_POSITIONS = frozenset({"after_desc", "before_desc", "personality", "scenario"})

_VALUES: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "activate_only_after": _whole,
        "activate_only_every": _whole,
        "keep_activate_after_match": _anything,
        "dont_activate_after_match": _anything,
        "depth": _whole,
        "reverse_depth": _whole,
        "role": {"assistant", "system", "user"}.__contains__,
        "scan_depth": _whole,
        "is_greeting": _whole,
        "position": _POSITIONS.__contains__,
        "ignore_on_max_context": _anything,
        "additional_keys": bool,
        "exclude_keys": bool,
        "activate": _anything,
        "dont_activate": _anything,
    }
)
