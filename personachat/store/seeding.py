"""Opens the persona store; an installed product's own folder begins with the shipped personas.

That happens once a folder: what somebody keeps or deletes there afterwards stays kept or deleted.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from personachat.errors import StoreUnavailable
from personachat.settings import APP, INSTALLED, Settings
from personachat.store.base import PersonaStore
from personachat.store.files import FilePersonaStore
from personachat.store.folder import available, locked, replace_file
from personachat.store.persona_file import SUFFIX

_SEEDED = ".seeded"
_BEGUN, _DONE = b"begun\n", b"done\n"


def open_store(settings: Settings) -> PersonaStore:
    """Return the store. Raises StoreUnavailable where its folder has to be filled and cannot be."""
    if INSTALLED:
        seed_personas(settings.personas_dir, APP / "personas")
    return FilePersonaStore(settings.personas_dir)


def seed_personas(folder: Path, shipped: Path) -> None:
    """Fill a folder that has no personas and never had the shipped ones; a deleted persona stays deleted.

    A start that dies half-way is completed by the next. Raises StoreUnavailable where nothing can be written.
    """
    marker = folder / _SEEDED
    with available(folder):
        if not shipped.is_dir() or (folder.is_dir() and folder.samefile(shipped)):
            return
        state = _marked(marker)
        somebodys_own = state is None and any(folder.glob(f"*{SUFFIX}"))
    if state == _DONE:
        return
    if somebodys_own:
        with suppress(StoreUnavailable), locked(folder):  # it may be a folder that nobody can write in
            replace_file(marker, _DONE)
        return
    with locked(folder):
        if _marked(marker) == _DONE:
            return
        replace_file(marker, _BEGUN)
        for source in sorted(shipped.glob(f"*{SUFFIX}")):
            if not os.path.lexists(folder / source.name):
                replace_file(folder / source.name, source.read_bytes())
        replace_file(marker, _DONE)


def _marked(marker: Path) -> bytes | None:
    try:
        return marker.read_bytes()
    except OSError:
        return None
