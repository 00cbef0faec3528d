"""Old versions of a text in little space: compressed, or as the difference from the next version.

Pure functions. Unpacking returns the identical text, which is checked before anything is stored.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import TypeAlias

Step: TypeAlias = "list[int] | str"
"""[start, length] of what is copied from the newer text, or the text to insert instead."""

_PIECES = re.compile(r"[^\s,.;:]*[\s,.;:]*", re.DOTALL)
_RUN = 6
"""How many pieces in a row must be equal to count as the same place."""

_SMALLER = 0.7
"""The largest share of the compressed text that a difference may take."""


def compressed(text: str) -> bytes:
    return zlib.compress(text.encode(), 6)


def decompressed(packed: bytes) -> str:
    return zlib.decompress(packed).decode()


def difference(old: str, new: str) -> bytes | None:
    """The steps that turn `new` into `old`; None if they save little over compressing `old`."""
    packed = zlib.compress(json.dumps(list(_steps(old, new)), separators=(",", ":")).encode(), 6)
    if len(packed) > _SMALLER * len(compressed(old)) or older(packed, new) != old:
        return None
    return packed


def older(packed: bytes, new: str) -> str:
    """The text before `new`."""
    steps: list[Step] = json.loads(zlib.decompress(packed))
    return "".join(step if isinstance(step, str) else new[step[0] : step[0] + step[1]] for step in steps)


def _steps(old: str, new: str) -> Iterator[Step]:
    """Steps through `old`: runs of pieces that are also in `new`, and everything between them."""
    theirs, ours = _pieces(new), _pieces(old)
    offsets = _offsets(theirs)
    places = {tuple(theirs[at : at + _RUN]): at for at in range(len(theirs) - _RUN, -1, -1)}
    own: list[str] = []
    at = expected = 0
    while at < len(ours):
        place = expected if _same(ours, at, theirs, expected) else places.get(tuple(ours[at : at + _RUN]))
        if place is None:
            own.append(ours[at])
            at += 1
            continue
        if own:
            yield "".join(own)
            own = []
        end = place
        while at < len(ours) and end < len(theirs) and ours[at] == theirs[end]:
            at, end = at + 1, end + 1
        yield [offsets[place], offsets[end] - offsets[place]]
        expected = end
    if own:
        yield "".join(own)


def _same(ours: Sequence[str], at: int, theirs: Sequence[str], where: int) -> bool:
    run = ours[at : at + _RUN]
    return run == theirs[where : where + len(run)]


def _pieces(text: str) -> list[str]:
    """The text in pieces of about a word."""
    return [piece for piece in _PIECES.findall(text) if piece]


def _offsets(pieces: Sequence[str]) -> list[int]:
    offsets, total = [0], 0
    for piece in pieces:
        total += len(piece)
        offsets.append(total)
    return offsets
