"""Tells a model's refusal from the text it was asked for. Pure.

A refusal begins with an excuse and is about its writer; a prompt is about the one it addresses.
"""

from __future__ import annotations

import re

MOST_CHARACTERS = 1_200
"""Characters. A longer text says more than a refusal."""

_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
_AROUND = " \t\n*_`#\"'>\u201c\u201d"
_EXCUSES = (
    r"(?:i'?m|i am) (?:very |really |so |just )?(?:sorry|afraid|an ai|unable|not able|not comfortable)\b",
    r"(?:i )?apologi[sz]e\b",
    r"(?:my apologies|sorry|unfortunately|as an ai)\b",
    r"i (?:can(?:no|'?)t|can not|won'?t|will not|do not feel|don't feel|(?:must |have to )?decline)\b",
    r"unable to (?:comply|assist|help|fulfil|complete|create|provide|write)\b",
    r"(?:this|that|your|the) request (?:violates|goes against|conflicts with|is (?:not allowed|against))\b",
    r"(?:this|that|your|the) request can(?:no|')t be\b",
    r"(?:es tut mir leid|tut mir leid|leider|entschuldigung|ich kann (?:das|dir|ihnen|dabei|diese))\b",
    r"(?:das|dabei) kann ich (?:dir |ihnen )?(?:leider )?nicht\b",
    r"(?:je suis d\u00e9sol\u00e9e?|d\u00e9sol\u00e9e?|je ne peux pas)\b",
    r"(?:lo siento|no puedo|mi dispiace|non posso|desculpe|n\u00e3o posso|het spijt me|jag kan inte)\b",
    r"(?:przykro mi|nie mog\u0119)\b",
    r"\u7533\u3057\u8a33|\u3059\u307f\u307e\u305b\u3093|\u5bf9\u4e0d\u8d77|\u5f88?\u62b1\u6b49|\u6211\u4e0d\u80fd",
)
_REFUSAL = re.compile("|".join(f"(?:{excuse})" for excuse in _EXCUSES), re.IGNORECASE)
_ADDRESSED = re.compile(r"\b(?:you are|you're|your role|your task|act as)\b", re.IGNORECASE)


def without_thinking(text: str) -> str:
    """A reply without the thoughts that some models write into it."""
    return _THINKING.sub("", text)


def is_refusal(text: str) -> bool:
    """Whether a text only says that its writer won't write it."""
    plain_text = without_thinking(text).replace("\u2019", "'").strip(_AROUND)
    if len(plain_text) > MOST_CHARACTERS or not _REFUSAL.match(plain_text):
        return False
    return not _ADDRESSED.search(plain_text)
