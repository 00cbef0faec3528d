"""Words out of conversations in the midst of a page's own: shown as they are, whatever they hold."""

from __future__ import annotations

from collections.abc import Sequence

from personachat.ui.wording import JOINER, escaped, inline

__all__ = ["JOINER", "as_text", "marked"]

as_text = escaped


def marked(excerpt: str, marks: Sequence[tuple[int, int]]) -> str:
    """An excerpt as Markdown, with these character ranges bold and on a coloured ground."""
    parts: list[str] = []
    at = 0
    for start, end in marks:
        parts.append(inline(excerpt[at:start], begins=not parts))
        parts.append(_mark(excerpt[start:end]))
        at = end
    parts.append(inline(excerpt[at:], begins=not parts))
    return "".join(parts).strip()


def _mark(words: str) -> str:
    inner = words.strip()
    if not inner:
        return words
    return f":orange-background[**{inline(inner)}**]"
