"""What only a browser shows of right words and looks: menus, what asks, what stays away, the first paint."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import AppServer, start_app, wait_for, wait_until
from tests.e2e.seeding import BEHAVES, SPEAKER, exchanges, talk_in
from tests.fake_provider import Gate, tokens

ACTIONS_ARE_ONE_LINE = """() => {
  const row = [...document.querySelectorAll("[class*='st-key-actions_']")].at(-1)
  const middles = [...row.children].map(e => e.getBoundingClientRect()).map(e => e.top + e.height / 2)
  return Math.max(...middles) - Math.min(...middles) <= 8
}"""

pytestmark = pytest.mark.browser


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def settled(page: Page) -> None:
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    wait_until(page, BEHAVES)


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(".st-key-new_chat")).to_be_visible()
    settled(page)


def row(page: Page, conversation: str) -> Locator:
    return page.get_by_test_id("stSidebar").locator(f".st-key-open_{conversation}")


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    yield context.new_page()
    context.close()


def test_every_conversation_has_its_menu_by_keyboard_and_new_chat_stays_in_view(
    app_server: AppServer, page: Page
) -> None:
    with talk_in(app_server) as talk:
        first = talk.new("The first one", "Yes", **SPEAKER)
        for number in range(25):
            talk.new(f"Another one {number}", "Yes", **SPEAKER)
        last = talk.new("The last one", "Yes", **SPEAKER)
    open_page(page, f"{app_server.url}/?chat={first}")
    expect(box(page)).to_be_focused()
    page.keyboard.press("Shift")  # whoever has pressed a key keeps the focus where they put it
    row(page, last).locator("button:visible").first.focus()
    page.keyboard.press("Tab")
    menu = row(page, last).get_by_role("button", name="Options")
    expect(menu).to_have_accessible_description("The last one")
    expect(menu).to_be_focused()
    expect(menu).to_have_css("opacity", "1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(menu).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(f".st-key-group_Pinned .st-key-open_{last}")).to_be_visible()
    settled(page)
    row(page, last).hover()
    menu.click()
    page.get_by_role("menuitem", name="Rename").click()
    dialog = page.get_by_role("dialog", name="Rename")
    dialog.get_by_label("Title").fill("A new name")
    dialog.get_by_role("button", name="Rename").click()
    expect(row(page, last)).to_contain_text("A new name")
    assert first in page.url, "the chat that is open stays open"

    page.locator(".st-key-all_conversations").scroll_into_view_if_needed()
    expect(page.locator(".st-key-new_chat button")).to_be_in_viewport()


def test_every_message_has_one_menu_by_keyboard_too(app_server: AppServer, page: Page) -> None:
    with talk_in(app_server) as talk:
        conversation = talk.new(*exchanges(4), **SPEAKER)
    open_page(page, f"{app_server.url}/?chat={conversation}")
    bubbles = page.get_by_test_id("stChatMessage")
    menus = (
        page.locator("#stMain").get_by_test_id("stChatMessage").get_by_role("button", name="More", exact=True)
    )
    expect(menus).to_have_count(8)
    expect(box(page)).to_be_focused()
    page.keyboard.press("Shift")  # whoever has pressed a key keeps the focus where they put it
    first = bubbles.first.get_by_role("button", name="More")
    first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Edit", exact=True)).to_be_focused()
    expect(page.get_by_role("menuitem")).to_have_text(
        [re.compile(w) for w in ("Edit", "Copy", "Compare", "Fork", "Delete")]
    )
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    field = page.get_by_label("Your message")
    expect(field).to_be_focused()
    expect(menus).to_have_count(7)
    field.press("Escape")
    expect(menus).to_have_count(8)
    settled(page)

    bubbles.nth(-2).get_by_role("button", name="More").click()  # of the last exchange: Streamlit's
    page.get_by_role("menuitem", name="Delete").click()
    expect(bubbles).to_have_count(6)
    expect(menus).to_have_count(6)
    settled(page)
    bubbles.nth(2).get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(bubbles).to_have_count(2)
    expect(page.get_by_text("4 messages deleted.")).to_be_visible()
    expect(menus).to_have_count(2)


def test_leaving_a_changed_edit_asks_and_an_unchanged_one_does_not(app_server: AppServer, page: Page) -> None:
    with talk_in(app_server) as talk:
        conversation = talk.new("A question", "An answer", **SPEAKER)
    open_page(page, f"{app_server.url}/?chat={conversation}")
    field, cancel = page.get_by_label("Your message"), page.get_by_role("button", name="Cancel")

    def edit() -> None:
        page.get_by_role("button", name="Edit and send again").click()
        expect(field).to_be_focused()
        settled(page)

    edit()
    cancel.click()
    expect(field).to_have_count(0)
    settled(page)
    edit()
    page.keyboard.type(" and more")
    question = page.get_by_role("dialog", name="Discard what you changed?")
    cancel.click()
    expect(question).to_be_visible()
    page.get_by_role("button", name="Keep editing").click()
    expect(field).to_have_value("A question and more")
    field.press("Escape")
    expect(question).to_be_visible()
    page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    page.keyboard.press("Alt+n")
    expect(question).to_be_visible()
    page.get_by_role("button", name="Discard").click()
    expect(field).to_have_count(0)
    expect(box(page)).to_be_focused()
    assert conversation not in page.url


def test_one_menu_and_the_names_once(app_server: AppServer, page: Page) -> None:
    open_page(page, app_server.url)
    expect(page.get_by_test_id("stMainMenuButton")).to_be_hidden()
    wait_for(page, lambda: page.locator("#stMain").inner_text().count("Answers questions of every kind") <= 1)
    expect(page.locator("#stMain").get_by_role("heading")).to_have_count(0)
    page.get_by_role("combobox", name="Persona").click()
    entries = page.get_by_role("option")
    expect(entries.first).to_be_visible()
    expect(page.locator('[role="option"] [data-avatar]:not([data-avatar=""])')).to_have_count(entries.count())
    expect(page.get_by_role("option", name=re.compile("^Data analyst"))).to_be_visible()
    page.keyboard.press("Escape")
    app, dark, light = page.get_by_test_id("stApp"), "rgb(16, 22, 21)", "rgb(255, 255, 255)"
    for chosen, colour in (("Dark", dark), ("Light", light), ("Dark", dark)):  # each counts for all pages
        if chosen == "Light":
            page.get_by_test_id("stMainMenuButton").click()
        else:
            page.locator(".st-key-chat_menu button:visible").click()
            page.get_by_role("menuitem", name="Theme and print").click()
        page.get_by_test_id(f"stMainMenuItem-theme-{chosen}").click()
        expect(app).to_have_css("background-color", colour)
        elsewhere = "" if chosen == "Light" else "/history"
        open_page(page, f"{app_server.url}{elsewhere}")
        expect(app).to_have_css("background-color", colour)

    page.route("**/static/js/*", lambda route: None)  # nothing of Streamlit ever comes
    page.goto(app_server.url, wait_until="commit")
    expect(page.locator("#first-paint")).to_be_visible()
    expect(page.locator("body")).to_have_css("background-color", "rgb(16, 22, 21)")


def test_on_a_phone_a_turns_actions_are_one_line(app_server: AppServer, phone: Page) -> None:
    assert app_server.provider
    gate = Gate()
    open_page(phone, app_server.url)
    with talk_in(app_server) as talk:
        conversation = talk.new(*exchanges(2), **SPEAKER)
    phone.goto(f"{app_server.url}/?chat={conversation}")
    settled(phone)
    app_server.provider.enqueue(tokens(["Some words. ", gate, "more"]))
    box(phone).fill("Go on")
    box(phone).press("Enter")
    expect(phone.get_by_role("button", name="Stop")).to_be_visible()
    expect(phone.locator("button kbd").locator("visible=true")).to_have_count(0)
    expect(phone.locator(".st-key-reply_controls")).to_contain_text("%")
    gate.open()
    expect(phone.get_by_test_id("stFeedback")).to_have_count(1)
    settled(phone)
    wait_until(phone, ACTIONS_ARE_ONE_LINE)
    wait_for(phone, lambda: phone.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_dismissed_notice_stays_dismissed(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with start_app(tmp_path_factory.mktemp("offline")) as server:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        open_page(page, server.url)
        dismiss = page.get_by_role("button", name="Dismiss")
        if not dismiss.count():
            pytest.skip("the offline model is not installed")
        dismiss.click()
        expect(dismiss).to_have_count(0)
        settled(page)
        again = context.new_page()
        open_page(again, server.url)
        expect(again.get_by_text("offline").first).to_be_visible()
        expect(again.get_by_role("button", name="Dismiss")).to_have_count(0)
        context.close()
