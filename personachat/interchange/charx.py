"""Cards in CHARX archives: `card.json`, a V3 card, and its picture.

Pictures, sounds and whatever else lies beside a card are never opened; a persona does not keep them.
Source: the character card specification V3, "CHARX"; `embeded://` is how it spells the scheme.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from personachat.errors import ImportRefused
from personachat.interchange.archives import Archive, archive
from personachat.interchange.card_origin import OURS, carrying
from personachat.interchange.card_payload import payload_text
from personachat.interchange.card_text import depth
from personachat.interchange.cards import CardRead, read_card_text, write_card
from personachat.interchange.cover import cover
from personachat.persona import Persona
from personachat.persona_text import MAX_DEPTH

CARD = "card.json"

_SCHEMES = ("embeded://", "embedded://", "__asset:")
_ICON = "assets/icon/images/main.png"


def read_charx(files: Archive) -> CardRead:
    """Read the card of an archive; nothing else of it is opened. Raises ImportRefused."""
    try:
        text, left_out = payload_text(files.read(CARD))
    except ImportRefused as error:
        raise ImportRefused(f'"{CARD}" in the archive cannot be read: {error}', hint=error.hint) from None
    read = read_card_text(text, left_out)
    count = len(files.names) - 1
    if not count:
        return read
    others = "One file" if count == 1 else f"{count:,} files"
    loss = f"{others} beside the card left out: a persona keeps no pictures, sounds or scripts."
    return replace(read, losses=(*read.losses, loss))


def write_charx(persona: Persona) -> tuple[bytes, tuple[str, ...]]:
    """Return the archive, and in sentences what the card cannot hold."""
    card, losses = write_card(persona, version=3)
    listed = card["data"].get("assets")
    assets = [asset for asset in listed if isinstance(asset, dict)] if isinstance(listed, list) else []
    kept = [asset for asset in assets if not str(asset.get("uri", "")).startswith(_SCHEMES)]
    if len(kept) < len(assets):
        losses = (*losses, "The card's own pictures and sounds are not in the archive: they were not kept.")
    files: dict[str, bytes] = {}
    if not any(_is_main_icon(asset) for asset in kept):
        kept.insert(0, {"type": "icon", "uri": f"embeded://{_ICON}", "name": "main", "ext": "png"})
        files[_ICON] = cover(persona)
    whole = card if kept == assets else card | {"data": _showing(persona, card["data"], kept)}
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
    return archive({CARD: text.encode()} | files), losses


def _showing(persona: Persona, data: dict[str, Any], assets: list[dict[str, Any]]) -> dict[str, Any]:
    """The card's data with these assets, which are not to be taken for somebody's edit on the way back."""
    changed = data | {"assets": assets}
    ours = carrying(persona, changed)
    changed["extensions"] = changed["extensions"] | {OURS: ours}
    if depth(changed) >= MAX_DEPTH:
        ours["persona"].pop("extensions", None)
    return changed


def _is_main_icon(asset: dict[str, Any]) -> bool:
    return asset.get("type") == "icon" and asset.get("name") == "main"
