"""Whose conversations a browser session sees."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from personachat.owners import LOCAL_OWNER
from personachat.ui import owner

RANDOM = "a" * 43


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says who owns what a visitor does, by what the server knows of the connection."""

    def visit(
        headers: dict[str, str] | None = None,
        *,
        address: str | None = None,
        cookies: dict[str, str] | None = None,
        user: dict[str, Any] | None = None,
        session: dict[str, Any] | None = None,
    ) -> str:
        context = SimpleNamespace(headers=headers or {}, ip_address=address, cookies=cookies or {})
        state = {} if session is None else session
        streamlit = SimpleNamespace(context=context, user=user or {}, session_state=state)
        monkeypatch.setattr(owner, "st", streamlit)
        return owner.current_owner()

    return visit


LOOPBACK = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}


def test_whoever_sits_at_the_machine_is_the_local_owner(visit: Any) -> None:
    assert visit(LOOPBACK) == LOCAL_OWNER
    assert visit({"Host": "[::1]:8501", "Origin": "http://[::1]:8501"}) == LOCAL_OWNER
    assert visit(LOOPBACK, address="::ffff:127.0.0.1") == LOCAL_OWNER
    assert visit({"host": "localhost", "origin": "http://localhost"}) == LOCAL_OWNER
    assert visit() == LOCAL_OWNER


@pytest.mark.parametrize(
    "connection",
    [
        {"headers": LOOPBACK, "address": "192.0.2.7"},
        {"headers": LOOPBACK | {"X-Forwarded-For": "192.0.2.7"}},
        {"headers": LOOPBACK | {"Via": "1.1 proxy"}},
        {"headers": {"Host": "chat.example", "Origin": "https://chat.example"}},
        {"headers": {"Host": "127.0.0.1:8501", "Origin": "https://chat.example"}},
        {"headers": {"Host": "[broken"}},
        {"headers": {"Host": "localhost:8501", "Origin": "http://localhost:9999"}},
        {"headers": {"Host": "localhost:8501", "Origin": "http://127.0.0.1:8501"}},
        {"headers": {"Host": "localhost:8501", "Origin": "http://localhost"}},
        {"headers": {"Host": "localhost:8501", "Origin": "null"}},
        {"headers": {"Host": "localhost:8501"}},
        {"headers": {"Host": "evil.example:8501", "Origin": "http://evil.example:8501"}},
        {"headers": {"Host": "localhost.evil.example", "Origin": "http://localhost.evil.example"}},
    ],
    ids=[
        *("another machine", "forwarded", "via", "another name", "a silent proxy", "nonsense"),
        *("another port", "another loopback name", "the port left out", "no page", "no browser"),
        *("a rebinding name", "a name that begins well"),
    ],
)
def test_nobody_else_is(visit: Any, connection: dict[str, Any]) -> None:
    assert visit(**connection) != LOCAL_OWNER


def test_a_browser_is_known_by_its_cookie_of_which_only_a_hash_is_kept(visit: Any) -> None:
    first = visit(address="192.0.2.7", cookies={owner.COOKIE: RANDOM})
    assert first == visit(address="192.0.2.8", cookies={owner.COOKIE: RANDOM})
    assert first != visit(address="192.0.2.7", cookies={owner.COOKIE: "b" * 43})
    assert RANDOM not in first


def test_a_browser_without_a_cookie_is_one_owner_for_its_session(visit: Any) -> None:
    session: dict[str, Any] = {}
    first = visit(address="192.0.2.7", session=session)
    assert first == visit(address="192.0.2.7", session=session)
    assert first != visit(address="192.0.2.7", session={})


@pytest.mark.parametrize("forged", ["", "local", "user:x", "a" * 500, "' OR 1=1 --" * 4])
def test_a_cookie_that_is_not_ours_counts_for_nothing(visit: Any, forged: str) -> None:
    one = visit(address="192.0.2.7", cookies={owner.COOKIE: forged})
    assert one != visit(address="192.0.2.7", cookies={owner.COOKIE: forged})


def test_somebody_who_is_logged_in_is_known_by_the_account_anywhere(visit: Any) -> None:
    account = {"is_logged_in": True, "sub": "123", "email": "ada@example.org"}
    assert visit(LOOPBACK, user=account) == visit(address="192.0.2.7", user=account)
    assert visit(LOOPBACK, user=account) not in {LOCAL_OWNER, visit(address="192.0.2.7")}
    assert visit(LOOPBACK, user={"is_logged_in": False}) == LOCAL_OWNER


def test_where_nobody_is_local_the_same_browser_is_a_visitor(
    visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "_nobody_is_local", lambda: True)
    assert visit(LOOPBACK, cookies={owner.COOKIE: RANDOM}).startswith("browser:")
    assert visit() == LOCAL_OWNER  # a script that is run by itself
