"""A conversation as Markdown to read: who wrote what and when, with the text unchanged.

Only the document's own headings are on the first two levels, and nothing in a turn reaches beyond it:
nobody's text can pass for a turn, or hide one. Headings in a turn go two levels down, and HTML is text, as on
the pages. Titles, names and error messages are plain text: none of their signs is Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from personachat.conversations.model import Conversation, Turn
from personachat.history.explanations import explanation_of
from personachat.replies.endings import ending_of

_LINE_END = re.compile(r"\r\n?|\n")
_HASHES = re.compile(r"#{1,2}(?=[ \t]|$)")
_UNDERLINE = re.compile(r"(?=[=-]+[ \t]*$)")
_TAG = re.compile(r"(?<!\\)<(?=[A-Za-z/!?])")
_SIGN = re.compile(r"[\\`*\[\]<~]|(?<![^\W_])_|_(?![^\W_])|&(?=#|\w+;)|(?<!#)#+$")
"""Signs that may have a meaning in a line of plain text."""

_STRUCTURE = re.compile(r"[#<`~]|^[ \t>]*[=-]", re.MULTILINE)

_MOST_PASSES = 6

_LIVE = {"running": "Still being written", "paused": "Paused"}


def markdown_of(head: Conversation, path: Sequence[Turn]) -> str:
    """The document: a heading, then a section per turn."""
    parts = [f"# {plain_line(head.title) or 'Conversation'}", f"*{_moment(head.created_at)}*"]
    for turn in path:
        parts.append(f"## {_speaker(turn)} · {_moment(turn.created_at)}")
        if turn.text:
            parts.append(within_turn(turn.text))
        if turn.reply and (ended := _ended(turn)):
            parts.append(f"*{ended}*")
    return "\n\n".join(parts) + "\n"


def _speaker(turn: Turn) -> str:
    if turn.role == "user":
        return "You"
    icon = f"{turn.avatar} " if turn.avatar and not turn.avatar.startswith(":") else ""
    model = f" ({plain_line(turn.reply.model)})" if turn.reply and turn.reply.model else ""
    name = plain_line(turn.persona_name)
    return f"{icon}{f'“{name}”' if name.casefold() == 'you' else name}{model}"


def _ended(turn: Turn) -> str:
    assert turn.reply is not None
    if turn.reply.error:
        return f"Failed: {plain_line(turn.reply.error.message)}"
    if turn.reply.live:
        return _LIVE[turn.reply.state]
    ending, explanation = ending_of(turn.reply.state, turn.reply.finish_reason), explanation_of(turn.reply)
    parts = (ending.name if ending else "", explanation.sentence if explanation else "")
    return plain_line(". ".join(part for part in parts if part))


def plain_line(text: str) -> str:
    """Plain text as Markdown on one line that shows exactly that."""
    return _SIGN.sub(r"\\\g<0>", " ".join(text.split()))


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark")


def within_turn(text: str) -> str:
    """The text of a turn as Markdown that stays within it. Follows CommonMark 0.31."""
    text = "\n".join(_LINE_END.split(text))
    if not _STRUCTURE.search(text):
        return text
    for _ in range(_MOST_PASSES):  # what was HTML or underlined a heading may be something else then
        before, text = text, _kept_within(text)
        if text == before:
            return text
    return fenced(text)


def fence(text: str, *, sign: str = "`", least: int = 3) -> str:
    """A run of signs that is longer than any in the text, so that it can enclose it."""
    longest = max(map(len, re.findall(f"{re.escape(sign)}+", text)), default=0)
    return sign * max(least, longest + 1)


def fenced(text: str) -> str:
    """The text as a block of code."""
    return f"{fence(text)}\n{text}\n{fence(text)}"


def _kept_within(text: str) -> str:
    lines = text.split("\n")
    tokens = _parser().parse(text)
    for token in tokens:
        if token.map and token.type == "heading_open" and token.tag in {"h1", "h2"}:
            _lower(lines, token)
        elif token.map and (token.type == "html_block" or _has_html(token)):
            for number in range(*token.map):
                lines[number] = _TAG.sub(r"\\<", lines[number])
    open_fence = next((token.markup for token in tokens[-1:] if _is_open(token)), "")
    if open_fence:  # as in a stopped reply; it would never end
        lines = [*lines[:-1], open_fence] if not lines[-1] else [*lines, open_fence]
    return "\n".join(lines)


def _lower(lines: list[str], heading: Token) -> None:
    assert heading.map is not None
    first, end = heading.map
    if heading.markup.startswith("#"):
        lines[first] = _HASHES.sub(r"##\g<0>", lines[first], count=1)
    else:
        for number in range(end - 1, len(lines)):  # another line below would underline it as well
            lowered = _UNDERLINE.sub(r"\\", lines[number], count=1)
            if lowered == lines[number]:
                break
            lines[number] = lowered


def _has_html(token: Token) -> bool:
    return token.type == "inline" and any(child.type == "html_inline" for child in token.children or ())


def _is_open(token: Token) -> bool:
    """Whether it is a block of code, outside lists and quotes, that nothing ends."""
    if token.type != "fence" or token.level or token.map is None:
        return False
    lines = len(token.content.removesuffix("\n").split("\n")) if token.content else 0
    return token.map[1] - token.map[0] < lines + 2
