"""Wrong tokens: counted per address, logged without the token, and answered more and more slowly.

A correct token never waits, whoever else sends wrong ones from the same address: callers behind a proxy may
share one. The table and the number of delayed answers are limited.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

UNSLOWED = 10
"""How many mistakes are answered at once."""

DELAY_SECONDS = 2.0
MOST_WAITING = 10
"""How many answers to one address are delayed at a time; further callers are told to come back later."""

FORGOTTEN_AFTER_SECONDS = 600.0
MOST_ADDRESSES = 1_000


@dataclass(slots=True)
class _Attempts:
    count: int = 0
    waiting: int = 0
    last: float = 0.0


class WrongTokens:
    """The counts of one app. Use it on the app's event loop."""

    def __init__(
        self,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._now = now
        self._attempts: OrderedDict[str, _Attempts] = OrderedDict()

    async def came_from(self, address: str | None) -> bool:
        """Record a wrong token and wait as long as its answer should take; False if there are too many."""
        network = _network(address)
        attempts = self._note(network)
        if attempts.count & (attempts.count - 1) == 0:  # 1, 2, 4, 8, ...: a flood doesn't fill the log
            figures = {"network": network, "wrong_tokens": attempts.count}
            log.warning(
                "Wrong API token from %s, %d in a row",
                network,
                attempts.count,
                extra={"figures": figures},
            )
        if attempts.count <= UNSLOWED:
            return True
        if attempts.waiting >= MOST_WAITING:
            return False
        attempts.waiting += 1
        try:
            await self._sleep(DELAY_SECONDS)
        finally:
            attempts.waiting -= 1
        return True

    def _note(self, network: str) -> _Attempts:
        now = self._now()
        attempts = self._attempts.pop(network, None)
        if attempts is None or now - attempts.last > FORGOTTEN_AFTER_SECONDS:
            attempts = _Attempts(waiting=attempts.waiting if attempts else 0)
        attempts.count += 1
        attempts.last = now
        self._attempts[network] = attempts  # the newest comes last
        while len(self._attempts) > MOST_ADDRESSES:
            self._attempts.popitem(last=False)
        return attempts


def _network(address: str | None) -> str:
    """An IPv4 address, or the /64 of an IPv6 address, all of which may be one machine."""
    try:
        parsed_address = ipaddress.ip_address(address or "")
    except ValueError:
        return "an unknown address"
    if isinstance(parsed_address, ipaddress.IPv6Address):
        return str(parsed_address.ipv4_mapped or ipaddress.ip_network((parsed_address, 64), strict=False))
    return str(parsed_address)
