"""Drafting: a model writes a persona from a plain description, or a better prompt for one."""

from personachat.authoring.drafting.drafter import MAX_DESCRIPTION_CHARACTERS, Drafter, Drafting
from personachat.authoring.drafting.improving import proposed
from personachat.authoring.drafting.offline import drafted_offline, nearest
from personachat.authoring.drafting.reading import drafted_text, is_refused

__all__ = [
    "MAX_DESCRIPTION_CHARACTERS",
    "Drafter",
    "Drafting",
    "drafted_offline",
    "drafted_text",
    "is_refused",
    "nearest",
    "proposed",
]
