"""The SDK's client as PersonaChat wants it: no retries, no redirects, no secrets where they do not belong.

Importing the SDK takes most of a second, so nothing here does until it is called.

The reads of a response body: what the network brought at once comes at once.

A server writes a token at a time, but handing every token through the whole program by itself costs far more
than reading it. aiohttp joins what has arrived; here only those layers are passed by that have nothing to do.
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


OPENAI_URL = "https://api.openai.com/v1"

CONNECT_SECONDS = 10.0

IDLE_SECONDS = 4.0
"""How long an idle connection is kept. Many servers (uvicorn, Node) close theirs after five seconds, and a
request that is sent at that moment is lost."""

MOST_CONNECTIONS = 100_000
"""As good as none: how many replies run at once is decided elsewhere, and unlimited means 100 to aiohttp."""


def new_client(url: str, key: str | None, server: Server) -> openai.AsyncOpenAI:
    """Make the client; only connecting has a time limit.

    It blocks for up to a second (imports, certificates): call it in a thread. Raises ApiKeyMissing,
    ApiKeyRefused for what can be no key, and RequestRefused for an unusable address.
    """
    if key is None and url == OPENAI_URL:
        raise key_missing(server)
    if key and not (key.isascii() and key.isprintable()):
        raise ApiKeyRefused("The API key contains invalid characters.", hint=f"Check {server.key_setting}.")
    import httpx2  # noqa: PLC0415  # see the module
    import openai  # noqa: PLC0415  # takes a second; the first reply or the warm-up pays for it

    from personachat.providers.openai.large_requests import HttpClient  # noqa: PLC0415  # takes a second; the first reply or the warm-up pays for it

    _hide_addresses()
    # At DEBUG it logs the headers of answers, which may echo a key; an explicit level is respected.
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
        http_client=HttpClient(  # over aiohttp: a third less time a token than httpcore
            timeout=timeout,
            limits=httpx2.Limits(max_connections=MOST_CONNECTIONS, keepalive_expiry=IDLE_SECONDS),
            follow_redirects=False,  # the key would go along
            auth=None if key else login,
        ),
    )


def request_headers(name: str, key: str | None) -> dict[str, str | openai.Omit]:
    """Headers that keep the SDK from sending a placeholder for a key, and what is OpenAI's to others.

    The SDK takes organization, project and more from OPENAI_* variables for whatever server it talks to.
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
    """Lets every record through, with addresses as they may be shown."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                masked_address(str(value)) if str(value).startswith(("http://", "https://")) else value
                for value in record.args
            )
        return True


_ADDRESS_FILTER = ShownAddresses()


def _hide_addresses() -> None:
    """Keep a key in an address out of the HTTP client's log, which has one line a request."""
    for name in ("httpx2", "httpcore2", "openai", "openai._base_client"):
        logging.getLogger(name).addFilter(_ADDRESS_FILTER)  # the same one is added once
