"""The history of the open persona: its revisions, what changed, and the way back."""

from __future__ import annotations

from personachat.ui.persona_desk import Opened


def draw(found: Opened) -> None:
    del found
