"""Two tabs of one browser, and a program beside them: what one does, the others show by themselves."""

from __future__ import annotations

import json
import re
import urllib.request

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.e2e.conftest import AppServer, drawn
from tests.fake_provider import tokens

pytestmark = pytest.mark.browser


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def bubbles(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage")


def row(page: Page, title: str) -> Locator:
    return drawn(page.get_by_test_id("stSidebarUserContent")).get_by_role("button", name=title)


def say(page: Page, server: AppServer, words: str, answer: str) -> None:
    assert server.provider
    server.provider.enqueue(tokens([answer]))
    expect(box(page)).to_be_enabled()
    box(page).fill(words)
    box(page).press("Enter")
    expect(bubbles(page).last).to_contain_text(answer)


def call(server: AppServer, path: str, *, method: str, body: object = None) -> None:
    request = urllib.request.Request(
        f"{server.url}/api{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def test_an_idle_tab_shows_what_is_said_in_another(context: BrowserContext, app_server: AppServer) -> None:
    first, second = context.new_page(), context.new_page()
    first.goto(app_server.url)
    say(first, app_server, "Which tram goes first?", "The red one.")
    expect(first).to_have_url(re.compile(r"chat=[0-9a-f]{32}"))
    second.goto(first.url)
    expect(bubbles(second).last).to_contain_text("The red one.")
    say(first, app_server, "And then?", "The blue one.")
    expect(bubbles(second).last).to_contain_text("The blue one.")
    assert second.url == first.url


def test_an_idle_tab_keeps_what_is_being_typed_in_it(context: BrowserContext, app_server: AppServer) -> None:
    first, second = context.new_page(), context.new_page()
    first.goto(app_server.url)
    say(first, app_server, "A question of boats", "They float.")
    second.goto(first.url)
    expect(bubbles(second).last).to_contain_text("They float.")
    box(second).fill("half a sen")
    say(first, app_server, "And of planes", "They fly.")
    expect(bubbles(second).last).to_contain_text("They fly.")
    expect(box(second)).to_have_value("half a sen")


def test_a_dialog_stays_open_whatever_happens_elsewhere(
    context: BrowserContext, app_server: AppServer
) -> None:
    first, second, third = (context.new_page() for _ in range(3))
    first.goto(app_server.url)
    say(first, app_server, "A question of lamps", "They shine.")
    for other in (second, third):
        other.goto(first.url)
        expect(bubbles(other).last).to_contain_text("They shine.")
    second.locator(".st-key-chat_menu button:visible").click()
    second.get_by_role("menuitem", name=re.compile("shortcuts", re.IGNORECASE)).click()
    dialog = second.get_by_role("dialog")
    expect(dialog).to_be_visible()
    say(first, app_server, "And of stars", "They twinkle.")
    expect(bubbles(third).last).to_contain_text("They twinkle.")
    expect(dialog).to_be_visible()
    second.keyboard.press("Escape")
    expect(bubbles(second).last).to_contain_text("They twinkle.")


def test_an_idle_tab_follows_names_deletions_and_new_chats(
    context: BrowserContext, app_server: AppServer
) -> None:
    tab = context.new_page()
    tab.goto(app_server.url)
    say(tab, app_server, "Something about clouds", "They are wet.")
    expect(tab).to_have_url(re.compile(r"chat=[0-9a-f]{32}"))
    found = re.search(r"chat=([0-9a-f]{32})", tab.url)
    assert found
    tab.goto(f"{app_server.url}/history")
    expect(row(tab, "Something about clouds")).to_be_visible()
    call(app_server, f"/conversations/{found.group(1)}", method="PATCH", body={"title": "Renamed clouds"})
    expect(row(tab, "Renamed clouds")).to_be_visible()
    assert app_server.provider
    app_server.provider.enqueue(tokens(["Rain."]))
    call(
        app_server,
        "/chat",
        method="POST",
        body={"message": "Brought by a program", "personaId": "data-analyst"},
    )
    expect(row(tab, "Brought by a program")).to_be_visible()
    call(app_server, f"/conversations/{found.group(1)}", method="DELETE")
    expect(row(tab, "Renamed clouds")).to_be_hidden()


def test_an_idle_chat_follows_the_personas(page: Page, app_server: AppServer) -> None:
    page.goto(app_server.url)
    picker = page.get_by_role("combobox", name="Persona")
    expect(picker).to_be_visible()
    sailor = {"id": "default-persona", "name": "Sailor", "systemPrompt": "You sail."}
    before = json.loads((app_server.personas_dir / "default-persona.json").read_text())
    call(app_server, "/personas/default-persona", method="PUT", body=sailor)
    expect(picker).to_have_value("Sailor")
    call(app_server, "/personas/default-persona", method="PUT", body=before)
    expect(picker).not_to_have_value("Sailor")
