"""What bytes say as text, in the encodings that people's files are in: UTF-8, UTF-16, UTF-32, GBK, Latin-1.

UTF-8 is tried first. What is not UTF-8 is a guess, which `read` names so that people can be told of it.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_DOUBLED_MARK = re.compile(rb"(?:\xef\xbb\xbf)+(?=\xef\xbb\xbf)")
_HIGH = re.compile(rb"[\x80-\xff]+")
_SAMPLE_BYTES = 200_000
_PAIRED = 0.9
"""In GBK nearly all high bytes come in runs of two and more; in a Western language each stands alone."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, and the name of its encoding; "" for UTF-8."""

    text: str
    encoding: str = ""

    @property
    def losses(self) -> tuple[str, ...]:
        if not self.encoding or self.encoding.startswith("UTF"):
            return ()
        return (f"The file is not UTF-8; it was read as {self.encoding}.",)


def decoded(content: bytes) -> Decoded | None:
    """The text that these bytes are; None if they are no text."""
    if doubled := _DOUBLED_MARK.match(content):
        content = content[doubled.end() :]
    result = _marked(content) or _unmarked(content)
    if result is None or "\x00" in result.text:
        return None
    return result


def _marked(content: bytes) -> Decoded | None:
    for mark, codec, name in _MARKS:
        if content.startswith(mark):
            whole = content if codec != "utf-16" else content[: len(content) & ~1]
            return _tried(whole, codec, name)
    return None


def _unmarked(content: bytes) -> Decoded | None:
    if result := _tried(content, "utf-8-sig", ""):
        if "\x00" not in result.text[:_SAMPLE_BYTES]:
            return result
        return _wide(content)
    if b"\x00" in content[:_SAMPLE_BYTES]:
        return _wide(content)
    if _looks_like_gbk(content) and (result := _tried(content, "gb18030", "GBK")):
        return result
    return _tried(content, "cp1252", "Latin-1") or _tried(content, "latin-1", "Latin-1")


def _wide(content: bytes) -> Decoded | None:
    """UTF-16 without its mark, which every second byte of a text with some ASCII tells."""
    sample = content[: min(len(content), _SAMPLE_BYTES) & ~1]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) < len(sample) // 8 or min(even, odd) > len(sample) // 100:
        return None
    return _tried(content, "utf-16-be" if even > odd else "utf-16-le", "UTF-16")


def _looks_like_gbk(content: bytes) -> bool:
    runs = [len(run) for run in _HIGH.findall(content[:_SAMPLE_BYTES])]
    return bool(runs) and sum(run for run in runs if run > 1) >= _PAIRED * sum(runs)


def _tried(content: bytes, codec: str, name: str) -> Decoded | None:
    try:
        return Decoded(content.decode(codec), name)
    except UnicodeDecodeError:
        return None
