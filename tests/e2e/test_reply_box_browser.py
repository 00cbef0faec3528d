"""A reply is no box of its own: only the page scrolls, and what is wider than a reply, sideways."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import AppServer, settled, wait_for, wait_until
from tests.e2e.seeding import BEHAVES, talk_in
from tests.fake_provider import Gate, tokens

pytestmark = pytest.mark.browser

TABLE = (
    "|" + "|".join(f"column {number}" for number in range(20)) + "|\n|" + "---|" * 20 + "\n|" + "value|" * 20
)
SUM = "+".join(f"x_{{{number}}}^2" for number in range(60))
FORMULA = f"$$\n{SUM}\n$$"

REPLIES = {
    "one line": "Yes.",
    "one line of HTML": "<b>bold</b> and <i>more</i>",
    "paragraphs": "One.\n\nTwo.\n\n- a\n- b",
    "heading last": "Words.\n\n## A heading",
    "code": "Before\n\n```python\nprint(1)\n```",
    "wide table": f"Before\n\n{TABLE}\n\nAfter",
    "wide formula": f"Before\n\n{FORMULA}\n\nAfter",
    "wide formula in a line": f"Here $\\underbrace{{{SUM}}}_n$ it is",
    "long words": "x" * 400 + " `" + "y" * 400 + "` https://example.org/" + "z" * 400,
    "quote and list": "> quoted\n\n1. one\n2. two\n   - three",
}

# What is drawn for screen readers alone stands in boxes of one pixel.
VERTICAL_SCROLLERS = """() => [...document.querySelectorAll('[data-testid="stChatMessage"] *')]
  .filter(one => /auto|scroll|hidden/.test(getComputedStyle(one).overflowY) && one.clientHeight > 8
    && one.scrollHeight > one.clientHeight && !one.closest('.katex span') && one.tagName !== 'CODE')
  .map(one => one.outerHTML.slice(0, 200))"""


def replied(page: Page) -> None:
    expect(page.get_by_test_id("stChatMessage").last.get_by_text("tokens")).to_be_visible()
    wait_until(page, BEHAVES)
    settled(page)


def open_replies(page: Page, server: AppServer, *, width: int) -> None:
    with talk_in(server) as talk:
        conversation = talk.new(*[words for reply in REPLIES.values() for words in ("Go", reply)])
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{server.url}/?chat={conversation}")
    replied(page)


@pytest.mark.parametrize("width", [400, 1280])
def test_replies_of_every_kind_neither_scroll_nor_widen_the_page(
    app_server: AppServer, page: Page, width: int
) -> None:
    open_replies(page, app_server, width=width)
    wait_for(page, lambda: page.evaluate(VERTICAL_SCROLLERS) == [])
    wait_for(page, lambda: page.evaluate("() => stMain.scrollWidth - stMain.clientWidth") <= 0)
    for wide in ("table", ".katex-display", "p:has(> .katex)"):
        scrolled = f"() => {{ const one = document.querySelector({wide!r}); one.scrollLeft = 200; "
        wait_until(page, scrolled + "return one.scrollLeft === 200 }")


HUGE = r"\rule{99999em}{99999em}"
HUGE_FORMULAS = (
    f"Before\n\n$$\n{HUGE}\n$$\n\nAfter",
    f"In a line ${HUGE}$ of words",
    f"**Bold ${HUGE}$** and :red[${HUGE}$]",
    f"# ${HUGE}$",
    f"- ${HUGE}$\n- **${HUGE}$**\n\n> ${HUGE}$",
    f"| a |\n|---|\n| ${HUGE}$ |",
    r"$\def\a{999}\raisebox{-\a\a em}{x}$",
    r"$\def\arraystretch{9999}\begin{matrix}a\\[9999em]b\end{matrix}$",
    r"$\smash{\raisebox{30em}{\text{elsewhere}}}\kern{-900em}$",
)


def test_no_formula_makes_the_page_high_or_wide(app_server: AppServer, page: Page) -> None:
    with talk_in(app_server) as talk:
        conversation = talk.new(*[words for reply in HUGE_FORMULAS for words in ("Go", reply)])
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{app_server.url}/?chat={conversation}")
    replied(page)
    expect(page.locator("[data-testid=stChatMessage] .katex")).to_have_count(12)
    messages = "[...document.querySelectorAll('[data-testid=stChatMessage]')]"
    wait_until(page, f"() => {messages}.every(one => one.offsetHeight < 5 * 800)")
    wait_until(page, "() => stMain.scrollWidth <= stMain.clientWidth && stMain.scrollHeight < 30_000")


def test_the_last_reply_is_not_cut(app_server: AppServer, page: Page) -> None:
    with talk_in(app_server) as talk:
        conversation = talk.new("Go", REPLIES["one line of HTML"])
    page.goto(f"{app_server.url}/?chat={conversation}")
    replied(page)
    wait_for(page, lambda: page.evaluate(VERTICAL_SCROLLERS) == [])


def test_a_reply_that_streams_does_not_scroll_by_itself(app_server: AppServer, page: Page) -> None:
    assert app_server.provider
    gate = Gate()
    app_server.provider.enqueue(tokens(["<b>One</b> line\n\n", "| a | b |\n|---|---|\n| 1 | 2 |", gate]))
    page.goto(app_server.url)
    page.get_by_test_id("stChatInputTextArea").fill("Go")
    page.get_by_test_id("stChatInputTextArea").press("Enter")
    expect(page.get_by_role("table")).to_be_visible()
    wait_for(page, lambda: page.evaluate(VERTICAL_SCROLLERS) == [])
    gate.open()
    replied(page)
    wait_for(page, lambda: page.evaluate(VERTICAL_SCROLLERS) == [])
