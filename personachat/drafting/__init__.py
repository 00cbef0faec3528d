"""Drafting a persona: a model writes it from a plain description."""

from personachat.drafting.drafter import MAX_DESCRIPTION_CHARACTERS, Drafter, Drafting
from personachat.drafting.offline import drafted_offline, nearest
from personachat.drafting.reading import drafted_text
from personachat.drafting.refusals import is_refusal

__all__ = [
    "MAX_DESCRIPTION_CHARACTERS",
    "Drafter",
    "Drafting",
    "drafted_offline",
    "drafted_text",
    "is_refusal",
    "nearest",
]
