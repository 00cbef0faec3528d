"""The reads of a response body: what the network brought at once comes at once.

HTTP gives out a chunk for each write of the server, which is a token each. Handing every token through
the whole program by itself costs far more than reading it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

DRAIN_SECONDS = 0.1
"""How long the end of the body may take after [DONE]; in time, the connection is used again."""


async def joined_reads(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Join the chunks that can be had without waiting. Closing it stops the reading at once.

    A task of its own takes chunks for as long as none has to be waited for; only then does the event loop
    turn to the reader, once a read.
    """
    waiting: list[bytes] = []
    news = asyncio.Event()

    async def take() -> None:
        try:
            async for chunk in chunks:
                waiting.append(chunk)
                news.set()
        finally:
            news.set()

    taking = asyncio.create_task(take())
    try:
        while True:
            await news.wait()
            news.clear()
            if waiting:
                data = b"".join(waiting)
                waiting.clear()
                yield data
            if taking.done() and not waiting:
                taking.result()
                return
    finally:
        taking.cancel()
        await asyncio.wait({taking})
        if not taking.cancelled():
            taking.exception()  # seen: the reader has it, or has left


async def drain(reads: AsyncGenerator[bytes]) -> None:
    """Read a body to its end if that is near, so that its connection is used again."""
    with suppress(Exception):  # the reply is whole; a connection that fails now is only not used again
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in reads:
                pass
