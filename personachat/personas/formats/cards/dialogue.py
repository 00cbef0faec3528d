"""A card's sample dialogue as exchanges, and back.

A dialogue is text: blocks after `<START>`, lines that begin with a speaker. A block that is not a series of
user and character in turn is left as it is. Time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from personachat.personas import limits
from personachat.personas.persona import Example

_START = re.compile(r"<START>", re.IGNORECASE | re.ASCII)
_USERS = (r"\{\{user\}\}", "<user>", "user", "you")
_CHARACTERS = (r"\{\{char\}\}", "<bot>", "<char>")


def read_dialogue(text: str, *, names: Sequence[str]) -> tuple[tuple[Example, ...], str]:
    """Return the exchanges, and the rest as text; `names` are what the character is called."""
    speaker = _speaker(names)
    first, *blocks = _START.split(text)
    examples: list[Example] = []
    rest: list[str] = []
    for block, start in [(first, ""), *((block, "<START>\n") for block in blocks)]:
        exchanges = _exchanges(block, speaker)
        if exchanges and len(examples) + len(exchanges) <= limits.EXAMPLES_COUNT:
            examples += exchanges
        elif block.strip():
            rest.append(start + block.strip())
    return tuple(examples), "\n".join(rest)


def write_dialogue(examples: Sequence[Example], rest: str = "") -> str:
    """Return the text for these exchanges, after what else there is."""
    blocks = [f"<START>\n{{{{user}}}}: {each.user}\n{{{{char}}}}: {each.assistant}" for each in examples]
    return "\n".join([rest.strip(), *blocks] if rest.strip() else blocks)


def _speaker(names: Sequence[str]) -> re.Pattern[str]:
    characters = [*_CHARACTERS, *(re.escape(name) for name in names if name)]
    spoken = f"(?:(?P<user>{'|'.join(_USERS)})|(?:{'|'.join(characters)}))"
    return re.compile(rf"^[ \t]*{spoken}[ \t]*:", re.IGNORECASE | re.MULTILINE)


def _exchanges(block: str, speaker: re.Pattern[str]) -> list[Example]:
    """Return what a block holds, or nothing where it is not user and character in turn."""
    turns = list(speaker.finditer(block))
    if len(turns) % 2 or not turns or block[: turns[0].start()].strip():
        return []
    ends = [turn.start() for turn in turns[1:]] + [len(block)]
    words = [block[turn.end() : end].strip() for turn, end in zip(turns, ends, strict=True)]
    in_turn = all(bool(turn["user"]) == (at % 2 == 0) for at, turn in enumerate(turns))
    if not in_turn or not all(0 < len(each) <= limits.MESSAGE for each in words):
        return []
    return [
        Example(user=user, assistant=answer) for user, answer in zip(words[::2], words[1::2], strict=True)
    ]
