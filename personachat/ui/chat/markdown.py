r"""A reply's Markdown in pieces that Streamlit can draw and that never change again.

`MarkdownCutter` cuts the arriving text at top-level blocks that a later block has closed, so that a finished
piece can be left alone. `markdown_writer.written` defines how a piece is drawn. Both depend only on the text,
not on how it was split in transit: a streamed reply looks the same as one drawn at once.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate, pairwise

from personachat.ui.chat.markdown_parser import parse_blocks
from personachat.ui.chat.markdown_writer import written

PIECE_CHARACTERS = 320
"""Characters of a piece at least: smaller pieces need more elements, larger ones more bytes per frame."""

DECISIVE = 2
"""Characters of a line that may be needed to tell whether a list before it is over."""


def block_ends(text: str) -> list[int]:
    """Where blocks of `text` end for good, in characters, ascending; the text after the last one is open.

    A block ends for good where another one begins, if the first DECISIVE characters of that line already show
    that the block before is closed: nothing after the end may have been drawn when it is found. See
    CommonMark 0.31, section 3, for blocks.
    """
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    blocks = [token for token in parse_blocks(text) if token.level == 0 and token.map and token.nesting >= 0]
    ends: list[int] = []
    for block, following in pairwise(blocks):
        number = (following.map or [0])[0]
        is_decided = number < len(lines) - 1 or len(lines[number].lstrip()) >= DECISIVE
        if is_decided and _closed(block.type, blank=not lines[number - 1].strip(), line=lines[number]):
            ends.append(starts[number])
    return ends


def _closed(kind: str, *, blank: bool, line: str) -> bool:
    """Whether a block is certainly over, given a blank line after it and the start of the next line."""
    if kind in {"heading_open", "fence", "hr", "math_block"}:
        return True
    if kind in {"paragraph_open", "table_open", "blockquote_open"}:
        return blank
    if kind == "code_block":
        return blank and not line[:1].isspace()
    if kind in {"bullet_list_open", "ordered_list_open"}:
        return blank and (line.startswith("**") or not (line[:1].isspace() or line[:1] in "-+*0123456789"))
    return False


class MarkdownCutter:
    """Cuts a growing text. `add` returns the pieces that it finishes.

    `open` is the text after them that may be drawn; its first `closed` characters are ended blocks. The start
    of a line is held back until it shows whether a piece ends there; `end` releases it.
    """

    def __init__(self) -> None:
        self.open = ""
        self.closed = 0
        self._pending = ""
        self._returned = False

    def add(self, text: str) -> list[str]:
        if "\r" in text or self._returned:
            text = self._with_line_feeds(text)
        whole = self.open + self._pending + text
        line_is_new = bool(self._pending) or "\n" in self.open[-1:] + text
        line = whole[whole.rfind("\n") + 1 :]
        self._pending = line if len(line.lstrip()) < DECISIVE and len(line) < len(whole) else ""
        complete = whole[: len(whole) - len(self._pending)]
        cuts = [0]
        if line_is_new:
            ends = [self.closed + end for end in block_ends(complete[self.closed :])]
            for end in ends:
                if end - cuts[-1] >= PIECE_CHARACTERS:
                    cuts.append(end)
            self.closed = (ends[-1] if ends else self.closed) - cuts[-1]
        self.open = complete[cuts[-1] :]
        return [complete[start:end] for start, end in pairwise(cuts)]

    def _with_line_feeds(self, text: str) -> str:
        """`text` with a line feed at the end of each line, even if a CR LF arrived in two parts."""
        whole = text.removeprefix("\n") if self._returned else text
        self._returned = text.endswith("\r") or (self._returned and not text)
        return whole.replace("\r\n", "\n").replace("\r", "\n")

    def end(self) -> None:
        self.open += self._pending
        self._pending = ""


@lru_cache(maxsize=1_000)
def pieces_of(text: str) -> tuple[str, ...]:
    """A complete reply, cut as its stream was and as each piece is drawn."""
    return tuple(filter(None, map(written, cut(text))))


def cut(text: str) -> list[str]:
    pieces = MarkdownCutter()
    finished = pieces.add(text)
    pieces.end()
    return [*finished, pieces.open] if pieces.open else finished
