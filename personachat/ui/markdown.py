r"""A reply's Markdown as Streamlit can draw it, in pieces that never change again.

Two things happen to the text while it arrives. `Converter` rewrites what Streamlit would draw wrongly
(LaTeX in `\(...\)` and `\[...\]`; prices such as $5, which it would take for LaTeX) or should not draw at
all: an image's address would be fetched unasked, and so could carry words of the chat to a stranger; it
becomes a link. `Pieces` cuts the result at top-level blocks that a later block has closed, so that a
finished piece can be left alone. Both depend on the text alone, not on how it was split while it came: the
picture of a streamed reply equals the picture of the same reply drawn at once.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from itertools import accumulate, pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

PIECE_CHARACTERS = 320
"""Pieces are at least this long: smaller ones cost more elements, larger ones more bytes a frame."""

DECISIVE = 2
"""How many characters of a line may be needed to tell whether a list before it is over."""

MARK = r"""
      (?P<newline>\n)
    | (?P<fence>(?<=\n)[ \t]*(?:`{3,}|~{3,}))
    | (?P<code>`+)
    | (?P<escape>\\[\s\S])
    | (?P<image>!(?=\[))
    | (?P<price>\$(?=\d[\d,]*(?:\.\d+)?(?:[kKmMbB]|bn)?(?:[\s.,;:!?)/\]}%*_|"'+\u2013\u2014-]|$)))
    | (?P<math>\${1,2})
    """
OPEN = r"(?P<open>(?<=\n)[ \t]*[`~]*\Z|`+\Z|[\\!]\Z|\$\$?[\d.,]*(?:[kKmMbB]n?)?\Z) | "
"""An end of text whose meaning depends on what comes next."""

DECIDED = re.compile(MARK, re.VERBOSE)
STREAMED = re.compile(OPEN + MARK, re.VERBOSE)

LATEX = {r"\(": "$", r"\)": "$"}


class Converter:
    """Rewrites a stream of Markdown. `feed` returns what is decided so far, `end` the rest."""

    def __init__(self) -> None:
        self._held = ""
        self._fence = ""
        self._code = ""
        self._math = ""
        self._line = ""
        self._indent = ""

    @property
    def literal(self) -> bool:
        """Whether the text now is inside code or a formula, where Markdown is not read."""
        return bool(self._fence or self._code or self._math)

    @property
    def in_code(self) -> bool:
        return bool(self._fence or self._code)

    def feed(self, text: str) -> str:
        return self._convert(self._held + text, STREAMED)

    def end(self) -> str:
        return self._convert(self._held, DECIDED)

    def _convert(self, text: str, tokens: re.Pattern[str]) -> str:
        # A fence is one only at the start of a line, so the scan sees the line break before it.
        before = "" if self._line else "\n"
        source, out, at = before + text, list[str](), len(before)
        self._held = ""
        for match in tokens.finditer(source, at):
            out.append(self._plain(source[at : match.start()]))
            at = match.start()
            if match.lastgroup == "open":
                self._held = match.group()
                return "".join(out)
            out.append(self._mark(match.lastgroup or "", match.group()))
            at = match.end()
        out.append(self._plain(source[at:]))
        return "".join(out)

    def _plain(self, text: str) -> str:
        if not self._line.strip():  # what a line goes on with does not matter, and it may be endless
            self._line += text
        return text

    def _mark(self, kind: str, mark: str) -> str:
        if kind == "newline":
            self._end_line()
            return mark
        line, self._line = self._line, self._line + mark
        if kind == "fence":
            self._take_fence(mark.strip())
        elif self._fence:
            pass
        elif kind == "code":
            self._code = "" if self._code == mark else self._code or mark
        elif self._code:
            pass
        elif kind == "escape":
            return self._take_escape(mark, line)
        elif kind in {"image", "price"} and not self._math:
            return "\\" + mark
        elif kind == "image":
            pass
        else:
            self._math = "" if self._math == mark else self._math or mark
        return mark

    def _end_line(self) -> None:
        if not self._line.strip():  # a blank line ends whatever was open in its paragraph
            self._code = ""
            self._math = self._math if self._math == "$$" else ""
        self._line = ""

    def _take_fence(self, mark: str) -> None:
        if not self._fence:
            self._fence = mark
        elif mark[0] == self._fence[0] and len(mark) >= len(self._fence):
            self._fence = ""

    def _take_escape(self, mark: str, line: str) -> str:
        if mark in LATEX:
            self._math = "$" if mark == r"\(" else ""
            return LATEX[mark]
        if mark in {r"\[", r"\]"}:
            if mark == r"\[":
                self._indent = line[: len(line) - len(line.lstrip())]
            self._math = "$$" if mark == r"\[" else ""
            self._line = " "  # blank, yet no start of a line in the source: no fence can stand here
            return f"{chr(10) + self._indent if line.strip() else ''}$$\n{self._indent}"
        if mark == "\\\n":
            self._line = ""
        return mark


@cache
def _parser() -> MarkdownIt:
    # A link's definition leaves no block behind, and "[a]:" is a paragraph until it is complete.
    return MarkdownIt("commonmark").enable("table").disable("reference")


def piece_ends(text: str) -> list[int]:
    """Where pieces of `text` end for good, in characters, ascending; what is behind the last is open.

    A piece ends where a top-level block begins, at least PIECE_CHARACTERS behind the piece's start, if
    the first DECISIVE characters of that line already tell that the block before is closed: nothing may
    have been drawn behind the end when it is found. See CommonMark 0.31, section 3, for what a block is.
    """
    if len(text) < PIECE_CHARACTERS + DECISIVE:
        return []
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    parser, tokens = _parser(), list[Token]()
    parser.block.parse(text, parser, {}, tokens)
    blocks = [token for token in tokens if token.level == 0 and token.map and token.nesting >= 0]
    ends: list[int] = []
    for block, following in pairwise(blocks):
        number = (following.map or [0])[0]
        start = starts[number]
        if start - (ends[-1] if ends else 0) < PIECE_CHARACTERS:
            continue
        told = number < len(lines) - 1 or len(lines[number].lstrip()) >= DECISIVE
        if told and _closed(block.type, blank=not lines[number - 1].strip(), line=lines[number]):
            ends.append(start)
    return ends


def _closed(kind: str, *, blank: bool, line: str) -> bool:
    """Whether a block is over for certain, given a blank line behind it and how the next line begins."""
    if kind in {"heading_open", "fence", "hr"}:
        return True
    if kind in {"paragraph_open", "table_open", "blockquote_open"}:
        return blank
    if kind == "code_block":
        return blank and not line[:1].isspace()
    if kind in {"bullet_list_open", "ordered_list_open"}:
        return blank and (line.startswith("**") or not (line[:1].isspace() or line[:1] in "-+*0123456789"))
    return False


class Pieces:
    """Cuts a growing text. `add` returns the pieces that are finished by it.

    `open` is the text behind them that may be drawn. The beginning of a line is held until it tells
    whether a piece ends there; `end` releases it.
    """

    def __init__(self) -> None:
        self.open = ""
        self._held = ""

    def add(self, text: str) -> list[str]:
        whole = self.open + self._held + text
        line_is_new = bool(self._held) or "\n" in self.open[-1:] + text
        line = whole[whole.rfind("\n") + 1 :]
        self._held = line if len(line.lstrip()) < DECISIVE and len(line) < len(whole) else ""
        shown = whole[: len(whole) - len(self._held)]
        cuts = [0, *(piece_ends(shown) if line_is_new else [])]
        self.open = shown[cuts[-1] :]
        return [shown[start:end] for start, end in pairwise(cuts)]

    def end(self) -> None:
        self.open += self._held
        self._held = ""


@lru_cache(maxsize=1_000)
def pieces_of(text: str) -> tuple[str, ...]:
    """A whole reply, converted and cut just as its stream was."""
    converter, pieces = Converter(), Pieces()
    finished = pieces.add(converter.feed(text) + converter.end())
    pieces.end()
    return (*finished, pieces.open) if pieces.open else tuple(finished)
