"""Cards in CHARX archives: `card.json`, a V3 card, and its picture.

Of what lies beside a card only the picture that it shows itself with is read; a persona keeps no other.
Source: the character card specification V3, "CHARX"; `embeded://` is how it spells the scheme.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from personachat.errors import ImportRefused
from personachat.jsontext.reader import MAX_DEPTH
from personachat.personas.formats.cards.card import CardRead, read_card_text, write_card
from personachat.personas.formats.cards.origin import OURS, carrying
from personachat.personas.formats.cards.payload import payload_text
from personachat.personas.formats.cards.text import decoded, depth
from personachat.personas.formats.safe_zip import Archive, archive
from personachat.personas.persona import Persona
from personachat.personas.pictures.reading import kind_of

CARD = "card.json"

_SCHEMES = ("embeded://", "embedded://", "__asset:")
_ICON = "assets/icon/images/main.png"
_ICONS = "assets/icon/"


def read_charx(files: Archive) -> tuple[CardRead, bytes]:
    """The card of an archive, and its picture, b"" where there is none. Raises ImportRefused.

    A picture that cannot be unpacked is said among the losses.
    """
    try:
        text, left_out = payload_text(files.read(CARD))
    except ImportRefused as error:
        raise ImportRefused(f'"{CARD}" in the archive can\'t be read: {error}', hint=error.hint) from None
    read = read_card_text(text, left_out)
    icon, image, losses = _icon(decoded(text)[0], files), b"", read.losses
    try:
        image = files.read(icon) if icon else files.front()
    except ImportRefused as error:
        losses = (*losses, f"The picture was left out. {error}")
    count = len(files.names) - 1 - bool(icon)
    if count:
        others = "One file" if count == 1 else f"{count:,} files"
        loss = f"{others} in the card left out: a persona keeps one picture, but no sounds or scripts."
        losses = (*losses, loss)
    return replace(read, losses=losses), image


def _icon(card: Any, files: Archive) -> str:
    """The name of the file that the card shows itself with: the main icon, else any; "" for none."""
    data = card.get("data") if isinstance(card, dict) else None
    listed = data.get("assets") if isinstance(data, dict) else None
    assets = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    icons = [each for each in assets if each.get("type") == "icon"]
    icons.sort(key=lambda each: not _is_main_icon(each))
    for asset in icons:
        uri = str(asset.get("uri", ""))
        name = next((uri.removeprefix(scheme) for scheme in _SCHEMES if uri.startswith(scheme)), "")
        if name in files.names:
            return name
    return next(
        (name for name in files.names if name.startswith(_ICONS) and kind_of(files.start(name, 16))), ""
    )


def write_charx(persona: Persona, image: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the archive with this picture, and in sentences what the card cannot hold."""
    card, losses = write_card(persona, version=3)
    listed = card["data"].get("assets")
    assets = [asset for asset in listed if isinstance(asset, dict)] if isinstance(listed, list) else []
    main = {"type": "icon", "uri": f"embeded://{_ICON}", "name": "main", "ext": "png"}
    kept, files, dropped = [], {_ICON: image}, 0
    for asset in assets:
        if _is_main_icon(asset) and (persona.picture or _is_inside(asset)):
            dropped += not persona.picture
            asset = main  # noqa: PLW2901  # in its place among the others
        elif _is_inside(asset):
            dropped += 1
            continue
        kept.append(asset)
    if dropped:
        losses = (*losses, "The card's pictures and sounds are not in the archive and were not kept.")
    if not any(_is_main_icon(asset) for asset in kept):
        kept.insert(0, main)
    if main not in kept:
        files = {}
    whole = card if kept == assets else card | {"data": _showing(persona, card["data"], kept)}
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
    return archive({CARD: text.encode()} | files), losses


def _showing(persona: Persona, data: dict[str, Any], assets: list[dict[str, Any]]) -> dict[str, Any]:
    """The card's data with these assets, which are not to be taken for somebody's edit on the way back."""
    changed = data | {"assets": assets}
    ours = carrying(persona, changed)
    others = changed.get("extensions")
    changed["extensions"] = (others if isinstance(others, dict) else {}) | {OURS: ours}
    if depth(changed) >= MAX_DEPTH:
        ours["persona"].pop("extensions", None)
    return changed


def _is_inside(asset: dict[str, Any]) -> bool:
    return str(asset.get("uri", "")).startswith(_SCHEMES)


def _is_main_icon(asset: dict[str, Any]) -> bool:
    return asset.get("type") == "icon" and asset.get("name") == "main"
