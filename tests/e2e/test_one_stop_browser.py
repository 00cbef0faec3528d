"""One Stop, and a page that follows its reply again, whatever ended the script run that followed it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.e2e.conftest import AppServer, wait_until
from tests.e2e.seeding import BEHAVES
from tests.fake_provider import Gate, tokens

pytestmark = pytest.mark.browser

STOPPED = '[data-testid="stApp"][data-test-script-state="notRunning"]'


class Lines:
    """The WebSockets of a page, which can be cut."""

    def __init__(self, page: Page) -> None:
        self._routes: list[WebSocketRoute] = []
        page.route_web_socket(re.compile("/_stcore/stream"), self._connect)

    def _connect(self, route: WebSocketRoute) -> None:
        route.connect_to_server()
        self._routes.append(route)

    def cut(self) -> None:
        for route in self._routes:
            route.close(code=1001)
        self._routes.clear()


def bubbles(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage")


def say(page: Page, words: str) -> None:
    page.get_by_test_id("stChatInputTextArea").last.fill(words)
    page.get_by_test_id("stChatInputTextArea").last.press("Enter")


def press_streamlits_stop(page: Page) -> None:
    """What Streamlit's own Stop does; it is not to be seen, but a script run can end in other ways too."""
    status = page.get_by_test_id("stStatusWidget")
    status.get_by_role("button", name="Stop", include_hidden=True).evaluate("button => button.click()")


def test_a_page_whose_script_was_stopped_follows_again(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    assert app_server.provider
    app_server.provider.enqueue(tokens(["First half, ", gate, "second half."]))
    page.goto(app_server.url)
    wait_until(page, BEHAVES)
    say(page, "Go")
    expect(bubbles(page).last).to_contain_text("First half,")
    expect(page.get_by_test_id("stStatusWidget")).to_be_hidden()
    expect(page.get_by_role("button", name="Stop")).to_have_count(1)
    press_streamlits_stop(page)
    expect(page.locator(STOPPED)).to_have_count(0)
    gate.open()
    expect(bubbles(page).last).to_contain_text("First half, second half.")
    expect(bubbles(page).last).to_contain_text("tokens")


def test_once_a_reply_has_ended_there_is_nothing_to_stop(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    assert app_server.provider
    app_server.provider.enqueue(tokens(["First half, ", gate, "second half."]))
    page.goto(app_server.url)
    say(page, "Go")
    expect(page.get_by_role("button", name="Stop")).to_have_count(1)
    gate.open()
    expect(bubbles(page).last).to_contain_text("tokens")
    expect(page.get_by_role("button", name="Forecast")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_a_lost_connection_leads_back_to_the_reply(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    assert app_server.provider
    app_server.provider.enqueue(tokens(["First half, ", gate, "second half."]))
    lines = Lines(page)
    page.goto(app_server.url)
    wait_until(page, BEHAVES)
    say(page, "Go")
    expect(bubbles(page).last).to_contain_text("First half,")
    asked = len(app_server.provider.chats)
    lines.cut()
    expect(page.get_by_test_id("stConnectionStatus")).to_be_visible()
    gate.open()
    expect(bubbles(page).last).to_contain_text("First half, second half.", timeout=40_000)
    expect(bubbles(page).last).to_contain_text("tokens")
    assert len(app_server.provider.chats) == asked


def test_try_out_follows_again_too(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    assert app_server.provider
    app_server.provider.enqueue(tokens(["First half, ", gate, "second half."]))
    page.goto(f"{app_server.url}/personas?id=data-analyst")
    wait_until(page, BEHAVES)
    say(page, "Go")
    expect(bubbles(page).last).to_contain_text("First half,")
    pane = page.locator(".st-key-try_out_pane")
    expect(pane.get_by_role("button", name="Stop")).to_have_count(1)
    press_streamlits_stop(page)
    gate.open()
    expect(bubbles(page).last).to_contain_text("First half, second half.")
    expect(bubbles(page).last).to_contain_text("tokens")


def test_a_paused_reply_and_an_ended_one_ask_for_no_run(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    assert app_server.provider
    app_server.provider.enqueue(tokens(["Part, ", gate, "end."]))
    page.goto(app_server.url)
    wait_until(page, BEHAVES)
    say(page, "Go")
    expect(bubbles(page).last).to_contain_text("Part,")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    expect(page.locator(STOPPED)).to_have_count(1)
    expect(page.locator('[class*="st-key-pause_"] button')).to_have_count(0)  # which is what asks for one
    page.get_by_role("button", name="Resume").click()
    gate.open()
    expect(bubbles(page).last).to_contain_text("Part, end.")
    expect(page.locator(STOPPED)).to_have_count(1)
    expect(page.locator('[class*="st-key-pause_"] button')).to_have_count(0)
