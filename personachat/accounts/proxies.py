"""Whom a proxy in front names in a header, and whether it is one that the operator trusts.

`scope` is what ASGI knows of a request or connection. The client in it may be whoever a proxy speaks for;
under PEER is the address that the connection really comes from, where the server wrote it down.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from personachat.access import is_in_networks
from personachat.settings import Settings

PEER = "personachat.peer"


def trusted_user(scope: Mapping[str, Any], settings: Settings) -> str:
    """Whom a trusted proxy names, as it names them; "" where nobody is named, or somebody else says so.

    A header that is there twice counts for nothing: the other one may have come from the client.
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
