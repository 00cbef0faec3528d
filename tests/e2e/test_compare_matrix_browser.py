"""Comparisons as a matrix: everyone can use it, by keyboard alone."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, ViewportSize, expect

from tests.e2e.conftest import AppServer, settled, wait_until
from tests.e2e.test_accessibility_browser import serious
from tests.e2e.test_compare_browser import begin, button, link, provider, say
from tests.fake_provider import tokens

pytestmark = pytest.mark.browser

BIRDS = ("heron", "stork", "crane", "egret", "avocet", "bittern")
"""Six models: so many replies don't stand beside each other."""

MOST_TABS = 150
"""So often Tab is pressed before a button counts as one that the keyboard doesn't reach."""

DESK = ViewportSize(width=1280, height=900)


@pytest.fixture(params=["light"])
def scheme(request: pytest.FixtureRequest) -> Literal["light", "dark"]:
    chosen: Literal["light", "dark"] = request.param
    return chosen


@pytest.fixture(params=[DESK], ids=["desk"])
def tab(request: pytest.FixtureRequest, context: BrowserContext, scheme: Literal["light", "dark"]) -> Page:
    """A tab in one of the themes and sizes."""
    page = context.new_page()
    page.set_viewport_size(request.param)
    page.emulate_media(color_scheme=scheme)
    return page


def matrix(page: Page, server: AppServer, *messages: str) -> None:
    """Have a matrix of these messages and six models."""
    fake = provider(server)
    for number, message in enumerate(messages, 1):
        fake.answer_by_model({each: tokens([f"Reply {number}: {each}."]) for each in BIRDS})
        if number == 1:
            page.goto(link(server, *BIRDS, message=message))
            begin(page)
        else:
            say(page, message)
        expect(cell(page, number, "F")).to_be_visible()
        expect(button(page, "Tie")).to_be_visible()
    settled(page)


def cell(page: Page, number: int, letter: str) -> Locator:
    return page.locator(f".st-key-cell_{number}_{letter} button:visible")


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    for _ in range(MOST_TABS):
        if target.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab doesn't reach {target}")


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    """Press the button that has the focus; it keeps it."""
    expect(target).to_be_focused()
    page.keyboard.press(key)
    settled(page)


def test_a_matrix_is_for_everyone_and_is_used_by_keyboard_alone(app_server: AppServer, tab: Page) -> None:
    page = tab
    matrix(page, app_server, "Which bird?", "And in winter?")
    assert serious(page) == []
    wait_until(
        page,
        "document.documentElement.scrollWidth <= innerWidth && stMain.scrollWidth <= stMain.clientWidth",
    )
    shown = page.locator(".st-key-matrix_focus")
    expect(shown).to_contain_text("Reply 2: heron.")
    expect(cell(page, 2, "A")).to_have_accessible_name("A , message 2, finished, shown below")
    chosen, other = (cell(page, 2, letter).bounding_box() for letter in "AB")
    assert chosen
    assert other
    assert chosen["width"] < other["width"] + 20  # the rest of its name is only heard

    page.locator("body").press("Tab")
    tab_to(page, cell(page, 1, "C"))
    press(page, cell(page, 1, "C"))
    expect(shown).to_contain_text("Reply 1: crane.")
    expect(shown).to_contain_text("Which bird?")
    expect(cell(page, 1, "C")).to_be_focused()  # the next one is one Tab away
    page.keyboard.press("Tab")
    press(page, cell(page, 1, "D"), "Space")
    expect(shown).to_contain_text("Reply 1: egret.")
    expect(cell(page, 1, "D")).to_be_focused()

    following = button(page, "Next reply")
    tab_to(page, following)
    press(page, following)
    expect(shown).to_contain_text("Reply 1: avocet.")
    press(page, following)
    expect(shown).to_contain_text("Reply 1: bittern.")
    press(page, following)  # after the last one comes the first
    expect(shown).to_contain_text("Reply 1: heron.")
    below = button(page, "Next message")
    tab_to(page, below)
    press(page, below)
    expect(shown).to_contain_text("And in winter?")
    expect(shown).to_contain_text("Reply 2: heron.")

    best = button(page, "B is best")
    tab_to(page, best)
    press(page, best)
    expect(page.get_by_text("You voted for B.")).to_be_visible()
    expect(cell(page, 2, "B")).to_have_accessible_name("B , message 2, finished, your vote")
    settled(page)
    assert serious(page) == []
