"""Bounds on the files that pages hold in memory: so many bytes for a session, and for all of them together.

Streamlit limits a single file, and keeps every one that is sent for as long as its session lasts, whether or
not a page asked for it. Here the oldest files of a session make room for its next one, which a page that is
done with them does not notice; what has no room among everybody's is refused before it is read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime

log = logging.getLogger(__name__)

_MB = 1024 * 1024
MOST_SESSION_BYTES = 320 * _MB
MOST_BYTES = 1024 * _MB
MOST_SESSION_FILES = 1_000
RETRY_SECONDS = 60

_UPLOAD = re.compile(r".*/_stcore/upload_file/([^/]+)/[^/]+", re.DOTALL)


class FileStore(Protocol):
    """Streamlit's own: files by session and then by id, the oldest first."""

    file_storage: Mapping[str, Mapping[str, Any]]

    def remove_file(self, session_id: str, file_id: str) -> None: ...


def file_store() -> FileStore | None:
    """Where this process keeps uploaded files; None before it serves pages."""
    if not runtime.exists():
        return None
    store: Any = runtime.get_instance().uploaded_file_mgr
    return store if hasattr(store, "file_storage") else None


class UploadLimits:
    """The ASGI middleware; all its counting is on one event loop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._arriving: dict[str, list[int]] = {}
        """The sizes of what is on its way, by session."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = _UPLOAD.fullmatch(scope.get("path", ""))
        store = file_store()
        if match is None or store is None or scope["type"] != "http" or scope["method"] != "PUT":
            await self._app(scope, receive, send)
            return
        session_id, size = match[1], _size(scope)
        if not self._has_room(store, session_id, size):
            log.warning("Refused an uploaded file of %d bytes: too much is held already", size)
            text = "The server holds too many files at the moment. Try again in a minute."
            headers = {"Retry-After": str(RETRY_SECONDS)}
            await PlainTextResponse(text, 503, headers)(scope, receive, send)
            return
        with self._announced(session_id, size):
            await self._app(scope, receive, send)

    def _has_room(self, store: FileStore, session_id: str, size: int) -> bool:
        """Make room in the session, and say whether there is some."""
        own = sum(self._arriving.get(session_id, ()))
        size_of_file = _sizes(store, session_id)
        for file_id in tuple(size_of_file):
            if (
                own + sum(size_of_file.values()) + size <= MOST_SESSION_BYTES
                and len(size_of_file) < MOST_SESSION_FILES
            ):
                break
            del size_of_file[file_id]
            store.remove_file(session_id, file_id)
        if own and own + size > MOST_SESSION_BYTES:
            return False
        arriving = sum(map(sum, self._arriving.values()))
        stored_bytes = sum(sum(_sizes(store, each).values()) for each in tuple(store.file_storage))
        return arriving + stored_bytes + size <= MOST_BYTES

    @contextmanager
    def _announced(self, session_id: str, size: int) -> Iterator[None]:
        sizes = self._arriving.setdefault(session_id, [])
        sizes.append(size)
        try:
            yield
        finally:
            sizes.remove(size)
            if not sizes:
                self._arriving.pop(session_id, None)


def _sizes(store: FileStore, session_id: str) -> dict[str, int]:
    return {
        file_id: len(file.data) for file_id, file in tuple(store.file_storage.get(session_id, {}).items())
    }


def _size(scope: Scope) -> int:
    """What is on its way; the most that it may be where nobody says."""
    length = Headers(scope=scope).get("content-length", "")
    most = int(st.get_option("server.maxUploadSize")) * _MB
    return min(int(length[:20]), most) if length.isdecimal() else most
