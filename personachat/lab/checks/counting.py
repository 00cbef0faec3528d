"""Sizes of a reply: words, sentences, questions, emoji, tokens, seconds and money."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sentencex

from personachat.lab.checks.code_blocks import without_code
from personachat.lab.checks.languages import language_of
from personachat.lab.checks.model import CheckedReply, Finding, Spans
from personachat.lab.suites.model import Range

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u3098\u309b-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_SIGNS = (
    "\u00ad\u0300-\u036f\u0483-\u0489\u055b-\u055e\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0711"
    "\u0730-\u074a\u0900-\u0963\u0966-\u0dff\u200c\u200d\u2060\ufe20-\ufe2f"
)
"""Characters within words that aren't letters: accents, vowel signs, soft hyphens and joiners."""
_LETTER = rf"(?![{_UNSPACED}])[^\W_]"
_WORD = re.compile(
    rf"[{_UNSPACED}][\u3099\u309a]*+"
    rf"|(?:{_LETTER})++(?:['\u2019.,\u066b\u066c-](?:{_LETTER})++|[{_SIGNS}]++(?:{_LETTER})*+)*+"
)
"""3.14 and don't are one word each. In scripts without blanks, each letter is one."""

_MARKS = "?\uff1f\u061f\u037e\u1367\u2047\u2048\u2049"
_QUESTION = re.compile(
    rf"[{_MARKS}][{_MARKS}!\uff01]*+(?:(?<=\uff1f)|(?=[{_UNSPACED}])|(?![\w=&%/#+:~-]|\.\w))"
    r"|\u055e"  # Armenian: inside the word that asks
    r"|(?<=[\u0370-\u03ff\u1f00-\u1fff]);(?![^\W\d_])"  # Greek
    r"|(?:です|ます|ません|でした|ました|ましょう|でしょう|だろう|ない|の)か(?=[。」』]|[ \u3000]*$)",
    re.MULTILINE,
)
_MAY_END = re.compile(r"[.!?\u3002\uff01\uff1f]+(?=\s|(?<=[\u3002\uff01\uff1f]))")
MOST_PIECE = 4_000
"""Characters of a line that are split into sentences at once."""
_CLOSING, _GOES_ON = ("」", "』"), ("と", "って")
"""In Japanese, a sentence continues after a quotation."""
_SAYS_SOMETHING = re.compile(r"[^\W_]")
_EMOJI = re.compile(
    "(?:[\U0001f1e6-\U0001f1ff]{2}"
    "|[0-9#*]\ufe0f?\u20e3"
    "|(?:[\U0001f300-\U0001f5ff\U0001f600-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7f0"
    "\U0001f900-\U0001f9ff\U0001fa70-\U0001faff\U0001f004\U0001f0cf\U0001f170-\U0001f171\U0001f17e\U0001f17f\U0001f18e"
    "\U0001f191-\U0001f19a\U0001f201\U0001f202\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f250\U0001f251]"
    "|[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u27bf\u2934\u2935\u2b05-\u2b55"
    "\u3030\u303d\u3297\u3299](?:\ufe0f|[\U0001f3fb-\U0001f3ff]|(?=\u200d))"
    "|[\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab"
    "\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e"
    "\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55])"
    "(?:\ufe0f|[\U0001f3fb-\U0001f3ff]|[\U000e0020-\U000e007f]"
    "|\u200d[\U0001f300-\U0001faff\u2190-\u27bf\u2b05-\u2b55]\ufe0f?)*)"
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
    sentences: list[str] = []
    for line in prose.splitlines():
        for piece in _pieces(line):
            for each in sentencex.segment(language, piece):
                if sentences and sentences[-1].endswith(_CLOSING) and each.startswith(_GOES_ON):
                    sentences[-1] += each
                elif _SAYS_SOMETHING.search(each):
                    sentences.append(each)
    return sentences


def _pieces(line: str) -> Iterator[str]:
    """A line in pieces that end where a sentence may: splitting takes time with the square of the length."""
    at = 0
    while len(line) - at > MOST_PIECE:
        ends = [match.end() for match in _MAY_END.finditer(line, at, at + MOST_PIECE)]
        end = ends[-1] if ends else at + MOST_PIECE
        yield line[at:end]
        at = end
    if line[at:].strip():
        yield line[at:]


def questions(reply: CheckedReply, expected: int | Range) -> Finding:
    """Question marks outside code and addresses, and か at the end of a Japanese sentence."""
    spans = tuple(match.span() for match in _QUESTION.finditer(without_code(reply.text)))
    return _counted(len(spans), expected, "question", spans)


def emoji(reply: CheckedReply, expected: bool | int | Range) -> Finding:  # noqa: FBT001  # as in the suite
    spans = tuple(match.span() for match in _EMOJI.finditer(reply.text))
    if isinstance(expected, bool):
        sentence = f"{len(spans):,} emoji." if spans else "No emoji."
        return Finding.of(bool(spans) is expected, sentence, spans)
    return _counted(len(spans), expected, "emoji", spans, plural="emoji")


def tokens(reply: CheckedReply, expected: int | Range) -> Finding:
    if reply.tokens is None:
        return Finding("error", "The provider didn't say how many tokens the reply has.")
    return _counted(reply.tokens, expected, "token")


def seconds(reply: CheckedReply, expected: Range) -> Finding:
    if reply.seconds is None:
        return Finding("error", "It isn't known how long the reply took.")
    return Finding.of(
        _within(reply.seconds, expected), f"{reply.seconds:.1f} seconds; {_expectation(expected)}."
    )


def cost(reply: CheckedReply, expected: Range) -> Finding:
    if reply.cost_usd is None:
        return Finding("error", "The price of this model isn't known.")
    return Finding.of(_within(reply.cost_usd, expected), f"${reply.cost_usd:.6f}; {_expectation(expected)}.")


def _counted(
    count: int, expected: int | Range, noun: str, where: Spans = (), *, plural: str | None = None
) -> Finding:
    name = noun if count == 1 else plural or f"{noun}s"
    return Finding.of(_within(count, expected), f"{count:,} {name}; {_expectation(expected)}.", where)


def _within(number: float, expected: int | Range) -> bool:
    if isinstance(expected, int):
        return number == expected
    low = -1 if expected.at_least is None else expected.at_least
    return low <= number and (expected.at_most is None or number <= expected.at_most)


def _expectation(expected: int | Range) -> str:
    if isinstance(expected, int):
        return f"exactly {expected:,} expected"
    parts = []
    if expected.at_least is not None:
        parts.append(f"at least {expected.at_least:g}")
    if expected.at_most is not None:
        parts.append(f"at most {expected.at_most:g}")
    return f"{' and '.join(parts)} expected"
