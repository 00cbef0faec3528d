"""A system prompt as the parts a card has for it, each under a heading. Pure.

`joined(split(prompt)) == prompt` for every prompt: one that does not follow the headings is one part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

DIALOGUE = "dialogue"
"""What of a card's sample dialogue is no exchange of user and character."""

HEADINGS = {
    "system_prompt": "## Instructions",
    "description": "## Description",
    "personality": "## Personality",
    "scenario": "## Scenario",
    DIALOGUE: "## Example dialogue",
}

_ORDER = {heading: (order, part) for order, (part, heading) in enumerate(HEADINGS.items())}
_HEADING = re.compile(f"^(?:{'|'.join(map(re.escape, _ORDER))})$", re.MULTILINE)


def join_sections(parts: Mapping[str, str], *, alone: str = "system_prompt") -> str:
    """Return the parts that say something, in order; `alone` has no heading where it is the only one."""
    filled = {part: parts[part] for part in HEADINGS if parts.get(part, "").strip()}
    if list(filled) == [alone]:
        return filled[alone]
    return "\n\n".join(f"{HEADINGS[part]}\n{text.strip()}" for part, text in filled.items())


def split_sections(prompt: str, *, alone: str = "system_prompt") -> dict[str, str]:
    """Return the parts a prompt was joined from, or the whole prompt as the part `alone`."""
    sections: list[tuple[str, int, int]] = []
    last = -1
    for match in _HEADING.finditer(prompt):
        order, part = _ORDER[match[0]]
        if order > last:
            sections.append((part, match.start(), match.end()))
            last = order
    ends = [start for _, start, _ in sections[1:]] + [len(prompt)]
    parts = {part: prompt[begin:end].strip() for (part, _, begin), end in zip(sections, ends, strict=False)}
    return parts if join_sections(parts, alone=alone) == prompt else {alone: prompt}
