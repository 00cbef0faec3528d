"""Wrong tokens: counted by where they come from, logged without the token, and answered more and more slowly.

A right token is never kept waiting, whoever else sends wrong ones from the same address: behind a proxy all
callers may share one. The table is bounded, and so is the number of answers that are held back.
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
"""So many mistakes are answered at once."""

DELAY_SECONDS = 2.0
MOST_WAITING = 10
"""How many answers to one address are held back at a time; what comes beyond is told to come later."""

FORGOTTEN_AFTER_SECONDS = 600.0
MOST_ADDRESSES = 1_000


@dataclass(slots=True)
class _Seen:
    count: int = 0
    waiting: int = 0
    last: float = 0.0


class WrongTokens:
    """Of one app; to be used on its event loop."""

    def __init__(
        self,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._now = now
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    async def came_from(self, address: str | None) -> bool:
        """Note one, and wait as long as its answer shall take; False where it is one too many."""
        network = _network(address)
        seen = self._note(network)
        if seen.count & (seen.count - 1) == 0:  # 1, 2, 4, 8, ...: a flood does not fill the log
            log.warning("Wrong API token from %s, the %d. in a row", network, seen.count)
        if seen.count <= UNSLOWED:
            return True
        if seen.waiting >= MOST_WAITING:
            return False
        seen.waiting += 1
        try:
            await self._sleep(DELAY_SECONDS)
        finally:
            seen.waiting -= 1
        return True

    def _note(self, network: str) -> _Seen:
        now = self._now()
        seen = self._seen.pop(network, None)
        if seen is None or now - seen.last > FORGOTTEN_AFTER_SECONDS:
            seen = _Seen(waiting=seen.waiting if seen else 0)
        seen.count += 1
        seen.last = now
        self._seen[network] = seen  # the newest is last
        while len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
        return seen


def _network(address: str | None) -> str:
    """An IPv4 address, or the /64 of an IPv6 one, of which a single machine has many."""
    try:
        parsed_address = ipaddress.ip_address(address or "")
    except ValueError:
        return "an unknown address"
    if isinstance(parsed_address, ipaddress.IPv6Address):
        return str(parsed_address.ipv4_mapped or ipaddress.ip_network((parsed_address, 64), strict=False))
    return str(parsed_address)
