"""Unsaved persona texts in files, beside the session that has them: one file a session, one folder an owner.

A page that comes back without its session takes them over, wherever they were typed in. They are
gone when they are saved or discarded, or after a week. Keeping is help and no promise: where a file cannot be
written, the session goes on as it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import cast

import streamlit as st

from personachat.ui import state
from personachat.ui.owner import current_owner
from personachat.ui.state import Draft

KEPT_SECONDS = 7 * 24 * 3600
MOST_FILES = 20
MOST_BYTES = 2_000_000
"""More than that of one session is not kept."""

_KEPT, _NAME = "drafts_kept", "drafts_file"


def keep() -> None:
    """Write what the session has, if that is other than it was."""
    drafts = state.drafts()
    kept = cast("dict[str, Draft]", st.session_state.get(_KEPT) or {})
    if drafts == kept:
        return
    path = _folder() / str(st.session_state.setdefault(_NAME, f"{secrets.token_hex(8)}.json"))
    with contextlib.suppress(OSError):
        _write(path, drafts)
    st.session_state[_KEPT] = dict(drafts)


def take_over() -> None:
    """Have what the owner's earlier sessions left; the session's own texts come first."""
    for path in _files():
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            left = {key: Draft(**draft) for key, draft in json.loads(path.read_text()).items()}
            state.drafts().update({**left, **state.drafts()})
    keep()
    own = st.session_state.get(_NAME)
    for path in _files():
        if path.name != own:
            path.unlink(missing_ok=True)


def _write(path: Path, drafts: dict[str, Draft]) -> None:
    content = json.dumps({key: asdict(draft) for key, draft in drafts.items()}).encode()
    if not drafts or len(content) > MOST_BYTES:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_suffix(".tmp")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    for old in list(_files())[MOST_FILES:]:
        old.unlink(missing_ok=True)


def _files() -> Iterator[Path]:
    """The owner's files, the newest first; those that are too old are removed."""
    found: list[tuple[float, Path]] = []
    with contextlib.suppress(OSError):
        found = [(entry.stat().st_mtime, Path(entry)) for entry in os.scandir(_folder())]
    for written, path in sorted(found, reverse=True):
        if time.time() - written > KEPT_SECONDS:
            path.unlink(missing_ok=True)
        elif path.suffix == ".json":
            yield path


def _folder() -> Path:
    owner = sha256(current_owner().encode()).hexdigest()[:32]
    return Path(state.services().settings.data_dir) / "drafts" / owner
