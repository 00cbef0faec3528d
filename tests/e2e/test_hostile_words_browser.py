"""Words from elsewhere in a real browser: all are shown, none is a link, and no other host is asked."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from personachat.ui.wording import JOINER
from tests.e2e.conftest import AppServer, wait_for
from tests.e2e.test_personas_browser import put

pytestmark = pytest.mark.browser

NAME = "www.evil.example a@evil.example ![i](//evil.example/i.png) :smile: :-1: $m$"
TITLE = (
    "http://evil.example/a ![i](http://evil.example/i.png) [l](javascript:alert(1)) <img src=//evil.example> "
    "`c` :red[r] :material/home: a -> b **s** &lt;"
)


@pytest.fixture
def asked(page: Page, app_server: AppServer) -> Iterator[list[str]]:
    """Addresses of other hosts that the browser asked for."""
    elsewhere: list[str] = []

    def note(request: Any) -> None:
        if not request.url.startswith((app_server.url, "data:", "blob:")):
            elsewhere.append(request.url)

    page.on("request", note)
    yield elsewhere
    assert elsewhere == []


def call(server: AppServer, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{server.url}/api{path}", data=data, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def conversation(server: AppServer) -> str:
    moment = "2026-01-02T03:04:05Z"
    spoken = {"personaId": "hostile", "personaName": NAME, "createdAt": moment}
    reply: dict[str, Any] = {"state": "failed", "model": NAME, "provider": "x", "notices": [TITLE]}
    reply |= {"error": {"code": "x", "message": TITLE, "hint": NAME}}
    turns = [
        {"id": "a", "role": "user", "content": TITLE, **spoken},
        {"id": "b", "parentId": "a", "role": "assistant", "content": "Well.", "reply": reply, **spoken},
    ]
    made = {"title": TITLE, "createdAt": moment, "updatedAt": moment, "leafId": "b", "turns": turns}
    whole = {"format": "personachat.conversations", "version": 1, "conversations": [made]}
    return str(call(server, "/conversations/import", whole)["ids"][0])


def check(page: Page, *words: str) -> None:
    """All words are there as they were written, and nothing that leads or looks elsewhere."""
    body = page.locator("body")
    for each in words:
        wait_for(page, partial(lambda word: word in body.inner_text().replace(JOINER, ""), each))
    links = page.locator("a[href*='evil'], a[href^='mailto'], a[href^='javascript'], img[src*='evil']")
    expect(links).to_have_count(0)


def expect_chosen(page: Page, name: str) -> None:
    """Wait until the persona with this name is chosen."""
    persona = page.get_by_role("combobox", name="Persona")
    wait_for(page, lambda: name in persona.input_value().replace(JOINER, ""))


def test_a_hostile_conversation_and_persona_lead_nowhere(
    app_server: AppServer, page: Page, asked: list[str]
) -> None:
    put(app_server, "hostile", NAME, description=TITLE, starters=[TITLE], tags=[NAME[:60]])
    conversation_id = conversation(app_server)

    page.goto(f"{app_server.url}/?chat={conversation_id}")
    expect(page.get_by_text("Well.", exact=True)).to_be_visible()
    expect(page.get_by_role("alert").first).to_be_visible()
    check(page, TITLE)
    expect_chosen(page, NAME)
    page.get_by_test_id("stSidebar").get_by_role("button").filter(has_text="javascript").first.hover()
    expect(page.get_by_role("tooltip")).to_be_visible()
    check(page, TITLE)

    page.goto(f"{app_server.url}/?persona=hostile")
    expect(page.get_by_role("radio").filter(has_text="javascript")).to_be_visible()
    check(page, TITLE)
    expect_chosen(page, NAME)

    page.goto(f"{app_server.url}/history?q=javascript")
    expect(page.get_by_text("newest first")).to_be_visible()
    check(page, TITLE)

    page.goto(f"{app_server.url}/personas?id=hostile")
    expect(page.locator(".stMarkdownBadge", has_text="Saved")).to_be_visible()
    check(page, NAME)
