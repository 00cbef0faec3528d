"""Reads a GGUF file's header; the weights are never read.

Whatever the bytes are, the result is a value or a ValueError, and no more is read than the file contains.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_MAGIC = b"GGUF"
_FIRST_VERSION_WITH_64_BIT_LENGTHS = 2
_STRING, _ARRAY = 8, 9
_WHOLE_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 10: "Q", 11: "q"}
_SCALARS = _WHOLE_NUMBERS | {6: "f", 7: "?", 12: "d"}
_LONGEST_KEY_BYTES = 65_535
_LARGEST_HEADER_BYTES = 1 << 40


def context_length(file: Path) -> int | None:
    """Return how many tokens the model was trained to see at once; None if the file does not say.

    Raises OSError, and ValueError if this is no GGUF file. The layout is specified in ggml's docs/gguf.md.
    """
    with file.open("rb") as source:
        if source.read(4) != _MAGIC:
            raise ValueError("this is not a GGUF file")
        if _scalar(source, "I") < _FIRST_VERSION_WITH_64_BIT_LENGTHS:
            raise ValueError("this GGUF file is in an old version of the format")
        _scalar(source, "Q")  # number of tensors
        for _ in range(int(_scalar(source, "Q"))):
            key = _bytes(source, int(_scalar(source, "Q")), at_most=_LONGEST_KEY_BYTES)
            kind = int(_scalar(source, "I"))
            if key.endswith(b".context_length") and kind in _WHOLE_NUMBERS:
                length = int(_scalar(source, _WHOLE_NUMBERS[kind]))
                return length if length > 0 else None
            _skip(source, kind)
    return None


def _scalar(source: BinaryIO, layout: str) -> float:
    layout = "<" + layout
    value: float = struct.unpack(layout, _bytes(source, struct.calcsize(layout)))[0]
    return value


def _bytes(source: BinaryIO, count: int, *, at_most: int = 8) -> bytes:
    content = source.read(count) if count <= at_most else b""
    if len(content) != count:
        raise ValueError("the GGUF header is damaged")
    return content


def _skip(source: BinaryIO, kind: int, *, depth: int = 0) -> None:
    if kind == _STRING:
        _skip_bytes(source, int(_scalar(source, "Q")))
    elif kind in _SCALARS:
        _skip_bytes(source, struct.calcsize("<" + _SCALARS[kind]))
    elif kind == _ARRAY and depth == 0:
        inner, count = int(_scalar(source, "I")), int(_scalar(source, "Q"))
        if inner in _SCALARS:
            _skip_bytes(source, count * struct.calcsize("<" + _SCALARS[inner]))
        else:
            for _ in range(count):
                _skip(source, inner, depth=depth + 1)
    else:
        raise ValueError("the GGUF header is damaged")


def _skip_bytes(source: BinaryIO, count: int) -> None:
    if count > _LARGEST_HEADER_BYTES:
        raise ValueError("the GGUF header is damaged")
    source.seek(count, 1)
