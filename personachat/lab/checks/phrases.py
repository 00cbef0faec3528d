"""Phrases that models repeat: refusals, empty phrases, and words that leave the role.

The lists in `patterns/` are regular expressions over folded text (see `wording`), in English, German, French,
Spanish, Italian, Portuguese, Dutch, Arabic, Japanese and Chinese. A refusal in another language is not found.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from importlib.resources import files

from personachat.lab.checks.model import CheckedReply, Finding, Spans
from personachat.lab.checks.wording import Folded, not_contains, quoted

_QUOTED = re.compile(r"\"[^\"\n]{1,300}\"|「[^」\n]{1,300}」")


def _read(name: str) -> re.Pattern[str]:
    """The patterns of a file, one per line, combined."""
    lines = (files(__package__) / "patterns" / f"{name}.txt").read_text("utf-8").splitlines()
    return re.compile("|".join(f"(?:{line})" for line in lines if line and not line.startswith("#")))


_REFUSING, _LEAVING, _EMPTY = _read("refusals"), _read("leaving_role"), _read("empty")
MOST_CHARACTERS = 50_000


def refuses(reply: CheckedReply, expected: bool) -> Finding:  # noqa: FBT001  # as in the suite
    spans, phrases = _spans_and_texts(_REFUSING, reply.text)
    return Finding.of(
        bool(spans) is expected, f"It refuses: {quoted(phrases)}." if phrases else "It doesn't refuse.", spans
    )


def not_refuses(reply: CheckedReply, expected: bool) -> Finding:  # noqa: FBT001  # as in the suite
    return refuses(reply, not expected)


def stays_in_role(reply: CheckedReply, expected: bool) -> Finding:  # noqa: FBT001  # as in the suite
    """Text that the reply only quotes isn't the persona's own."""
    spans, phrases = _spans_and_texts(_LEAVING, reply.text, quotations=False)
    sentence = f"It leaves the role: {quoted(phrases)}." if phrases else "Nothing leaves the role."
    return Finding.of(bool(spans) is not expected, sentence, spans)


def banned(reply: CheckedReply, expected: bool | str | tuple[str, ...]) -> Finding:  # noqa: FBT001  # a caller gives it by its place
    if not isinstance(expected, bool):
        return not_contains(reply, expected)
    spans, phrases = _spans_and_texts(_EMPTY, reply.text)
    return Finding.of(not spans, f"It says {quoted(phrases)}." if phrases else "No empty phrases.", spans)


def _spans_and_texts(
    pattern: re.Pattern[str], text: str, *, quotations: bool = True
) -> tuple[Spans, list[str]]:
    looked = Folded(text[:MOST_CHARACTERS])
    quoted_parts = [] if quotations else [match.span() for match in _QUOTED.finditer(looked.text)]
    matches = [match for match in pattern.finditer(looked.text) if not _is_inside(match.span(), quoted_parts)]
    spans = tuple(looked.span(*match.span()) for match in matches)
    return spans, [text[start:end] for start, end in spans]


def _is_inside(span: tuple[int, int], parts: list[tuple[int, int]]) -> bool:
    """Whether a span is inside one of these, which are in order and don't overlap."""
    at = bisect_left(parts, (span[0], 0)) - 1
    return at >= 0 and span[1] < parts[at][1]
