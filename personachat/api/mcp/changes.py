"""Tells clients that the list of personas has changed, whoever changed it in whichever process.

The store is checked every few seconds, and only while a client wants to know. Clients of the newer protocol
subscribe; older ones are told over their connection as long as it lasts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from weakref import WeakSet

import anyio
from mcp.server.connection import Connection
from mcp.server.subscriptions import InMemorySubscriptionBus, PromptsListChanged, ServerEvent

from personachat.errors import PersonaChatError
from personachat.personas.store.base import StoredPersona
from personachat.services import Services

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0


class Changes:
    """A subscription bus that finds its own events. For one event loop."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._bus = InMemorySubscriptionBus()
        self._subscribers: set[object] = set()
        self._connections: WeakSet[Connection] = WeakSet()
        self._last: int | None = None

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Call `listener` with every event until the returned function is called."""
        leave, subscriber = self._bus.subscribe(listener), object()
        self._subscribers.add(subscriber)

        def unsubscribe() -> None:
            leave()
            self._subscribers.discard(subscriber)

        return unsubscribe

    async def publish(self, event: ServerEvent) -> None:
        await self._bus.publish(event)

    async def add(self, connection: Connection) -> None:
        """Also tell this connection, as long as it lasts."""
        await self.look()
        self._connections.add(connection)

    async def look(self) -> None:
        """Accept the current list without telling anyone, unless someone waits for changes."""
        if self._last is None or not self._watched:
            self._last = await self._now()

    async def watch(self) -> None:
        """Check and tell, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self._watched:
                continue
            now = await self._now()
            if now is None or now == self._last:
                continue
            self._last = now
            await self.publish(PromptsListChanged())
            for connection in list(self._connections):
                await connection.send_prompt_list_changed()

    @property
    def _watched(self) -> bool:
        return bool(self._subscribers) or len(self._connections) > 0

    async def _now(self) -> int | None:
        """A hash of the list; None if the store can't be read now."""
        try:
            return await anyio.to_thread.run_sync(self._fingerprint)
        except PersonaChatError as error:
            log.warning("The personas can't be read: %s", error)
            return None

    def _fingerprint(self) -> int:
        return hash(
            tuple(
                (entry.id, entry.persona.name, entry.persona.description)
                for entry in self._services().personas.all()
                if isinstance(entry, StoredPersona)
            )
        )
