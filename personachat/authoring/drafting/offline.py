"""A draft without a model that could write one: the template most similar to the description. Pure.

The embedded demo model can't do the task. So it isn't called, and nothing pretends that it was.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection
from functools import cache

from personachat.authoring.drafting.naming import name_from
from personachat.messages import storable
from personachat.personas import limits
from personachat.personas.fields import free_id
from personachat.personas.persona import Persona, dump_persona
from personachat.personas.templates.shipped import Template, shipped

NEAR = 1.0
"""Less similarity is coincidence."""

_WORD = re.compile(r"\w{3,}")
_COMMON = re.compile(
    r"(?:and|are|but|can|for|has|her|him|his|how|its|not|one|our|she|that|the|their|them|they|this|who|with|you"
    r"|your|which|what|when|from|into|like|wants?|needs?|helps?|persona|assistant|some(?:one|body)|people"
    r"|person|gives?|makes?|about|answers?|questions?|would|should|could)"
)


def nearest(description: str) -> Template | None:
    """The shipped template with most of the description's words; None if none has any that matter."""
    description_words = _words(description)
    scored = [
        (sum(_weight(word) * counted[word] for word in description_words & counted.keys()), template)
        for template, counted in _counted()
    ]
    score, best = max(scored, key=lambda each: each[0])
    return best if score >= NEAR else None


def drafted_offline(description: str, *, other_ids: Collection[str], model: str) -> str:
    """The JSON text of a valid persona: the most similar template, begun with the description."""
    description = storable(description).strip()
    template = nearest(description)
    name = name_from(description)
    begun = template.persona if template else Persona(id="none", name=name, system_prompt="none")
    prompt = f"You are: {description}" + (f"\n\n{begun.system_prompt}" if template else "")
    changes = {
        "id": free_id(name, other_ids),
        "name": name,
        "description": " ".join(description.split())[: limits.DESCRIPTION].strip(),
        "system_prompt": prompt[: limits.PROMPT].strip(),
        "model": model,
    }
    return dump_persona(begun.model_copy(update=changes))


@cache
def _counted() -> tuple[tuple[Template, Counter[str]], ...]:
    """Each template with the weights of its words: those in its name and purpose count most."""
    counted = []
    for template in shipped():
        persona, words = template.persona, Counter[str]()
        titles = (persona.name, template.purpose, template.group, *persona.tags)
        for text, weight in ((" ".join(titles), 3), (persona.description, 2), (persona.system_prompt, 1)):
            for word in _words(text):
                words[word] = max(words[word], weight)
        counted.append((template, words))
    return tuple(counted)


def _weight(word: str) -> float:
    """A word that few templates have is more significant than one that most have."""
    having = sum(word in words for _, words in _counted())
    return math.log(len(_counted()) / having) / 2 if having else 0.0


def _words(text: str) -> frozenset[str]:
    folded_words = (word.casefold() for word in _WORD.findall(text))
    return frozenset(_stem(word) for word in folded_words if not _COMMON.fullmatch(word))


def _stem(word: str) -> str:
    for ending in ("ings", "ing", "ers", "er", "ors", "or", "ies", "es", "ed", "s", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
