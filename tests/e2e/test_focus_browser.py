"""Who has the focus: one types at once, wherever one comes from, and Esc leaves only what lies on top."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import AppServer, wait_for, wait_until
from tests.e2e.seeding import BEHAVES, SPEAKER, talk_in
from tests.fake_provider import Gate, tokens

pytestmark = pytest.mark.browser


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def bubbles(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage")


def leave(page: Page) -> None:
    """Take the focus away from the box by a click on the margin of the page."""
    page.mouse.click(1240, 500)
    expect(box(page)).not_to_be_focused()


@pytest.fixture
def talked(app_server: AppServer, page: Page) -> Page:
    """A conversation of one exchange, open."""
    with talk_in(app_server) as talk:
        conversation = talk.new("A question", "An answer.", **SPEAKER)
    page.goto(f"{app_server.url}/?chat={conversation}")
    expect(box(page)).to_be_focused()
    return page


@pytest.fixture
def streaming(app_server: AppServer, talked: Page) -> Iterator[Page]:
    """A conversation with a reply in the middle of its words."""
    assert app_server.provider
    gate = Gate()
    app_server.provider.enqueue(tokens(["Half of it, ", gate, "the rest."]))
    box(talked).fill("Go")
    box(talked).press("Enter")
    expect(bubbles(talked).last).to_contain_text("Half of it,")
    yield talked
    gate.open()


def test_the_box_has_the_focus_wherever_one_comes_from(app_server: AppServer, page: Page) -> None:
    page.goto(app_server.url)
    expect(box(page)).to_be_focused()  # loaded
    page.get_by_role("button", name="New chat").first.click()
    expect(box(page)).to_be_focused()
    leave(page)
    page.keyboard.press("Alt+n")
    expect(box(page)).to_be_focused()
    page.get_by_role("combobox", name="Persona").click()
    page.get_by_role("option").filter(has_text="Data analyst").click()
    expect(box(page)).to_have_attribute("placeholder", "Message Data analyst")
    expect(box(page)).to_be_focused()
    page.locator(".st-key-starters button").first.click()
    expect(bubbles(page).last).to_contain_text("tokens")
    expect(box(page)).to_be_focused()
    box(page).fill("More")
    page.get_by_test_id("stChatInputSubmitButton").click()
    expect(bubbles(page).nth(-2)).to_contain_text("More")
    expect(box(page)).to_be_focused()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="History").click()
    expect(box(page)).to_have_count(0)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Chat").click()
    expect(box(page)).to_be_focused()


def test_a_closed_dialog_gives_the_focus_to_the_box(talked: Page) -> None:
    talked.locator(".st-key-chat_menu button:visible").click()
    talked.get_by_role("menuitem", name="Keyboard shortcuts").click()
    expect(talked.get_by_role("dialog")).to_be_visible()
    talked.keyboard.press("Escape")
    expect(talked.get_by_role("dialog")).to_have_count(0)
    expect(box(talked)).to_be_focused()


def test_a_slash_leads_to_the_box_and_is_a_slash_in_it(talked: Page) -> None:
    leave(talked)
    talked.keyboard.press("/")
    expect(box(talked)).to_be_focused()
    expect(box(talked)).to_have_value("")
    talked.keyboard.press("/")
    expect(box(talked)).to_have_value("/")


def test_few_tabs_lead_to_the_box(talked: Page) -> None:
    leave(talked)
    talked.evaluate("getSelection().removeAllRanges(); document.body.tabIndex = -1; document.body.focus()")
    talked.keyboard.press("Tab")
    expect(talked.get_by_role("button", name="Skip to the message")).to_be_focused()
    talked.keyboard.press("Enter")
    expect(box(talked)).to_be_focused()


def test_words_that_are_edited_have_the_focus_and_their_keys(talked: Page) -> None:
    field = talked.get_by_label("Your message")
    talked.locator("[class*='st-key-edit_'] button:visible").click()
    expect(field).to_be_focused()
    talked.keyboard.type("?")  # behind what is there
    expect(field).to_have_value("A question?")
    talked.keyboard.press("Escape")
    talked.get_by_role("button", name="Discard").click()
    expect(field).to_have_count(0)
    expect(box(talked)).to_be_focused()
    expect(bubbles(talked).first).not_to_contain_text("?")
    talked.locator("[class*='st-key-edit_'] button:visible").click()
    expect(field).to_be_focused()
    expect(field).to_have_value("A question")
    talked.keyboard.type(" again")
    talked.keyboard.press("Control+Enter")
    expect(bubbles(talked).first).to_contain_text("A question again")
    expect(box(talked)).to_be_focused()


def test_the_name_of_a_conversation_and_a_note_have_the_focus(talked: Page) -> None:
    talked.get_by_test_id("stSidebarContent").get_by_test_id("stMenuButton").locator("button:visible").click()
    talked.get_by_role("menuitem", name="Rename").click()
    expect(talked.get_by_label("Title")).to_be_focused()
    talked.keyboard.press("Escape")
    expect(box(talked)).to_be_focused()
    talked.get_by_role("radio", name="Thumbs up").click(force=True)
    talked.get_by_test_id("stPopoverButton").locator("visible=true").click()
    expect(talked.get_by_label("Why?")).to_be_focused()
    talked.keyboard.type("Because")
    talked.keyboard.press("Control+Enter")
    talked.reload()
    talked.get_by_test_id("stPopoverButton").locator("visible=true").click()
    expect(talked.get_by_label("Why?")).to_have_value("Because")


def test_esc_closes_what_lies_on_top_and_the_reply_goes_on(streaming: Page) -> None:
    page = streaming
    page.get_by_role("combobox", name="Persona").click()
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    page.locator(".st-key-chat_menu button:visible").click()
    expect(page.get_by_role("menu")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    page.locator(".st-key-chat_menu button:visible").click()
    page.get_by_role("menuitem", name="Theme and print").click()
    expect(page.get_by_test_id("stMainMenuList")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    page.locator(".st-key-chat_menu button:visible").click()
    page.get_by_role("menuitem", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator("[class*='st-key-edit_'] button:visible").last.click()
    expect(page.get_by_label("Your message")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Your message")).to_have_count(0)
    expect(page.get_by_text("Stopped")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(bubbles(page).last.get_by_text("Stopped")).to_be_visible()


def test_a_phone_shows_no_keyboard_by_itself(app_server: AppServer, browser: Browser) -> None:
    phone = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    page = phone.new_page()
    try:
        page.goto(app_server.url)
        expect(box(page)).to_be_enabled()
        wait_until(page, BEHAVES)
        expect(page.locator(".st-key-new_chat")).to_have_count(1)
        expect(box(page)).not_to_be_focused()
        small = """() => [...document.querySelectorAll('input, textarea, select')]
            .filter(one => parseFloat(getComputedStyle(one).fontSize) < 16).map(one => one.outerHTML)"""
        wait_for(page, lambda: page.evaluate(small) == [])
        page.goto(f"{app_server.url}/personas")
        expect(page.get_by_test_id("stMain").get_by_text("Data analyst").first).to_be_attached()
        wait_until(page, BEHAVES)
        wait_for(page, lambda: page.evaluate(small) == [])
    finally:
        phone.close()
