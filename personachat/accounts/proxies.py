"""The user that a proxy in front names in a header, and whether the operator trusts that proxy.

`scope` is what ASGI knows about a request or connection. Its client may be whoever a proxy speaks for; PEER
has the address that the connection really comes from, if the server stored it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from personachat.access import is_in_networks
from personachat.settings import Settings

PEER = "personachat.peer"


def trusted_user(scope: Mapping[str, Any], settings: Settings) -> str:
    """The user that a trusted proxy names; "" if none is named or the sender isn't trusted.

    A header that is there twice is ignored: the other one may come from the client.
    """
    name = settings.trusted_user_header
    if name is None or not is_trusted_proxy(scope, settings):
        return ""
    values = [value for header, value in scope["headers"] if header.decode("latin-1").lower() == name]
    return values[0].decode("utf-8", "replace").strip() if len(values) == 1 else ""


def is_trusted_proxy(scope: Mapping[str, Any], settings: Settings) -> bool:
    """Whether a connection comes from an address that the operator trusts."""
    client = scope.get("client")
    peer = scope.get(PEER, client[0] if client else None)
    return is_in_networks(peer, settings.trusted_proxies)
