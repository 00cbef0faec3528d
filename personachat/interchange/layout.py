"""How a persona's text looks once it comes out of something else than a file of its own. Pure."""

from __future__ import annotations

import json

_SPACE = " \t\n\r"


def laid_out(text: str) -> str:
    """A valid JSON text as it is, or indented where it is all in one line."""
    if "\n" in text.strip(_SPACE):
        return text
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def dedented(text: str) -> str:
    """Without the indentation that its place in a list gave it: in JSON no line starts inside a text."""
    first, *rest = text.split("\n")
    last = rest[-1] if rest else ""
    margin = last[: len(last) - len(last.lstrip(" \t"))]
    if not margin or not all(line.startswith(margin) or not line.strip() for line in rest):
        return text
    return "\n".join((first, *(line.removeprefix(margin) for line in rest))) + "\n"
