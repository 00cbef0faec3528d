"""The try-out pane: a chat with the persona as it stands in the editor, before it is saved."""

from __future__ import annotations

from personachat.ui.persona_desk import Opened


def draw(found: Opened) -> None:
    del found
