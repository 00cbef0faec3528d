"""Which parameters of a persona a model refuses or ignores, according to its maker's documentation.

Only families whose maker documents it are here. A model that a server offers under another name is judged by
what it has refused before, which the provider remembers.
"""

from __future__ import annotations

import re

REASONING = re.compile(r"^(o[134](?!\w)|gpt-5(\.6|-(?!chat)|$)|gpt-6|gpt-oss|deepseek-r|magistral|qwq)")
"""Families that think before they answer, and count that as part of the reply."""

_WITHOUT_SAMPLING = re.compile(r"^(o[134](?!\w)|gpt-5(-(?!chat)|\.6|$)|gpt-6)")
_WITHOUT_STOP = re.compile(r"^(o3(?!-mini)(?!\w)|o4-mini|gpt-5(-(?!chat)|$))")
_CLAUDE = re.compile(r"^claude-(?:(fable|mythos)|(?:opus|sonnet|haiku)-(\d)(?:[-.](\d)(?!\d))?)")


def refused(model: str) -> frozenset[str]:
    """Keys of a persona that the model doesn't accept: some of temperature, topP and stop."""
    name = plain_name(model)
    if _WITHOUT_SAMPLING.match(name) or (_claude_version(name) or (0, 0)) >= (4, 7):
        stop = {"stop"} if _WITHOUT_STOP.match(name) else set()
        return frozenset({"temperature", "topP"} | stop)
    return frozenset()


def one_of_two(model: str) -> bool:
    """Whether the model accepts a temperature or a topP, but not both."""
    version = _claude_version(plain_name(model))
    return version is not None and (4, 1) <= version < (4, 7)


def highest_temperature(model: str) -> float:
    """The highest temperature that the model accepts."""
    return 1.0 if plain_name(model).startswith("claude") else 2.0


def thinks(model: str) -> bool:
    """Whether the model spends tokens of the reply on hidden thinking."""
    return REASONING.match(plain_name(model)) is not None


def plain_name(model: str) -> str:
    """A model's name without the maker or gateway before it, in lower case."""
    return model.lower().rpartition("/")[2]


def _claude_version(name: str) -> tuple[int, int] | None:
    match = _CLAUDE.match(name)
    if not match:
        return None
    return (9, 0) if match[1] else (int(match[2]), int(match[3] or 0))
