"""Words as the pages show them: plain text that Markdown leaves alone, numbers as people say them."""

from __future__ import annotations

from personachat.errors import PersonaChatError


def error_text(error: PersonaChatError) -> str:
    """An error's sentence and the way out, as Markdown that shows just them."""
    return escaped(f"{error} {error.hint}".strip())


def short(number: float) -> str:
    """A number as people say it: 84, 1.2k, 3.4M."""
    for limit, suffix in ((1_000_000, "M"), (1_000, "k")):
        if number >= limit:
            return f"{number / limit:.1f}{suffix}"
    return f"{number:.0f}"


def money(dollars: float) -> str:
    """A price as short as it says something: $0, $0.0003, $0.012, $0.10, $1.20."""
    if dollars <= 0:
        return "$0"
    if dollars < 0.0001:
        return "<$0.0001"
    digits = 4 if dollars < 0.01 else 3 if dollars < 0.1 else 2
    return f"${dollars:.{digits}f}"


def escaped(text: str) -> str:
    """Plain words as Markdown that shows just them."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]<>()#+!|$:~" else sign for sign in text)
