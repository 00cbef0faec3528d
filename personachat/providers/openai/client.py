"""The SDK's client as PersonaChat needs it: no retries, no redirects, no secrets in the wrong place.

Importing the SDK takes most of a second, so nothing here does it until it is called.

Response bodies are read here in the pieces that the network delivers. A server writes a token at a time, but
passing every token through the whole program costs far more than reading it. aiohttp joins what has arrived,
and the layers above it that would do nothing are skipped.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from personachat.errors import ApiKeyRefused
from personachat.providers.addresses import masked_address
from personachat.providers.openai.errors import address_refused, key_missing
from personachat.providers.openai.server import Server
from personachat.settings import OPENAI

if TYPE_CHECKING:
    import httpx2
    import openai


DRAIN_SECONDS = 0.1
"""Seconds that the end of the body may take after [DONE]. If it comes in time, the connection is reused."""


def reads_of(response: httpx2.Response) -> AsyncGenerator[bytes]:
    """The body as it arrives, unpacked if it is compressed. Closing it closes the response."""
    packed = response.headers.get("content-encoding", "identity") != "identity"
    return response.aiter_bytes() if packed else response.aiter_raw()


async def drain(reads: AsyncGenerator[bytes]) -> None:
    """Read a body to its end if that is near, so that its connection can be reused."""
    with suppress(Exception):  # the reply is complete; a connection that fails now just isn't reused
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in reads:
                pass


OPENAI_URL = "https://api.openai.com/v1"

CONNECT_SECONDS = 10.0

IDLE_SECONDS = 4.0
"""Seconds that an idle connection is kept.

Many servers (uvicorn, Node) close theirs after five seconds, and a request sent at that moment is lost.
"""

MOST_CONNECTIONS = 100_000
"""Practically unlimited. Other code limits the replies at once, and for aiohttp "unlimited" means 100."""


def new_client(url: str, key: str | None, server: Server) -> openai.AsyncOpenAI:
    """Create the client; only connecting has a time limit.

    It blocks for up to a second (imports, certificates): call it in a thread. Raises ApiKeyMissing,
    ApiKeyRefused for an impossible key, and RequestRefused for an unusable address.
    """
    if key is None and url == OPENAI_URL:
        raise key_missing(server)
    if key and not (key.isascii() and key.isprintable()):
        raise ApiKeyRefused("The API key contains invalid characters.", hint=f"Check {server.key_setting}.")
    import httpx2  # noqa: PLC0415  # see the module
    import openai  # noqa: PLC0415  # takes a second; the first reply or the warm-up pays for it

    from personachat.providers.openai.large_requests import HttpClient  # noqa: PLC0415  # takes a second; the first reply or the warm-up pays for it

    _hide_addresses()
    # At DEBUG it logs headers of answers, which may echo a key; an explicit level is respected.
    if (wire_log := logging.getLogger("httpcore2")).level == logging.NOTSET:
        wire_log.setLevel(logging.INFO)
    try:
        address = urlsplit(url)
        usable = address.port != 0 and httpx2.URL(url).host
    except (ValueError, httpx2.InvalidURL):
        usable = ""
    if not usable:
        raise address_refused(server) from None
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    login = (unquote(address.username), unquote(address.password or "")) if address.username else None
    return openai.AsyncOpenAI(
        # A user and password in the address would be logged with every request.
        base_url=address._replace(netloc=address.netloc.rpartition("@")[2]).geturl(),
        api_key=key or "none",
        max_retries=0,
        timeout=timeout,
        http_client=HttpClient(  # over aiohttp: a third less time per token than httpcore
            timeout=timeout,
            limits=httpx2.Limits(max_connections=MOST_CONNECTIONS, keepalive_expiry=IDLE_SECONDS),
            follow_redirects=False,  # the key would be sent along
            auth=None if key else login,
        ),
    )


def request_headers(name: str, key: str | None) -> dict[str, str | openai.Omit]:
    """Headers that keep the SDK from sending a placeholder for a key, or OpenAI's settings to other servers.

    The SDK reads organization, project and more from OPENAI_* variables, whatever server it calls.
    """
    from openai import Omit  # noqa: PLC0415  # see the module

    headers: dict[str, str | openai.Omit] = {}
    if name != OPENAI:
        lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
        names = [line.partition(":")[0].strip() for line in lines if ":" in line]
        headers = dict.fromkeys([*names, "OpenAI-Organization", "OpenAI-Project"], Omit())
        headers["Authorization"] = f"Bearer {key}" if key else Omit()
    elif key is None:
        headers["Authorization"] = Omit()
    return headers


class ShownAddresses(logging.Filter):
    """Lets every record through, with addresses in the form that may be shown."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                masked_address(str(value)) if str(value).startswith(("http://", "https://")) else value
                for value in record.args
            )
        return True


_ADDRESS_FILTER = ShownAddresses()


def _hide_addresses() -> None:
    """Keep keys in addresses out of the HTTP client's log, which has one line per request."""
    for name in ("httpx2", "httpcore2", "openai", "openai._base_client"):
        logging.getLogger(name).addFilter(_ADDRESS_FILTER)  # adding the same one twice has no effect
