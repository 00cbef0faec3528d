"""The versions of a persona in a real browser: one person going back, and two people at the same persona."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import AppServer, settled, start_app
from tests.e2e.proxies import behind_proxy
from tests.e2e.test_form_browser import box, tab
from tests.e2e.test_personas_browser import badge, put

pytestmark = pytest.mark.browser

PROMPT = "You are a careful librarian who answers in short sentences and names the shelf of every book."


def control(page: Page, key: str) -> Locator:
    """The button with this key; one with a tooltip is in the page twice."""
    return page.locator(f".st-key-{key}").get_by_role("button").locator("visible=true").first


def open_form(page: Page, server: AppServer, persona_id: str) -> None:
    page.goto(f"{server.url}/personas?id={persona_id}")
    tab(page, "Prompt").click()
    expect(box(page, "System prompt")).to_be_visible()


def rewrite(page: Page, prompt: str) -> None:
    box(page, "System prompt").fill(prompt)
    box(page, "System prompt").press("Tab")
    expect(badge(page, "Unsaved")).to_be_visible()


def prompt_of(server: AppServer, persona_id: str) -> str:
    text = (server.personas_dir / f"{persona_id}.json").read_text(encoding="utf-8")
    return str(json.loads(text)["systemPrompt"])


def test_enter_in_a_dialog_does_what_its_button_does(app_server: AppServer, page: Page) -> None:
    put(app_server, "entered", "Entered", systemPrompt=PROMPT)
    open_form(page, app_server, "entered")
    rewrite(page, PROMPT.replace("careful", "cheerful"))
    control(page, "persona_menu").click()
    page.get_by_text("Save with a note").click()
    note = page.get_by_role("dialog").get_by_role("textbox")
    note.focus()
    page.keyboard.type("Sounds friendlier")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(badge(page, "Saved")).to_be_visible()
    tab(page, "History").click()
    expect(page.get_by_text("· Sounds friendlier").first).to_be_visible()

    settled(page)
    control(page, "persona_menu").click()
    page.get_by_text("Rename…").click()
    new_id = page.get_by_role("dialog").get_by_role("textbox")
    expect(new_id).to_have_value("entered")
    new_id.press("Control+a")
    page.keyboard.type("entered-anew")
    page.keyboard.press("Enter")  # before the server has enabled the button
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(re.compile("id=entered-anew"))


def test_a_save_with_a_note_is_seen_word_by_word_and_taken_back(app_server: AppServer, page: Page) -> None:
    put(app_server, "versioned", "Versioned", systemPrompt=PROMPT)
    open_form(page, app_server, "versioned")
    rewrite(page, PROMPT.replace("careful", "cheerful"))
    control(page, "persona_menu").click()
    page.get_by_text("Save with a note").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Sounds friendlier")
    dialog.get_by_role("textbox").press("Tab")
    dialog.get_by_role("button", name="Save").click()
    expect(badge(page, "Saved")).to_be_visible()

    tab(page, "History").click()
    expect(page.locator("del")).to_have_text("careful")
    expect(page.locator("ins")).to_have_text("cheerful")
    expect(page.get_by_text("· Sounds friendlier").first).to_be_visible()
    expect(control(page, "restore_revision")).to_be_disabled()

    control(page, "revision-1").click()
    expect(page.locator("del")).to_have_count(0)
    control(page, "restore_revision").click()

    expect(control(page, "revision-3")).to_be_visible()
    expect(page.locator("ins")).to_have_text("careful")
    assert prompt_of(app_server, "versioned") == PROMPT


@pytest.fixture
def shared_server(tmp_path: Path) -> Iterator[AppServer]:
    """One where visitors may edit, too."""
    with start_app(tmp_path, environment={"PERSONACHAT_PUBLIC_EDITING": "yes"}) as server:
        yield server


@pytest.fixture
def visited_server(shared_server: AppServer) -> Iterator[AppServer]:
    """The same one as a visitor reaches it."""
    with behind_proxy(shared_server, "203.0.113.7") as reached:
        yield reached


def test_of_two_who_edit_one_persona_the_second_is_told_and_loses_nothing(
    shared_server: AppServer, visited_server: AppServer, page: Page, browser: Browser
) -> None:
    app_server = shared_server
    put(app_server, "contested", "Contested", systemPrompt=PROMPT)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    second = context.new_page()
    theirs, mine = PROMPT.replace("careful", "cheerful"), PROMPT.replace("careful", "grumpy")
    open_form(page, app_server, "contested")
    open_form(second, visited_server, "contested")
    rewrite(second, mine)
    rewrite(page, theirs)
    control(page, "save").click()
    expect(badge(page, "Saved")).to_be_visible()

    control(second, "save").click()
    dialog = second.get_by_role("dialog")
    expect(dialog.locator("del")).to_have_text(["careful", "careful"])
    expect(dialog.locator("ins")).to_have_text(["grumpy", "cheerful"])
    assert prompt_of(app_server, "contested") == theirs

    dialog.get_by_role("button", name="Keep editing").click()
    expect(dialog).to_have_count(0)
    expect(box(second, "System prompt")).to_have_value(mine)
    control(second, "save").click()
    dialog.get_by_text("Keep mine").click()
    settled(second)
    dialog.get_by_role("button", name="Save both changes").click()
    expect(badge(second, "Saved")).to_be_visible()
    assert prompt_of(app_server, "contested") == mine

    tab(second, "History").click()
    expect(second.locator("del")).to_have_text("cheerful")
    expect(second.locator("ins")).to_have_text("grumpy")
    context.close()


def test_the_link_below_a_reply_opens_the_revision_that_spoke(app_server: AppServer, page: Page) -> None:
    put(app_server, "outspoken", "Outspoken", systemPrompt=PROMPT)
    page.goto(f"{app_server.url}/?persona=outspoken")
    page.get_by_placeholder("Message Outspoken").fill("Who are you?")
    page.get_by_placeholder("Message Outspoken").press("Enter")
    link = page.get_by_role("link", name="revision 1")
    expect(link).to_be_visible()
    put(app_server, "outspoken", "Outspoken", systemPrompt="Be loud.")

    with page.context.expect_page() as opening:
        link.click()
    opened = opening.value
    expect(tab(opened, "History")).to_have_attribute("aria-selected", "true")
    expect(opened.get_by_text("Revision 1", exact=True).first).to_be_visible()
    expect(control(opened, "revision-2")).to_be_visible()
    expect(control(opened, "restore_revision")).to_be_enabled()
