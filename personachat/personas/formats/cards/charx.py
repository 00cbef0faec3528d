"""Cards in CHARX archives: `card.json`, a V3 card, its picture and its other files.

The picture that a card shows itself with becomes the persona's. What else lies in the archive is kept to the
byte, within limits, and goes back into the next archive under its name; see `personachat.personas.assets`.
Source: the character card specification V3, "CHARX"; `embeded://` is how it spells the scheme.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from personachat.errors import ImportRefused
from personachat.jsontext.reader import MAX_DEPTH
from personachat.personas.assets.sets import OURS, AssetsOnTheirWay
from personachat.personas.formats.assets import read_assets
from personachat.personas.formats.cards.card import CardRead, read_card_text, write_card
from personachat.personas.formats.cards.origin import carrying
from personachat.personas.formats.cards.payload import payload_text
from personachat.personas.formats.cards.text import decoded, depth
from personachat.personas.formats.packed import PackedFile
from personachat.personas.formats.safe_zip import Archive, pack
from personachat.personas.persona import Persona
from personachat.personas.pictures.reading import kind_of
from personachat.personas.pictures.shelf import PictureShelf

CARD = "card.json"

_SCHEMES = ("embeded://", "embedded://", "__asset:")
_ICONS = "assets/icon/"


@dataclass(frozen=True, slots=True)
class CharxRead:
    """A card, its picture, b"" if there is none, and its other files."""

    card: CardRead
    image: bytes
    assets: AssetsOnTheirWay | None


def read_charx(files: Archive) -> CharxRead:
    """What an archive holds; what of it is left out is said among the losses. Raises ImportRefused."""
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
    others = {name: name for name in files.names if name not in {CARD, icon}}
    assets, left_out = read_assets(files, others, PictureShelf())
    return CharxRead(replace(read, losses=(*losses, *left_out)), image, assets)


def _icon(card: Any, files: Archive) -> str:
    """The name of the file that the card shows itself with: the main icon, else any; "" for none."""
    data = card.get("data") if isinstance(card, dict) else None
    asset_list = data.get("assets") if isinstance(data, dict) else None
    assets = [each for each in asset_list if isinstance(each, dict)] if isinstance(asset_list, list) else []
    icons = [each for each in assets if each.get("type") == "icon"]
    icons.sort(key=lambda each: not _is_main_icon(each))
    for asset in icons:
        name = _name_inside(asset)
        if name in files.names and kind_of(files.start(name, 16)):
            return name
    return next(
        (name for name in files.names if name.startswith(_ICONS) and kind_of(files.start(name, 16))), ""
    )


def write_charx(
    persona: Persona, image: bytes, assets: Mapping[str, Callable[[], bytes]] = MappingProxyType({})
) -> tuple[PackedFile, tuple[str, ...]]:
    """Return the archive with this picture and these files, and in sentences what the card cannot hold."""
    card, losses = write_card(persona, version=3)
    asset_list = card["data"].get("assets")
    there = [asset for asset in asset_list if isinstance(asset, dict)] if isinstance(asset_list, list) else []
    icon = _free_name(assets)
    main = {"type": "icon", "uri": f"{_SCHEMES[0]}{icon}", "name": "main", "ext": "png"}
    files, dropped = [], 0
    for asset in there:
        is_missing = _is_inside(asset) and _name_inside(asset) not in assets
        if _is_main_icon(asset) and (persona.picture or is_missing):
            dropped += not persona.picture
            asset = main  # noqa: PLW2901  # in its place among the others
        elif is_missing:
            dropped += 1
            continue
        files.append(asset)
    if dropped:
        losses = (*losses, "The card's pictures and sounds are not in the archive and were not kept.")
    if not any(_is_main_icon(asset) for asset in files):
        files.insert(0, main)
    whole = card if files == there else card | {"data": _showing(persona, card["data"], files)}
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
    images = {icon: image} if main in files else {}
    return pack({CARD: text.encode(), **images, **assets}), losses


def _free_name(other_names: Collection[str]) -> str:
    """A name for the main icon."""
    taken_names = {name.casefold() for name in other_names}
    names = (f"{_ICONS}images/{stem}.png" for stem in ("main", *(f"main-{n}" for n in range(2, 5_000))))
    return next(name for name in names if name not in taken_names)


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


def _name_inside(asset: dict[str, Any]) -> str:
    """The name that the file of an asset has in the archive; "" where it is elsewhere."""
    uri = str(asset.get("uri", ""))
    return next((uri.removeprefix(scheme) for scheme in _SCHEMES if uri.startswith(scheme)), "")


def _is_main_icon(asset: dict[str, Any]) -> bool:
    return asset.get("type") == "icon" and asset.get("name") == "main"
