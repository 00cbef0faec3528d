r"""The meaning of a reply's Markdown: CommonMark, GFM tables and formulas, nothing more.

Formulas are `$...$`, `$$...$$`, `\(...\)` and `\[...\]`; a price such as $5 begins none. A growing text may
end anywhere, so its last words are read as if open marks were about to be closed: half of a `**strong word`
is already strong, and a reader never sees half a mark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline, backtick
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

DEEPEST = 30
"""How many levels of blocks are read; a list takes two. Anything deeper is one paragraph."""

MOST_KEPT_CHARACTERS = 1_000

PRICE = re.compile(r"\$(?=\d[\d,]*(?:\.\d+)?(?:[kKmMbB]|bn)?(?:[\s.,;:!?)/\]}%*_|\"'+\u2013\u2014-]|$))")
FORMULA = re.compile(r"\$(?![\s$])((?:[^$\\\n]|\\.){1,2000}?)(?<!\s)\$(?![\d$])")
CLOSING = {r"\(": r"\)", r"\[": r"\]", "$$": "$$"}

TARGET = re.compile(r"https?://[^/?#]|mailto:|#[\w-]*\Z", re.IGNORECASE)

INTERRUPTED = ["paragraph", "reference", "blockquote", "list"]
"""What a formula on lines of its own ends, as fenced code does."""

NEWLINE = re.compile(r"\r\n?")
HALF_A_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\n]*\Z")
HALF_A_MARK = re.compile(r"(?<=[^*_`!\[<&\\])[*_`!\[<&\\]+\Z|\A[*_`!\[<&\\]+\Z")


def parse(text: str, *, growing: bool = False) -> list[Token]:
    """The tokens of a text: blocks, with inline tokens as their children.

    Definitions of links only count if all of them serve this text. Otherwise they may belong to another part
    of the reply, which is drawn separately, or be footnotes, and would disappear.
    """
    parser = _parser()
    env: dict[str, Any] = {"unclosed": growing}
    tokens = _parsed(parser, text, env, growing=growing)
    defined = env.get("references", {})
    if defined and not _all_serve(defined, set(_used_labels(tokens))):
        return _parsed(parser, text, {**env, "references": _Nothing()}, growing=growing)
    return tokens


def _all_serve(defined: dict[str, dict[str, Any]], used: set[str]) -> bool:
    return all(
        label in used and not label.startswith("^") and leads_somewhere(one["href"])
        for label, one in defined.items()
    )


def leads_somewhere(url: str) -> bool:
    """Whether a link may lead there: to the web, to mail, or up and down the page."""
    return bool(TARGET.match(url))


def parse_blocks(text: str) -> list[Token]:
    """The blocks only, as they are while more text may come."""
    # A link's definition leaves no block, and "[a]:" is a paragraph until it is complete.
    parser, tokens = _parser(), list[Token]()
    parser.block.parse(text, parser, {"unclosed": True, "references": _Nothing()}, tokens)
    return tokens


class _Nothing(dict[str, Any]):
    """Where definitions are that are read as text."""


def _parsed(parser: MarkdownIt, text: str, env: dict[str, Any], *, growing: bool) -> list[Token]:
    tokens: list[Token] = []
    parser.block.parse(NEWLINE.sub("\n", text).replace("\0", "\ufffd"), parser, env, tokens)
    last = _last_words(tokens) if growing else None
    for token in tokens:
        if token.type != "inline":
            continue
        if token is last or len(token.content) > MOST_KEPT_CHARACTERS or "references" in env:
            env["growing"] = token is last
            content = _without_halves(token.content) if token is last else token.content
            token.children = parser.inline.parse(content, parser, env, [])
        else:
            token.children = list(_words(token.content))
    return tokens


@lru_cache(maxsize=2_000)
def _words(content: str) -> tuple[Token, ...]:
    """Text that refers to nothing outside. While a text grows, most of it is read again and again."""
    parser = _parser()
    return tuple(parser.inline.parse(content, parser, {}, []))


def _last_words(tokens: list[Token]) -> Token | None:
    """Words after which nothing is drawn."""
    for token in reversed(tokens):
        if token.type == "inline" and token.content:
            return token
        if token.nesting >= 0 and token.type not in {
            "inline",
            "td_open",
            "th_open",
        }:  # cells that a row still lacks
            return None
    return None


def _without_halves(content: str) -> str:
    return HALF_A_MARK.sub("", HALF_A_LINK.sub(r"\1", content))


def _used_labels(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if "label" in token.meta:
            yield token.meta["label"]
        yield from _used_labels(token.children or [])


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"store_labels": True, "maxNesting": DEEPEST + 10}).enable("table")
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005  # judged when written
    parser.normalizeLinkText = lambda link: link  # type: ignore[method-assign]  # markdown-it's way of configuring it
    parser.block.ruler.before("table", "deep", _deep)
    parser.block.ruler.before("fence", "math_block", _math_block, {"alt": INTERRUPTED})
    parser.block.ruler.at("reference", _reference(parser))
    parser.inline.ruler.before("escape", "math", _math)
    parser.inline.ruler.at("backticks", _code)
    parser.inline.ruler2.after("emphasis", "unclosed", _close)
    return parser


def _reference(parser: MarkdownIt) -> Any:
    (read,) = [rule for rule in parser.block.ruler.__rules__ if rule.name == "reference"]
    original = read.fn

    def reference(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001  # markdown-it's way of calling
        return not isinstance(state.env.get("references"), _Nothing) and original(state, start, end, silent)

    return reference


def _deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001  # markdown-it's way of calling
    if state.level < DEEPEST or silent:
        return False
    state.line = end
    state.push("paragraph_open", "p", 1).map = [start, end]
    words = state.push("inline", "", 0)
    words.content = state.getLines(start, end, state.blkIndent, False).strip()
    words.map = [start, end]
    state.push("paragraph_close", "p", -1)
    return True


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001  # markdown-it's way of calling
    r"""A formula between lines that contain only `$$`, or `\[` and `\]`. Unclosed, it takes the rest."""
    if state.is_code_block(start):
        return False
    opening = _line(state, start)
    if opening not in {"$$", r"\["}:
        return False
    closing, number, closed = CLOSING[opening], start + 1, False
    while number < end and (state.isEmpty(number) or state.sCount[number] >= state.blkIndent):
        closed = _line(state, number).endswith(closing)
        if closed:
            break
        number += 1
    if not (closed or state.env["unclosed"]):
        return False
    if silent:
        return True
    last = _line(state, number)[: -len(closing)] if closed else ""
    inner = state.getLines(start + 1, number, state.sCount[start], False)
    state.line = number + 1 if closed else number
    token = state.push("math_block", "math", 0)
    token.content = f"{inner}\n{last}".strip("\n")
    token.map = [start, state.line]
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip(" \t")


def _math(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  # markdown-it's way of calling
    source, at = state.src, state.pos
    if source[at] not in "$\\":
        return False
    mark = source[at : at + 2]
    if mark in CLOSING:
        formula_and_end = _closed(state, CLOSING[mark])
    elif source[at] == "$" and not PRICE.match(source, at, state.posMax):
        formula = FORMULA.match(source, at, state.posMax)
        formula_and_end = (formula.group(1), formula.end()) if formula else None
    else:
        formula_and_end = None
    if formula_and_end is None:
        if mark != "$$":
            return False
        if not silent:
            state.append_pending(mark)
        state.pos += 2
        return True
    if not silent:
        token = state.push("math_display" if mark in {r"\[", "$$"} else "math_inline", "math", 0)
        token.content, token.markup = formula_and_end[0], mark
    state.pos = formula_and_end[1]
    return True


def _closed(state: StateInline, closing: str) -> tuple[str, int] | None:
    last_ones: dict[tuple[str, str], int] = state.env.setdefault("last_ones", {})
    key, begin = (state.src, closing), state.pos + 2
    if key not in last_ones:  # or each of many open ones would search the rest
        last_ones[key] = state.src.rfind(closing)
    if last_ones[key] < begin:
        return None
    end = state.src.find(closing, begin, state.posMax)
    content = state.src[begin:end] if end >= 0 else ""
    return (content, end + 2) if content.strip() else None


def _code(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  # markdown-it's way of calling
    """A code span; in a growing text, also one that isn't closed yet."""
    if not state.env.get("growing") or state.src[state.pos] != "`":
        return backtick(state, silent)
    pending, tokens = state.pending, len(state.tokens)
    start = state.pos
    backtick(state, silent)
    opened = state.src[start : state.pos]
    if silent or len(state.tokens) > tokens or state.linkLevel or opened.strip("`"):
        return True
    state.pending = pending
    token = state.push("code_inline", "code", 0)
    token.content = state.src[state.pos : state.posMax].replace("\n", " ")
    state.pos = state.posMax
    return True


def _close(state: StateInline) -> None:
    """Close emphasis in a growing text as if it ended here."""
    if not state.env.get("growing"):
        return
    opened = [one for one in state.delimiters if one.open and one.end < 0 and _is_mark(state, one)]
    closing: list[Token] = []
    while opened:
        last = opened.pop()
        strong = bool(opened) and opened[-1].token == last.token - 1 and opened[-1].marker == last.marker
        first = opened.pop() if strong else last
        mark = chr(last.marker) * (2 if strong else 1)
        kind = "strong" if strong else "em"
        token = state.tokens[last.token]
        token.type, token.tag, token.nesting, token.markup, token.content = f"{kind}_open", kind, 1, mark, ""
        if strong:
            state.tokens[first.token].content = ""
        closing.append(Token(f"{kind}_close", kind, -1, markup=mark))
    state.tokens.extend(closing)


def _is_mark(state: StateInline, one: Delimiter) -> bool:
    token = state.tokens[one.token]
    return token.type == "text" and token.content == chr(one.marker) and one.token < len(state.tokens) - 1
