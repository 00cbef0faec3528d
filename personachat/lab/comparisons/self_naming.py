"""Whether a reply reveals the model that wrote it: then a vote on it isn't blind. Pure."""

from __future__ import annotations

import re

_FAMILY = re.compile(r"[A-Za-z]{3,}")
_SAYS_OF_ITSELF = (
    r"\b(?:i am|i['\u2019]m|my name is|as|this is|called|ich bin|je suis|soy)\s+(?:an?\s+|the\s+)?"
)


def names_its_model(text: str, *, model: str) -> bool:
    """Whether the text contains the model's name, or "I am ..." with the name of its family."""
    name = model.rpartition("/")[2].partition(":")[0].strip()
    if not name:
        return False
    family = _FAMILY.match(name)
    own = r"[\s_.-]*".join(re.escape(part) for part in re.split(r"[\s_.-]+", name) if part)
    if re.search(rf"(?<!\w){own}(?!\w)", text, re.IGNORECASE):
        return True
    if family is None:
        return False
    return bool(re.search(rf"{_SAYS_OF_ITSELF}(?:\w+[\s'\u2019]+){{0,2}}{family[0]}", text, re.IGNORECASE))
