"""The reads of a response body: what the network brought at once comes at once.

A server writes a token at a time, but handing every token through the whole program by itself costs far more
than reading it. aiohttp joins what has arrived; here only those layers are passed by that have nothing to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2

DRAIN_SECONDS = 0.1
"""How long the end of the body may take after [DONE]; in time, the connection is used again."""


def reads_of(response: httpx2.Response) -> AsyncGenerator[bytes]:
    """The body as it comes, unpacked if it is packed. Closing it closes the response."""
    packed = response.headers.get("content-encoding", "identity") != "identity"
    return response.aiter_bytes() if packed else response.aiter_raw()


async def drain(reads: AsyncGenerator[bytes]) -> None:
    """Read a body to its end if that is near, so that its connection is used again."""
    with suppress(Exception):  # the reply is whole; a connection that fails now is only not used again
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in reads:
                pass
