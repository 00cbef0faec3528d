"""Lore books for tests, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from personachat.personas.lorebook import ActivatedLore, Occasion, SpokenMessage, Teller, read
from personachat.personas.macros import Values, fill


def entry(content: str, *keys: str, **more: Any) -> dict[str, Any]:
    """An entry as a V2 card has it."""
    return {
        "content": content,
        "keys": list(keys),
        "enabled": True,
        "insertion_order": 1,
        "extensions": {},
    } | more


def silly(content: str, *keys: str, **more: Any) -> dict[str, Any]:
    """An entry as SillyTavern exports it: regular expressions allowed, its own fields in the extensions."""
    extensions = {"position": 0, "exclude_recursion": False, "prevent_recursion": False, "role": None} | more
    return entry(content, *keys) | {
        "secondary_keys": more.get("secondary_keys", []),
        "selective": True,
        "constant": more.get("constant", False),
        "position": "before_char",
        "use_regex": True,
        "extensions": extensions,
    }


def book(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"entries": list(entries), "extensions": {}} | more


def chat(*texts: str) -> list[SpokenMessage]:
    """What user and persona said in turn, so that the user spoke last."""
    return [
        SpokenMessage(
            text, by_persona=(len(texts) - number) % 2 == 0, speaker="Nell" if number % 2 else "User"
        )
        for number, text in enumerate(texts)
    ]


def told(value: Any, history: Sequence[SpokenMessage | str], **occasion: Any) -> ActivatedLore:
    """What is told of the book in this JSON value."""
    said = [SpokenMessage(each, by_persona=False) if isinstance(each, str) else each for each in history]
    values = Values(char="Nell", user="Sam")

    def filled(text: str, salt: str) -> str:
        return fill(text, values, salt=salt)

    return Teller(read(value)).tell(said, replace(Occasion("c", fill=filled), **occasion))


def texts(value: Any, *said: str, **occasion: Any) -> list[str]:
    """The texts that are told after messages of the user's, in order."""
    return [each.text for each in told(value, said, **occasion).entries]
