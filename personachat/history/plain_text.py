"""A reply's Markdown as plain text, for a single line of it: excerpts and the like.

The content of marks stays: the text of links, descriptions of images, code as it is written.
"""

from __future__ import annotations

import re

MOST_CHARACTERS = 100_000
"""Characters. A longer text stays as it is: it isn't prose, and reading all of it takes too long."""

_FENCE = re.compile(r"^[ \t>]*(`{3,}|~{3,})[^`\n]*$")
_RULE = re.compile(r"^[\s*_=|:-]+$")
_LINE_START = re.compile(r"^\s*(?:#{1,6}\s+|>\s*|[-*+]\s+(?:\[[ xX]\]\s+)?|\d{1,3}[.)]\s+)+")
# No mark looks beyond the next one of its kind, or a text full of marks would take minutes.
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.{1,500}?)(?<!`)\1(?!`)")
_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^<>\s]+)>")
_EMPHASIS = re.compile(r"(?<![\\])(?:(\*{1,3})(?=\S)([^*]+?)(?<=[^\s\\])\1|~~(?=\S)([^~]+?)(?<=[^\s\\])~~)")
_UNDERSCORES = re.compile(r"(?<![\w\\])(_{1,3})(?=\S)((?:[^_]|(?<=\w)_(?=\w))+?)(?<=[^\s\\])\1(?!\w)")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_NESTED = 3


def plain(markdown: str) -> str:
    """The text of a Markdown document, line by line."""
    if len(markdown) > MOST_CHARACTERS:
        return markdown
    lines: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        elif fence:
            lines.append(line)
        elif not _RULE.match(line):
            lines.append(_plain_line(line))
    return "\n".join(lines)


def _plain_line(line: str) -> str:
    line = _LINE_START.sub("", line)
    if line.lstrip().startswith("|"):
        line = "  ".join(cell.strip() for cell in re.split(r"(?<!\\)\|", line) if cell.strip())
    parts: list[str] = []
    at = 0
    for code in _CODE.finditer(line):
        parts += (_plain_words(line[at : code.start()]), code[2])
        at = code.end()
    return "".join((*parts, _plain_words(line[at:])))


def _plain_words(words: str) -> str:
    for _ in range(_NESTED):
        words = _LINK.sub(r"\1", words)
        words = _UNDERSCORES.sub(r"\2", _EMPHASIS.sub(r"\2\3", words))
    return _ESCAPE.sub(r"\1", _AUTOLINK.sub(r"\1", words))
