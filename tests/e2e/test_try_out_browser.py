"""Trying a draft out beside the real editor: it answers unsaved, streaming, and no click loses any of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import persona_text
from tests.e2e.conftest import AppServer, expect_json, open_json, settled, wait_for
from tests.e2e.test_form_browser import tab, type_behind
from tests.e2e.test_personas_browser import badge, button
from tests.fake_provider import Gate, Reply, tokens

pytestmark = pytest.mark.browser


def put(server: AppServer, persona_id: str) -> Path:
    path = server.personas_dir / f"{persona_id}.json"
    path.write_text(persona_text(persona_id, systemPrompt="Be brief.", greeting="Good day."))
    return path


def open_tab(page: Page, server: AppServer, persona_id: str) -> None:
    page.goto(f"{server.url}/personas?id={persona_id}")
    if page.viewport_size and page.viewport_size["width"] < 1100:
        tab(page, "Try out").click()
    expect(bubbles(page).first).to_contain_text("Good day.")


def provider(server: AppServer, *replies: Reply) -> None:
    assert server.provider
    server.provider.enqueue(*replies)


def prompts(server: AppServer) -> list[str]:
    assert server.provider
    return [str(chat.body["messages"][0]["content"]) for chat in server.provider.chats]


def bubbles(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage")


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def say(page: Page, words: str) -> None:
    box(page).fill(words)
    box(page).press("Enter")


def test_what_was_just_typed_answers_unsaved_and_a_change_is_heard_by_asking_again(
    app_server: AppServer, page: Page
) -> None:
    path = put(app_server, "tried")
    saved = path.read_text()
    page.goto(f"{app_server.url}/personas?id=tried")
    open_json(page)
    expect_json(page, "Be brief.")
    type_behind(page, "Be brief", " and kind")
    say(page, "Hello")
    expect(bubbles(page).last).to_contain_text("You said: Hello")
    expect(bubbles(page).last).to_contain_text("tokens")
    assert prompts(app_server)[-1] == "Be brief and kind."

    type_behind(page, "and kind", " and merry")
    expect(page.get_by_text("The draft has changed since this reply.")).to_be_visible()
    provider(app_server, tokens(["Merrily, hello."]))
    button(page, "Ask again").click()
    expect(bubbles(page).last).to_contain_text("Merrily, hello.")
    expect(bubbles(page).last).to_contain_text("Draft 2")
    former = page.locator(".st-key-try_out_former")
    expect(former).to_contain_text("Before: draft 1")
    expect(former).to_contain_text("You said: Hello")
    expect(page.get_by_text("The draft has changed since this reply.")).to_have_count(0)
    assert prompts(app_server)[-1] == "Be brief and kind and merry."
    assert path.read_text() == saved
    expect(badge(page, "Unsaved")).to_be_visible()


def test_other_tabs_and_dialogs_open_at_once_in_mid_stream_and_nothing_is_lost(
    app_server: AppServer, page: Page
) -> None:
    put(app_server, "busy")
    gate = Gate()
    provider(app_server, tokens(["First half, ", gate, "second half."]))
    open_tab(page, app_server, "busy")
    say(page, "Tell me")
    expect(bubbles(page).last).to_contain_text("First half,")

    tab(page, "Preview").click()
    expect(page.get_by_text("System message")).to_be_visible()
    expect(bubbles(page).last).to_contain_text("First half,")
    page.get_by_test_id("stMenuButton").get_by_role("button").click()
    page.get_by_text("Delete", exact=False).last.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete this persona?")
    expect(bubbles(page).last).to_contain_text("First half,")
    gate.open()
    expect(bubbles(page).last).to_contain_text("First half, second half.")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(bubbles(page).last).to_contain_text("First half, second half.")
    expect(bubbles(page)).to_have_count(3)


def test_stop_keeps_the_text_and_words_said_too_early_go_back_into_the_box(
    app_server: AppServer, page: Page
) -> None:
    put(app_server, "slow")
    provider(app_server, tokens(["Kept words. ", Gate()]))
    open_tab(page, app_server, "slow")
    say(page, "Go")
    expect(bubbles(page).last).to_contain_text("Kept words.")
    say(page, "And this?")
    expect(page.get_by_text("Wait for the reply to finish, or stop it")).to_be_visible()
    expect(box(page)).to_have_value("And this?")

    # Streamlit's own Stop appears beside the menu where a run takes long.
    page.locator(".st-key-try_out_stop").get_by_role("button").locator("visible=true").first.click()
    expect(bubbles(page).last.get_by_text("Stopped")).to_be_visible()
    expect(bubbles(page).last).to_contain_text("Kept words.")
    expect(bubbles(page).last).not_to_contain_text("|")
    button(page, "Clear").click()
    expect(bubbles(page)).to_have_count(1)
    expect(bubbles(page).first).to_contain_text("Good day.")


def test_each_persona_has_a_chat_of_its_own(app_server: AppServer, page: Page) -> None:
    put(app_server, "one-of-two")
    put(app_server, "two-of-two")
    open_tab(page, app_server, "one-of-two")
    say(page, "Hello")
    expect(bubbles(page).last).to_contain_text("You said: Hello")
    page.get_by_role("button", name=re.compile("Two-Of-Two")).click()
    expect(bubbles(page)).to_have_count(1)
    page.get_by_role("button", name=re.compile("One-Of-Two")).click()
    expect(bubbles(page).last).to_contain_text("You said: Hello")


def test_in_a_narrow_column_the_box_is_in_view_and_keeps_its_height(
    app_server: AppServer, page: Page
) -> None:
    put(app_server, "narrow-try")
    page.set_viewport_size({"width": 1100, "height": 800})
    open_tab(page, app_server, "narrow-try")
    settled(page)
    field = page.locator(".st-key-try_out_message")

    def place() -> tuple[float, float]:
        found = field.bounding_box()
        assert found
        return found["y"], found["height"]

    opener = button(page, "List of personas")
    expect(opener).to_have_attribute("aria-expanded", "true")
    wait_for(page, lambda: sum(place()) <= 800)
    opener.click()  # the list makes room
    expect(opener).to_have_attribute("aria-expanded", "false")
    expect(page.locator(".st-key-persona_rows button").first).to_be_visible()
    expect(page.get_by_label("Search personas")).to_be_hidden()  # there is no room for it in a rail
    wait_for(page, lambda: sum(place()) <= 800)
    before = place()
    page.locator(".st-key-prompt_editor textarea").press_sequentially(" Really.")
    expect(badge(page, "Unsaved")).to_be_visible()
    settled(page)
    assert place() == before
    page.keyboard.press("Control+s")
    expect(badge(page, "Saved")).to_be_visible()
    settled(page)
    assert place() == before


def test_it_fits_a_phone(app_server: AppServer, page: Page) -> None:
    put(app_server, "slim-try")
    page.set_viewport_size({"width": 400, "height": 800})
    provider(app_server, tokens([json.dumps({"long": "word" * 60})]))
    open_tab(page, app_server, "slim-try")
    say(page, "Hello there")
    expect(bubbles(page).last).to_contain_text("tokens")
    wait_for(page, lambda: page.evaluate("document.scrollingElement.scrollWidth") <= 400)
