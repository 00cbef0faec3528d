"""Going back: one entry in the browser's history per conversation, with persona, place and name."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import AppServer, came_to_rest_at, settled, wait_for, wait_until
from tests.e2e.seeding import BEHAVES, SPEAKER, exchanges, talk_in
from tests.fake_provider import tokens

pytestmark = pytest.mark.browser

ANALYST = {"persona_id": "data-analyst", "persona_name": "Data analyst", "avatar": ""}


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def open_from_sidebar(page: Page, conversation: str) -> None:
    row = page.get_by_test_id("stSidebarContent").locator(f".st-key-open_{conversation}")
    row.get_by_test_id("stBaseButton-tertiary").locator("visible=true").click()


def shows(page: Page, words: str) -> None:
    expect(page.get_by_test_id("stChatMessage").filter(has_text=words).first).to_be_attached()


def test_back_brings_the_former_chat_its_persona_and_the_place(app_server: AppServer, page: Page) -> None:
    with talk_in(app_server) as talk:
        first = talk.new(*exchanges(20, "First."), **ANALYST)
        second = talk.new("What is second?", "Second.", **SPEAKER)
    page.goto(f"{app_server.url}/?chat={first}")
    expect(box(page)).to_be_focused()
    expect(box(page)).to_have_attribute("placeholder", "Message Data analyst")
    entries = page.evaluate("history.length")
    wait_until(page, "stMain.scrollTop > 800")
    page.mouse.move(780, 400)
    page.mouse.wheel(0, -700)
    expect(page.get_by_role("button", name="Jump to latest")).to_be_visible()
    top = came_to_rest_at(page)
    open_from_sidebar(page, second)
    shows(page, "Second.")
    expect(box(page)).to_have_attribute("placeholder", "Message Assistant")
    wait_for(page, lambda: page.evaluate("history.length") == entries + 1)
    page.get_by_role("button", name="New chat").first.click()
    expect(page.get_by_test_id("stChatMessage").filter(has_text="Second.")).to_have_count(0)
    assert app_server.provider
    app_server.provider.enqueue(tokens(["Third."]))
    box(page).fill("What is third?")
    box(page).press("Enter")
    shows(page, "Third.")
    wait_for(page, lambda: page.evaluate("history.length") == entries + 2)
    page.go_back()
    shows(page, "Second.")
    expect(box(page)).to_have_attribute("placeholder", "Message Assistant")
    page.go_back()
    shows(page, "First.")
    expect(box(page)).to_have_attribute("placeholder", "Message Data analyst")
    wait_until(page, "top => Math.abs(stMain.scrollTop - top) < 30", arg=top)
    page.go_forward()
    shows(page, "Second.")


def test_a_hit_leads_back_to_the_same_search(app_server: AppServer, page: Page) -> None:
    with talk_in(app_server) as talk:
        talk.new("Where do quokkas live?", "On Rottnest Island.", **SPEAKER)
        for number in range(12):
            talk.new(f"Is it far to island {number}?", "Rottnest is near.", **SPEAKER)
    page.goto(f"{app_server.url}/history")
    wait_until(page, BEHAVES)
    search = page.get_by_role("searchbox", name="Search all conversations")
    search.fill("Rottnest")
    expect(page).to_have_url(re.compile("q=Rottnest"))
    hit = page.get_by_test_id("stMain").get_by_role("button", name=re.compile("quokkas")).first
    hit.click()  # the oldest: one has to scroll to it
    expect(hit).to_have_count(0)
    shows(page, "On Rottnest Island.")
    page.go_back()
    expect(search).to_have_value("Rottnest")
    settled(page)
    expect(hit).to_be_in_viewport()


def test_a_tab_is_named_after_its_chat(app_server: AppServer, page: Page) -> None:
    with talk_in(app_server) as talk:
        conversation = talk.new("Why is the sky blue?", "It scatters.", **SPEAKER)
    page.goto(f"{app_server.url}/?chat={conversation}")
    expect(page).to_have_title(re.compile(r"^Why is the sky blue\?? · PersonaChat$"))
    page.get_by_role("button", name="New chat").first.click()
    expect(page).to_have_title("PersonaChat")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="History").click()
    expect(page).to_have_title("History · PersonaChat")
