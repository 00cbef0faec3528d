"""One profile of the browser for all tests, with nothing in it but what the browser has compiled.

A fresh context would compile all of Streamlit's page anew, which is more than half of what it costs to open
one. What is compiled belongs to an address, so servers get their ports from here, one after another the same.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext

STORED = "cookies,file_systems,indexeddb,local_storage,service_workers,cache_storage"
"""What a page may have left behind, as the browser's protocol calls it."""

_spare_ports: list[int] = []


class Profile:
    """A browser's default context, and the browser."""

    def __init__(self, context: BrowserContext) -> None:
        assert context.browser
        self.browser: Browser = context.browser
        self.context = context
        self._blank = context.pages[0]
        """The browser ends with its last page."""

    @contextmanager
    def used(self) -> Iterator[BrowserContext]:
        """The context for as long as the block takes; no page, no cookie and no permission outlives it."""
        yield self.context
        self.clear()

    def clear(self) -> None:
        for page in self.context.pages:
            if page != self._blank:
                page.close()
        self.context.clear_cookies()
        self.context.clear_permissions()
        self.context.unroute_all()
        session = self.context.new_cdp_session(self._blank)
        session.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": STORED})
        session.detach()


@contextmanager
def usual_port() -> Iterator[int]:
    """A port that nobody listens at, the same one each time if it can be."""
    port = next((each for each in _spare_ports if _is_free(each)), None)
    if port is None:
        port = free_port()
    else:
        _spare_ports.remove(port)
    try:
        yield port
    finally:
        _spare_ports.insert(0, port)


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
