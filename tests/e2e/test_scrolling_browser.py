"""Where the eye goes: to the end of a chat at once, back to it from anywhere, and nowhere else by itself."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import AppServer, came_to_rest_at, wait_until
from tests.e2e.seeding import BEHAVES, SPEAKER, exchanges, talk_in
from tests.fake_provider import Gate, tokens

pytestmark = pytest.mark.browser

TO_END = "() => Math.round(stMain.scrollHeight - stMain.clientHeight - stMain.scrollTop)"
AT_END = "() => stMain.scrollHeight - stMain.clientHeight - stMain.scrollTop <= 2"

RECORD = """() => {
  window.seen = []
  const note = () => {
    const turns = document.querySelectorAll('[data-testid="stChatMessage"]').length
    window.seen.push({ turns, left: stMain.scrollHeight - stMain.clientHeight - stMain.scrollTop })
    requestAnimationFrame(note)
  }
  requestAnimationFrame(note)
}"""
"""Where the page is at every frame from now on."""


TYPES_AS_A_REPLY_GIVES_WAY = """() => {
  const reply = [...document.querySelectorAll('[data-testid="stChatMessage"]')].at(-1)
  const field = document.querySelector('[data-testid="stChatInputTextArea"]')
  field.dispatchEvent(new KeyboardEvent("keydown", { key: "x", bubbles: true }))
  stMain.scrollTo({ top: stMain.scrollTop - 150, behavior: "instant" })
  reply.style.paddingBottom = "900px"
}"""
"""As where a reply's buttons go, which has the browser move up, and its text comes in one frame."""


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def bubbles(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage")


def jump(page: Page) -> Locator:
    return page.get_by_role("button", name="Jump to latest")


def wheel(page: Page, pixels: int) -> None:
    page.mouse.move(780, 400)
    page.mouse.wheel(0, pixels)


def is_at_end(page: Page) -> None:
    wait_until(page, AT_END)
    expect(jump(page)).to_be_hidden()


def open_long(page: Page, server: AppServer, count: int = 20) -> str:
    with talk_in(server) as talk:
        conversation = talk.new(*exchanges(count), **SPEAKER)
    page.goto(f"{server.url}/?chat={conversation}")
    expect(bubbles(page).last).to_contain_text(f"({count - 1})")
    wait_until(page, BEHAVES)
    is_at_end(page)
    return conversation


def test_a_chat_opens_at_its_end_without_a_flight(app_server: AppServer, page: Page) -> None:
    with talk_in(app_server) as talk:
        long = talk.new(*exchanges(24, "Words. " * 80), **SPEAKER)
    page.goto(app_server.url)
    expect(box(page)).to_be_focused()
    page.evaluate(RECORD)
    row = page.get_by_test_id("stSidebarContent").locator(f".st-key-open_{long}")
    row.get_by_test_id("stBaseButton-tertiary").locator("visible=true").click()
    expect(bubbles(page).last).to_contain_text("(23)")
    is_at_end(page)
    away = [frame for frame in page.evaluate("window.seen") if frame["turns"] > 2 and frame["left"] > 900]
    assert len(away) <= 3, "it flew there"  # frames are noted before the page does its part of them


def test_what_is_sent_while_scrolled_up_is_seen_with_its_reply(app_server: AppServer, page: Page) -> None:
    open_long(page, app_server)
    wheel(page, -1500)
    expect(jump(page)).to_be_visible()
    gate = Gate()
    assert app_server.provider
    app_server.provider.enqueue(tokens(["Line after line.\n\n"] * 40 + [gate, "The end."]))
    box(page).fill("Where am I?")
    box(page).press("Enter")
    expect(bubbles(page).nth(-2)).to_contain_text("Where am I?")
    expect(bubbles(page).last).to_contain_text("Line after line.")
    is_at_end(page)
    gate.open()
    expect(bubbles(page).last.get_by_text("The end.")).to_be_in_viewport()
    is_at_end(page)


def test_who_scrolls_up_while_a_reply_streams_is_left_alone(app_server: AppServer, page: Page) -> None:
    open_long(page, app_server)
    first, second = Gate(), Gate()
    assert app_server.provider
    app_server.provider.enqueue(tokens(["One.\n\n", first, *["More.\n\n"] * 40, second, "The end."]))
    box(page).fill("Go")
    box(page).press("Enter")
    expect(bubbles(page).last).to_contain_text("One.")
    is_at_end(page)
    wheel(page, -700)
    expect(jump(page)).to_be_visible()
    top = came_to_rest_at(page)
    first.open()
    expect(bubbles(page).last).to_contain_text(re.compile(r"(More\.\s*){40}"))
    second.open()
    expect(bubbles(page).last).to_contain_text("tokens")
    assert came_to_rest_at(page) == top
    jump(page).click()
    is_at_end(page)


def test_a_button_leads_back_to_the_end(app_server: AppServer, page: Page) -> None:
    open_long(page, app_server)
    wheel(page, -400)
    expect(jump(page)).to_be_visible()
    jump(page).click()
    is_at_end(page)
    expect(box(page)).to_be_focused()
    end = page.evaluate("stMain.scrollTop")
    page.evaluate(TYPES_AS_A_REPLY_GIVES_WAY)
    is_at_end(page)
    assert page.evaluate("stMain.scrollTop") > end
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="History").click()
    expect(box(page)).to_have_count(0)
    expect(jump(page)).to_be_hidden()


def test_earlier_messages_come_in_above_what_is_read(app_server: AppServer, page: Page) -> None:
    open_long(page, app_server, 60)
    earlier = page.get_by_role("button", name=re.compile("Show earlier messages"))
    wheel(page, -50_000)
    expect(earlier).to_be_in_viewport()
    came_to_rest_at(page)
    first = bubbles(page).first
    words, top = first.inner_text(), first.evaluate("one => one.getBoundingClientRect().top")
    shown = bubbles(page).count()
    earlier.click()
    expect(bubbles(page).nth(shown)).to_be_attached()
    question = re.search(r"Question \d+", words)
    assert question
    wait_until(
        page,
        """([words, top]) => [...document.querySelectorAll('[data-testid="stChatMessage"]')].some(one =>
            one.innerText.includes(words) && Math.abs(one.getBoundingClientRect().top - top) <= 2)""",
        arg=[question.group(), top],
    )
