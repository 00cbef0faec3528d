"""Pages of others in a real browser: one at a name that was given our address, one at another local port."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import CHROMIUM_FLAGS, AppServer, chromium_path

pytestmark = pytest.mark.browser

REBOUND = "evil.test"
REBINDING = (
    f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
)

ATTACK = """async server => {
  const read = async (path, options) => {
    try {
      const answer = await fetch(server + path, options)
      return [answer.status, await answer.text()]
    } catch { return ["unreadable", ""] }
  }
  const listened = new Promise(done => {
    const socket = new WebSocket(server.replace("http", "ws") + "/_stcore/stream", ["streamlit"])
    socket.onopen = () => done("open")
    socket.onerror = () => done("refused")
  })
  const body = JSON.stringify({ message: "Spend the key", personaId: "default-persona" })
  const json = { "Content-Type": "application/json" }
  return {
    page: await read("/"),
    health: await read("/_stcore/health"),
    personas: await read("/api/personas"),
    models: await read("/v1/models"),
    chat: await read("/api/chat", { method: "POST", headers: json, body }),
    plain: await read("/api/chat", { method: "POST", mode: "no-cors", body }),
    mcp: await read("/mcp", { method: "POST", headers: json, body: "{}" }),
    socket: await listened,
  }
}"""
"""What a page can try. A server that answers no CORS is unreadable for a page of another origin."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """The address of another server on this machine, with a page on it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def attacked(page: Page, server: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(ATTACK, server)
    return found


def held(got: dict[str, Any], server: AppServer) -> None:
    """Nothing was read, no key was spent, and no connection was opened."""
    assert got.pop("socket") == "refused"
    for status, text in got.values():
        assert status in {"unreadable", 0, 403, 415, 421}, got
        assert "default-persona" not in text
        assert '<div id="root">' not in text
    assert server.provider
    assert server.provider.chats == []


def test_a_name_that_was_given_our_address_gets_nothing(app_server: AppServer, browser: Browser) -> None:
    rebinding = browser.browser_type.launch(
        executable_path=chromium_path(),
        args=[*CHROMIUM_FLAGS, REBINDING],  # the last one counts
    )
    page = rebinding.new_page()
    port = urlsplit(app_server.url).port
    answer = page.goto(f"http://{REBOUND}:{port}/")
    assert answer
    assert answer.status == 421
    page.route("**/attack", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
    page.goto(f"http://{REBOUND}:{port}/attack")  # as it was while the name still led to its owner
    held(attacked(page, f"http://{REBOUND}:{port}"), app_server)
    held(attacked(page, app_server.url), app_server)
    rebinding.close()


def test_a_page_at_another_local_port_gets_nothing(
    app_server: AppServer, browser: Browser, elsewhere: str
) -> None:
    page = browser.new_page()
    page.goto(elsewhere)
    held(attacked(page, app_server.url), app_server)
    held(attacked(page, app_server.url.replace("127.0.0.1", "localhost")), app_server)
    page.close()
