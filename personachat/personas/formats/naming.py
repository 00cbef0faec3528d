"""Names for prompts that have none: from their heading, their file, or who they say that they are. Pure."""

from __future__ import annotations

import re

from personachat.personas import limits

_HEADING = re.compile(r"^#[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_YOU_ARE = re.compile(
    r"(?:you are|you're|act as|i want you to act as|your role is|be)\s+(?:an?\s+|the\s+)?([^.,;:\n!?]{3,60})",
    re.IGNORECASE,
)
_ENDINGS = re.compile(
    r"(?:\.(?:agent|chatmode|prompt|instructions|system|persona))?\.(?:md|mdc|markdown|txt|prompt|modelfile)\Z",
    re.IGNORECASE,
)
_GENERIC = re.compile(
    r"(?:system|my|the|your)?[-_ ]*(?:prompts?|agents?|claude|copilot-instructions|cursorrules|instructions?"
    r"|readme|untitled|new|text|document|modelfile|system|index|stdin|skill|gemini|\.[a-z]*rules)?[-_ ]*\d*",
    re.IGNORECASE,
)


def name_of(text: str, *, name: str = "") -> str:
    """A name for a prompt: its heading, its file's name, or who it says that it is."""
    stem = _ENDINGS.sub("", name.rsplit("/", 1)[-1]).strip()
    heading = _HEADING.search(text[:2_000])
    if stem and not _GENERIC.fullmatch(stem):
        return spaced(stem)
    if heading:
        return heading[1].strip("*_` ")[: limits.NAME]
    match = _YOU_ARE.search(text[:2_000])
    if match and "{" not in match[1]:
        role = " ".join(match[1].split()[:6])
        return role[:1].upper() + role[1:]
    first = re.sub(r"\{\{[^{}]*\}\}|[\[\]{}]", " ", text.lstrip().partition("\n")[0])
    words = " ".join(first.split()[:6])[:60]
    return words or "Imported prompt"


def spaced(name: str) -> str:
    """An id such as "harbour-clerk" as people write a name; any other name as it is."""
    if not name or " " in name or name != name.lower():
        return name
    words = re.sub(r"[-_]+", " ", name).strip()
    return words[:1].upper() + words[1:]
