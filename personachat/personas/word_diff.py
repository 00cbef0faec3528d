"""Compares two texts word by word, for people to read.

The kept and removed pieces make up the text before; the kept and added ones make up the text after. The work
grows with the length of the texts, not with its square, whatever they contain.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

MOST_CHARACTERS_BY_WORD = 200_000
"""Characters of both texts together; longer ones are compared line by line."""

MOST_SWALLOWED = 20
"""Characters of unchanged text that may be shown as changed between larger changes."""

Span = tuple[int, int, int, int]
"""Where two sequences differ: start and end in the first, start and end in the second."""

_MOST_DEPTH = 8
_MOST_SEARCHED = 400
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORDS = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[\w\u0300-\u036f])+|\n|[^\S\n]+|[^\w\s]+")


@dataclass(frozen=True, slots=True)
class DiffPiece:
    """A run of text that was kept, removed or added."""

    kind: Literal["same", "removed", "added"]
    text: str


def compared_words(before: str, after: str) -> tuple[DiffPiece, ...]:
    """Return the pieces in the order of the text; removed text comes before what replaced it."""
    if len(before) + len(after) > MOST_CHARACTERS_BY_WORD:
        first, second = before.splitlines(keepends=True), after.splitlines(keepends=True)
    else:
        first, second = _WORDS.findall(before), _WORDS.findall(after)
    pieces: list[DiffPiece] = []
    done = 0
    for start, end, other_start, other_end in _readable(first, second, spans(first, second)):
        pieces.append(DiffPiece("same", "".join(first[done:start])))
        pieces.append(DiffPiece("removed", "".join(first[start:end])))
        pieces.append(DiffPiece("added", "".join(second[other_start:other_end])))
        done = end
    pieces.append(DiffPiece("same", "".join(first[done:])))
    return tuple(piece for piece in pieces if piece.text)


def spans(first: Sequence[str], second: Sequence[str]) -> list[Span]:
    """Return where two sequences differ, in order; everything in between is equal."""
    joined_spans: list[Span] = []
    for span in _parts(first, second, (0, len(first), 0, len(second)), 0):
        if joined_spans and joined_spans[-1][1] == span[0] and joined_spans[-1][3] == span[2]:
            joined_spans[-1] = (joined_spans[-1][0], span[1], joined_spans[-1][2], span[3])
        else:
            joined_spans.append(span)
    return joined_spans


def _parts(first: Sequence[str], second: Sequence[str], span: Span, depth: int) -> Iterator[Span]:
    start, end, other_start, other_end = span
    while start < end and other_start < other_end and first[start] == second[other_start]:
        start, other_start = start + 1, other_start + 1
    while start < end and other_start < other_end and first[end - 1] == second[other_end - 1]:
        end, other_end = end - 1, other_end - 1
    span = (start, end, other_start, other_end)
    if start == end or other_start == other_end:
        if start < end or other_start < other_end:
            yield span
        return
    anchors = _anchors(first, second, span) if depth < _MOST_DEPTH else []
    if not anchors:
        searched = end - start + other_end - other_start <= _MOST_SEARCHED
        yield from _shortest(first, second, span) if searched else (span,)
        return
    for place, other_place in [*anchors, (end, other_end)]:
        yield from _parts(first, second, (start, place, other_start, other_place), depth + 1)
        start, other_start = place + 1, other_place + 1


def _anchors(first: Sequence[str], second: Sequence[str], span: Span) -> list[tuple[int, int]]:
    """Places of words that occur once in both, as many as come in the same order (patience diff)."""
    start, end, other_start, other_end = span
    counts, other_counts = Counter(first[start:end]), Counter(second[other_start:other_end])
    other_places = {second[place]: place for place in range(other_start, other_end)}
    tops: list[int] = []
    piles: list[int] = []
    places: list[tuple[int, int, int]] = []
    for place in range(start, end):
        word = first[place]
        if counts[word] != 1 or other_counts[word] != 1:
            continue
        other_place = other_places[word]
        pile = bisect_left(tops, other_place)
        places.append((place, other_place, piles[pile - 1] if pile else -1))
        tops[pile : pile + 1] = [other_place]
        piles[pile : pile + 1] = [len(places) - 1]
    anchors_backwards: list[tuple[int, int]] = []
    at = piles[-1] if piles else -1
    while at >= 0:
        place, other_place, at = places[at]
        anchors_backwards.append((place, other_place))
    return anchors_backwards[::-1]


def _shortest(first: Sequence[str], second: Sequence[str], span: Span) -> Iterator[Span]:
    """The fewest words removed and added, after Myers, "An O(ND) Difference Algorithm" (1986)."""
    start, end, other_start, other_end = span
    length, other_length = end - start, other_end - other_start
    furthest = {1: 0}
    rounds: list[dict[int, int]] = []
    for edits in range(length + other_length + 1):
        rounds.append(dict(furthest))
        for diagonal in range(-edits, edits + 1, 2):
            at, _ = _step(furthest, diagonal, edits)
            while (
                at < length
                and at - diagonal < other_length
                and first[start + at] == second[other_start + at - diagonal]
            ):
                at += 1
            furthest[diagonal] = at
            if at >= length and at - diagonal >= other_length:
                yield from _way_back(rounds, span)
                return


def _step(furthest: dict[int, int], diagonal: int, edits: int) -> tuple[int, bool]:
    """How far an edit leads on this diagonal, and whether it adds a word rather than removing one."""
    adds = diagonal == -edits or (diagonal != edits and furthest[diagonal - 1] < furthest[diagonal + 1])
    return (furthest[diagonal + 1], True) if adds else (furthest[diagonal - 1] + 1, False)


def _way_back(rounds: list[dict[int, int]], span: Span) -> list[Span]:
    start, end, other_start, other_end = span
    diagonal = (end - start) - (other_end - other_start)
    spans_backwards: list[Span] = []
    for edits in range(len(rounds) - 1, 0, -1):
        landed, adds = _step(rounds[edits], diagonal, edits)
        at, other_at = start + landed, other_start + landed - diagonal
        spans_backwards.append((at, at, other_at - 1, other_at) if adds else (at - 1, at, other_at, other_at))
        diagonal += 1 if adds else -1
    return spans_backwards[::-1]


def _readable(first: Sequence[str], second: Sequence[str], rough_spans: list[Span]) -> list[Span]:
    """Join changes with too little unchanged text between them: scattered single words are hard to read."""

    def size(span: Span) -> int:
        return max(sum(map(len, first[span[0] : span[1]])), sum(map(len, second[span[2] : span[3]])))

    joined: list[Span] = []
    for span in rough_spans:
        if joined:
            last = joined[-1]
            text = "".join(first[last[1] : span[0]])
            if not text.strip() or len(text) <= min(size(last), size(span), MOST_SWALLOWED):
                joined[-1] = (last[0], span[1], last[2], span[3])
                continue
        joined.append(span)
    return joined
