"""A header in which a proxy names a person is only believed from that proxy, whatever else is sent."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from personachat.accounts.proxies import trusted_user
from personachat.errors import SettingsInvalid
from personachat.front.trusted_user import TrustedUser, write_down_peers
from personachat.settings import load_settings

SETTINGS = load_settings(trusted_user_header="X-User", trusted_proxies="127.0.0.1, 10.1.0.0/16 fd00::/8")
PROXY, STRANGER = "10.1.2.3", "203.0.113.9"


class Inner:
    scope: Scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope


async def seen(
    headers: list[tuple[bytes, bytes]], *, peer: str | None, kind: str = "http", forwarded: str = ""
) -> Scope:
    """The scope that gets through, as uvicorn would begin it."""
    inner = Inner()
    ours = TrustedUser(inner, settings=lambda: SETTINGS, streamlit_headers=lambda: {"X-Mail": "email"})
    server = Config(ours, lifespan="off")
    server.loaded_app = ProxyHeadersMiddleware(ours, trusted_hosts="*")  # type: ignore[arg-type]  # looser than the types on purpose
    write_down_peers(server)
    if forwarded:
        headers = [*headers, (b"x-forwarded-for", forwarded.encode())]
    scope: dict[str, Any] = {"type": kind, "headers": headers, "client": (peer, 1) if peer else None}
    await server.loaded_app(scope, _receive, _send)
    return inner.scope


async def _receive() -> Message:
    raise AssertionError


async def _send(_: Message) -> None:
    raise AssertionError


def named(scope: Scope) -> str:
    headers = [value for name, value in scope["headers"] if name.lower() in {b"x-user", b"x-mail"}]
    found = trusted_user(scope, SETTINGS)
    assert bool(headers) == bool(found) or headers == [b"m@example.com"]
    return found


ADA = [(b"x-user", b"ada")]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("headers", "peer", "forwarded", "who"),
    [
        (ADA, PROXY, "", "ada"),
        (ADA, "127.0.0.1", "", "ada"),
        (ADA, "::ffff:10.1.2.3", "", "ada"),
        (ADA, "fd00::1", "", "ada"),
        (ADA, PROXY, STRANGER, "ada"),
        ([(b"X-User", b"ada")], PROXY, "", "ada"),
        (ADA, STRANGER, "", ""),
        (ADA, STRANGER, PROXY, ""),
        (ADA, STRANGER, f"{PROXY}:8080", ""),
        (ADA, STRANGER, f"{PROXY}, 127.0.0.1", ""),
        (ADA, "10.2.0.1", "127.0.0.1", ""),
        (ADA, None, "127.0.0.1", ""),
        (ADA, "testclient", "", ""),
        ([*ADA, (b"x-user", b"root")], PROXY, "", ""),
        ([*ADA, (b"X-USER", b"root")], PROXY, "", ""),
        ([(b"x_user", b"root")], PROXY, "", ""),
        ([(b"x-user", b"")], PROXY, "", ""),
        ([], PROXY, "", ""),
    ],
)
async def test_who_is_named(
    kind: str, headers: list[tuple[bytes, bytes]], peer: str | None, forwarded: str, who: str
) -> None:
    assert named(await seen(headers, peer=peer, kind=kind, forwarded=forwarded)) == who


@pytest.mark.anyio
async def test_what_streamlit_takes_for_its_user_comes_from_the_proxy_alone() -> None:
    mail = [(b"x-mail", b"m@example.com")]
    assert (await seen(mail, peer=PROXY))["headers"] == mail
    assert (await seen(mail, peer=STRANGER))["headers"] == []


def test_a_header_without_a_proxy_stops_the_start() -> None:
    with pytest.raises(SettingsInvalid, match="PERSONACHAT_TRUSTED_PROXIES"):
        load_settings(trusted_user_header="X-User")
    for proxies in ("proxy.example", "10.0.0.1/8", "*"):
        with pytest.raises(SettingsInvalid, match="PERSONACHAT_TRUSTED_PROXIES"):
            load_settings(trusted_user_header="X-User", trusted_proxies=proxies)
    for name in ("X User", "Cookie", "Authorization", "Host", "X-User: x"):
        with pytest.raises(SettingsInvalid, match="PERSONACHAT_TRUSTED_USER_HEADER"):
            load_settings(trusted_user_header=name, trusted_proxies="10.0.0.1")
