"""The SDK's HTTP client over aiohttp, for requests of any size: large ones are written piece by piece.

In one piece they would be in memory twice and delay every other reply while they are copied. Importing this
module imports the SDK.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai

LARGE_BYTES = 512 * 1024
PIECE_BYTES = 128 * 1024


class BodyChunks(httpx2.AsyncByteStream):
    """The bytes of a body, in pieces."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._content), PIECE_BYTES):
            yield self._content[start : start + PIECE_BYTES]


class HttpClient(openai.DefaultAioHttpClient):
    """See the module."""

    def build_request(self, *args: Any, **kwargs: Any) -> httpx2.Request:
        """The request; a large body comes in pieces."""
        request = super().build_request(*args, **kwargs)
        if int(request.headers.get("content-length", 0)) <= LARGE_BYTES:
            return request
        return httpx2.Request(
            request.method,
            request.url,
            headers=request.headers,
            stream=BodyChunks(request.content),
            extensions=request.extensions,
        )
