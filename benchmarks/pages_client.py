"""A browser tab without a browser: it speaks Streamlit's websocket protocol with any app that has a chat box.

While a reply comes it only notes when each message arrived; they are applied to the screen afterwards, so
that its own work is not in the times. It counts every byte from the socket, with frames and compression.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from benchmarks.measures import Reading, ReplyIncomplete, Seen, Sightings
from benchmarks.screen import Screen, ended
from benchmarks.speech import Order, letters

PATIENCE_SECONDS = 60.0
SMALL_BYTES = 200
"""The end of a run is a smaller message; larger ones are not looked into while others are measured."""


class CountingConnection(ClientConnection):
    """A websocket that knows how many bytes came."""

    received_bytes = 0

    def data_received(self, data: bytes) -> None:
        self.received_bytes += len(data)
        super().data_received(data)


class PageSession:
    """One tab with a screen; one reply at a time."""

    def __init__(self, url: str, connection: CountingConnection) -> None:
        self._url = url
        self._connection = connection
        self._screen = Screen()

    @classmethod
    async def open(cls, url: str) -> PageSession:
        """A tab in which the app at `url` has been drawn. Raises LookupError where it has no chat box."""
        connection = await connect(
            f"{url.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            origin=Origin(url),
            create_connection=CountingConnection,
            max_size=None,
            max_queue=None,
            ping_interval=None,
        )
        assert isinstance(connection, CountingConnection)
        session = cls(url, connection)
        await session._run_script()
        for _, data in await session._until_the_end(with_words=b""):
            session._screen.apply(ForwardMsg.FromString(data))
        if not session._screen.chat_input:
            raise LookupError(f"the app at {url} has no chat box")
        return session

    async def ask(self, order: Order) -> Reading:
        """Type a prompt, and wait until the run that answers it is over.

        Others end meanwhile: a page draws itself again by itself when another one has begun a conversation.
        """
        before, submitted_ns = self._connection.received_bytes, time.monotonic_ns()
        await self._run_script(order.prompt)
        messages = await self._until_the_end(with_words=order.reply[0].encode())
        received_bytes = self._connection.received_bytes - before
        return lambda: Seen(order, submitted_ns, self._read(order, messages), received_bytes)

    async def close(self) -> None:
        await self._connection.close()

    def _read(self, order: Order, messages: list[tuple[int, bytes]]) -> list[tuple[int, int]]:
        reply, sightings = letters("".join(order.reply)), Sightings(order)
        for at_ns, data in messages:
            if self._screen.apply(ForwardMsg.FromString(data)):
                sightings.see(at_ns, self._screen.visible(reply, order.marker))
        if not sightings.complete:
            raise ReplyIncomplete(f"{sightings.grown[-1:]} was the last seen of {len(reply)} letters")
        return sightings.grown

    async def _until_the_end(self, *, with_words: bytes) -> list[tuple[int, bytes]]:
        """Every message up to the end of a run in which these words have come, with the time it came."""
        messages: list[tuple[int, bytes]] = []
        words_came = not with_words
        while True:
            data = await asyncio.wait_for(self._connection.recv(decode=False), PATIENCE_SECONDS)
            messages.append((time.monotonic_ns(), data))
            words_came = words_came or with_words in data
            if words_came and len(data) < SMALL_BYTES and ended(ForwardMsg.FromString(data)):
                return messages

    async def _run_script(self, typed: str | None = None) -> None:
        asked: Any = BackMsg()
        state = asked.rerun_script
        state.query_string = self._screen.query
        state.page_script_hash = self._screen.page_hash
        state.cached_message_hashes.extend(self._screen.known_hashes)
        context = state.context_info
        context.timezone, context.locale, context.url = "UTC", "en-US", self._url
        context.color_scheme = "light"
        for widget_id, choice in self._screen.choices.items():
            widget = state.widget_states.widgets.add()
            widget.id, widget.string_value = widget_id, choice
        if typed is not None:
            widget = state.widget_states.widgets.add()
            widget.id = self._screen.chat_input
            widget.chat_input_value.data = typed
        await self._connection.send(asked.SerializeToString())
