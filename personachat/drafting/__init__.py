"""Drafting a persona: a model writes it from a plain description."""

from personachat.drafting.drafter import MAX_DESCRIPTION_CHARACTERS, Drafter, Drafting
from personachat.drafting.reading import drafted_text

__all__ = ["MAX_DESCRIPTION_CHARACTERS", "Drafter", "Drafting", "drafted_text"]
