"""The assets of one card as a set: which files, under which names, each known by its digest.

A persona's text names the digest of the whole set, under `extensions.personachat.assets`, so every version of
the text has its own. The same files make the same digest, whoever reads them. Values only.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

OURS = "personachat"
ASSETS = "assets"
PLACE = ("extensions", OURS, ASSETS)
"""Where a persona's text names its set."""

MOST_FILES = 1_000
MOST_FILE_BYTES = 16 * 1024 * 1024
MOST_BYTES = 64 * 1024 * 1024
"""Of all files of a set."""

_DIGEST = re.compile(r"[0-9a-f]{32}")


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def set_named_by(extensions: Mapping[str, Any]) -> str:
    """The digest of the set that a persona with these extensions has; "" for none."""
    ours = extensions.get(OURS)
    named = ours.get(ASSETS) if isinstance(ours, dict) else None
    return named if isinstance(named, str) and _DIGEST.fullmatch(named) else ""


class AssetOnItsWay(Protocol):
    """A file that was read and is not kept yet."""

    @property
    def digest(self) -> str: ...

    @property
    def content(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class AssetSet:
    """Digests by the names that the files have in the card, in the order of the names."""

    files: Mapping[str, str]

    @classmethod
    def of(cls, files: Mapping[str, str]) -> AssetSet:
        return cls(dict(sorted(files.items())))

    @classmethod
    def loads(cls, listing: str) -> AssetSet:
        return cls(dict(json.loads(listing)))

    @property
    def listing(self) -> str:
        return json.dumps(list(self.files.items()), ensure_ascii=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        return digest_of(self.listing.encode())


@dataclass(frozen=True, slots=True)
class AssetsOnTheirWay:
    """A set that was read and is not kept yet, with its files by their digests."""

    set: AssetSet
    files: Mapping[str, AssetOnItsWay]
