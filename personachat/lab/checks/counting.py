"""How much a reply says: words, sentences, questions, emoji, tokens, seconds and money."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sentencex

from personachat.lab.checks.languages import language_of
from personachat.lab.checks.model import CheckedReply, Finding, Spans
from personachat.lab.suites.model import Range

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(
    rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])+(?:['\u2019.,-](?:(?![{_UNSPACED}])[^\W_])+|[\u0300-\u036f\u0900-\u0dff]+)*"
)
"""3.14 and don't are one word each. Where no blanks stand between words, each letter is one."""

_FENCED = re.compile(r"^(`{3,}+|~{3,}+)[^\n]*+\n.*?(?:^\1[ \t]*+$|\Z)", re.DOTALL | re.MULTILINE)
_INLINE_CODE = re.compile(r"`[^`\n]+`")
_MARKS = "?\uff1f\u061f\u037e\u055e\u1367\u2047\u2048\u2049"
_QUESTION = re.compile(
    rf"[{_MARKS}][{_MARKS}!\uff01]*(?=[\s*_\"'\u201d\u2019\u00bb)\]\u300d\uff09]|$|(?<=[\uff1f])|[{_UNSPACED}])"
)
_MAY_END = re.compile(r"[.!?\u3002\uff01\uff1f]+(?=\s|(?<=[\u3002\uff01\uff1f]))")
MOST_PIECE = 4_000
"""Characters of a line that are split into sentences at once."""
_SAYS_SOMETHING = re.compile(r"[^\W_]")
_EMOJI = re.compile(
    "(?:[\U0001f1e6-\U0001f1ff]{2}"
    "|[0-9#*]\ufe0f?\u20e3"
    "|(?:[\U0001f300-\U0001f5ff\U0001f600-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7eb"
    "\U0001f900-\U0001f9ff\U0001fa70-\U0001faff]|[\u2600-\u27bf\u231a-\u23ff\u2b05-\u2b55\u00a9\u00ae\u2122]\ufe0f"
    "|[\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab"
    "\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e"
    "\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55])"
    "(?:\ufe0f|[\U0001f3fb-\U0001f3ff]|\u200d[\U0001f300-\U0001faff\u2600-\u27bf]\ufe0f?)*)"
)
"""As people see them: a family or a flag is one."""


def words(reply: CheckedReply, expected: int | Range) -> Finding:
    return _counted(len(words_of(reply.text)), expected, "word")


def words_of(text: str) -> list[re.Match[str]]:
    """Each word and its place."""
    return list(_WORD.finditer(text))


def sentences(reply: CheckedReply, expected: int | Range) -> Finding:
    return _counted(len(sentences_of(reply.text)), expected, "sentence")


def sentences_of(text: str) -> list[str]:
    """The sentences, without code. Items of a list and headings are sentences of their own."""
    prose = without_code(text)
    language = language_of(prose)
    found: list[str] = []
    for line in prose.splitlines():
        for piece in _pieces(line):
            found += [each for each in sentencex.segment(language, piece) if _SAYS_SOMETHING.search(each)]
    return found


def _pieces(line: str) -> Iterator[str]:
    """A line in pieces that end where a sentence may, because splitting takes the square of their length."""
    at = 0
    while len(line) - at > MOST_PIECE:
        ends = [match.end() for match in _MAY_END.finditer(line, at, at + MOST_PIECE)]
        end = ends[-1] if ends else at + MOST_PIECE
        yield line[at:end]
        at = end
    if line[at:].strip():
        yield line[at:]


def questions(reply: CheckedReply, expected: int | Range) -> Finding:
    """Question marks at the end of something, outside of code; an address may have one in the middle."""
    spans = tuple(match.span() for match in _QUESTION.finditer(without_code(reply.text)))
    return _counted(len(spans), expected, "question", spans)


def without_code(text: str) -> str:
    """The text with blanks in the place of code, so that places stay the same."""

    def blank(found: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", found[0])

    return _INLINE_CODE.sub(blank, _FENCED.sub(blank, text))


def emoji(reply: CheckedReply, expected: bool | int | Range) -> Finding:  # noqa: FBT001  # as in the suite
    spans = tuple(match.span() for match in _EMOJI.finditer(reply.text))
    if isinstance(expected, bool):
        found = f"{len(spans):,} emoji." if spans else "No emoji."
        return Finding.of(bool(spans) is expected, found, spans)
    return _counted(len(spans), expected, "emoji", spans, plural="emoji")


def tokens(reply: CheckedReply, expected: int | Range) -> Finding:
    if reply.tokens is None:
        return Finding("error", "The provider didn't say how many tokens the reply has.")
    return _counted(reply.tokens, expected, "token")


def seconds(reply: CheckedReply, expected: Range) -> Finding:
    if reply.seconds is None:
        return Finding("error", "It isn't known how long the reply took.")
    return Finding.of(_within(reply.seconds, expected), f"{reply.seconds:.1f} seconds; {_told(expected)}.")


def cost(reply: CheckedReply, expected: Range) -> Finding:
    if reply.cost_usd is None:
        return Finding("error", "The price of this model isn't known.")
    return Finding.of(_within(reply.cost_usd, expected), f"${reply.cost_usd:.6f}; {_told(expected)}.")


def _counted(
    count: int, expected: int | Range, noun: str, where: Spans = (), *, plural: str | None = None
) -> Finding:
    name = noun if count == 1 else plural or f"{noun}s"
    return Finding.of(_within(count, expected), f"{count:,} {name}; {_told(expected)}.", where)


def _within(number: float, expected: int | Range) -> bool:
    if isinstance(expected, int):
        return number == expected
    low = -1 if expected.at_least is None else expected.at_least
    return low <= number and (expected.at_most is None or number <= expected.at_most)


def _told(expected: int | Range) -> str:
    if isinstance(expected, int):
        return f"exactly {expected:,} expected"
    parts = []
    if expected.at_least is not None:
        parts.append(f"at least {expected.at_least:g}")
    if expected.at_most is not None:
        parts.append(f"at most {expected.at_most:g}")
    return f"{' and '.join(parts)} expected"
