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
from tests.e2e.conftest import AppServer, settled, wait_for
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


EXCERPTS = (
    "needle ![i](http://evil.example/1.png)",
    "![needle](http://evil.example/2.png)",
    "`needle ![i](http://evil.example/3.png)",
    "$needle ![i](http://evil.example/4.png)",
    "<img src=//evil.example/5.png> needle <script>document.title='x'</script>",
    "[needle](http://evil.example/6) [needle][r] [r]: http://evil.example/7",
    ":material/needle: :needle: :red[needle] ::needle[x] :needle-1:",
    "www.needle.evil.example needle@evil.example http://needle.evil.example/8",
    "&#33;[needle](http://evil.example/9.png) !&#91;needle](http://evil.example/10.png)",
    "\\![needle](http://evil.example/11.png) \\\\![needle](http://evil.example/12.png)",
    "\u202eneedle\u2066 ![\u200bneedle](//evil.example/13.png)",
    "needle\n\n![i](http://evil.example/14.png)\n\n    ![i](http://evil.example/15.png)",
    "| needle | ![i](http://evil.example/16.png) |\n|---|---|\n| a | b |",
    "<http://evil.example/needle> <needle@evil.example> <b>needle</b> &lt;img src=//evil.example/17&gt;",
    "[^needle]: ![i](http://evil.example/18.png) needle[^needle]",
    "![i\n](http://evil.example/19.png) needle",
)
CUTS = ("needle", "evil", "http", "needle evil", "material")
"""Each is found at other places, and its marks cut the texts there."""


def test_excerpts_in_the_history_are_words_and_nothing_else(
    app_server: AppServer, page: Page, asked: list[str]
) -> None:
    moment = "2026-01-02T03:04:05Z"
    made = []
    for number, words in enumerate(EXCERPTS):
        spoken = {"personaId": "hostile", "personaName": NAME[:80], "createdAt": moment}
        reply = {"state": "finished", "model": "m", "provider": "x", "finishReason": "stop"}
        turns = [
            {"id": "a", "role": "user", "content": words, **spoken},
            {"id": "b", "parentId": "a", "role": "assistant", "content": words, "reply": reply, **spoken},
        ]
        made.append(
            {"title": f"{number} {words}"[:200], "createdAt": moment, "updatedAt": moment, "leafId": "b"}
            | {"turns": turns}
        )
    whole = {"format": "personachat.conversations", "version": 1, "conversations": made}
    call(app_server, "/conversations/import", whole)
    for sought in CUTS:
        page.goto(f"{app_server.url}/history?q={sought.replace(' ', '%20')}")
        expect(page.locator("[class*='st-key-hit_']").first).to_be_visible()
        settled(page)
        check(page)
        assert page.title() != "x"
        results = page.locator("[class*='st-key-hit_']")
        assert results.count() > 0, sought
        expect(results.locator("a, img:not([src^='data:']), script, iframe, .katex")).to_have_count(0)
