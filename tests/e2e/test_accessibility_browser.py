"""Everyone can read it: axe finds nothing serious on any page, in either theme; what is heard is right."""

from __future__ import annotations

import re
from typing import Any, Literal
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from personachat.owners import LOCAL_OWNER
from personachat.stamps import now
from tests.e2e.conftest import AppServer, open_json, settled, wait_for, wait_until
from tests.e2e.seeding import BEHAVES, SPEAKER, talk_in
from tests.fake_provider import Gate, tokens
from tests.usage.calls import call, keep

pytestmark = pytest.mark.browser

REPLY = """Words with `code`, a [link](https://example.org) and **more**.

## A heading

```python
for number in range(3):  # a comment
    print("text", number, 12, None)  # a comment that is too long, so that it has to be scrolled


@decorated
class Thing(Base):
    def method(self) -> str:
        return f"{self!r}" + 3.5
```

| a | b |
|---|---|
| 1 | 2 |

> A quote.
"""

ARABIC = "مرحبا بك"

NOTES_WHAT_IS_HEARD = """window.heard = []
new MutationObserver(changes => {
  for (const line of changes.flatMap(change => [...change.addedNodes]))
    if (line.parentElement?.dataset?.part === "spoken") heard.push(line.textContent)
}).observe(document, { childList: true, subtree: true })"""


MAKES_WAY = """async () => {
  const control = document.querySelector('[class*="st-key-pause_"]'), name = control.className
  const drawn = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
  control.className = ""
  control.append("")
  await drawn()
  control.className = name
  control.append("")
  await drawn()
}"""
"""As its buttons are gone for a moment when others come."""


def heard(page: Page) -> list[str]:
    lines: list[str] = page.evaluate("window.heard")
    return lines or [""]


@pytest.fixture(params=["light", "dark"])
def themed(request: pytest.FixtureRequest, context: BrowserContext) -> Page:
    """A tab in one of the themes."""
    scheme: Literal["light", "dark"] = request.param
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)
    return page


def serious(page: Page) -> list[str]:
    """What axe finds that would keep somebody out."""
    wait_until(page, BEHAVES)
    wait_until(page, "document.getAnimations().every(one => one.playState !== 'running')")
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else ''}"
        for fault in found
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def test_chat_and_its_layers_are_for_everyone(app_server: AppServer, themed: Page) -> None:
    page = themed
    with talk_in(app_server) as talk:
        talk.new("Another", "One", **SPEAKER)
        conversation = talk.new("A question", REPLY, "More", REPLY, **SPEAKER)
        talk.set_turn(talk.store.get(LOCAL_OWNER, conversation).path[1].id, reasoning="A thought.")
    page.goto(app_server.url)
    expect(page.locator(".st-key-new_chat")).to_be_visible()
    assert serious(page) == []
    page.goto(f"{app_server.url}/?chat={conversation}")
    expect(page.get_by_test_id("stChatMessage").last).to_contain_text("tokens")
    expect(page.get_by_text("Thought for a moment")).to_be_attached()
    assert serious(page) == []
    page.locator(".st-key-chat_menu button:visible").click()
    expect(page.get_by_role("menu")).to_be_visible()
    page.get_by_role("menuitem", name="Keyboard shortcuts").click()
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert serious(page) == []


def test_the_other_pages_are_for_everyone(app_server: AppServer, themed: Page) -> None:
    page = themed
    with talk_in(app_server) as talk:
        talk.new("A [question] with_signs", REPLY, **SPEAKER)
    page.goto(f"{app_server.url}/history")
    expect(page.get_by_role("checkbox", name="Select A [question] with_signs").first).to_be_attached()
    assert serious(page) == []
    page.goto(f"{app_server.url}/personas?id=data-analyst")
    expect(page.get_by_role("textbox", name="System prompt")).to_be_visible()
    assert serious(page) == []
    open_json(page)
    assert serious(page) == []


def test_tests_are_for_everyone_from_the_suite_to_what_came_of_it(
    app_server: AppServer, themed: Page
) -> None:
    page = themed
    page.goto(f"{app_server.url}/tests?suite=socratic-tutor")
    expect(page.get_by_role("button", name="Run tests")).to_be_enabled()
    assert serious(page) == []
    page.get_by_role("button", name="Run tests").click()
    expect(page.get_by_text("Cases that pass every time")).to_be_visible()
    expect(page.get_by_role("button", name="Run tests")).to_be_enabled()
    settled(page)
    page.get_by_text("Asks instead of telling: ").first.click()
    expect(page.get_by_text("You said: What is the derivative").first).to_be_visible()
    assert serious(page) == []


HOSTILE = "<img src=x alt=taken> {b|x}"


def test_insights_are_for_everyone_and_a_models_name_is_text_in_a_tooltip(
    app_server: AppServer, themed: Page
) -> None:
    page = themed
    with talk_in(app_server) as talk:
        rated = talk.new("A question", REPLY, **SPEAKER, created_at=now())
        talk.set_turn(talk.store.get(LOCAL_OWNER, rated).path[-1].id, rating=-1)
        keep(
            talk.database,
            call(talk.database, now(), model=HOSTILE, outcome="failed", error_code="idle_timeout"),
        )
    page.goto(f"{app_server.url}/insights")
    chart = page.locator(".st-key-chart_speed_by_model")
    expect(chart.locator("canvas").first).to_be_visible()
    settled(page)
    assert serious(page) == []
    page.goto(f"{app_server.url}/insights?model={quote(HOSTILE)}")
    alone = re.compile(rf"by model\? {re.escape(HOSTILE)}")
    expect(chart.get_by_role("img").first).to_have_accessible_name(alone)
    expect(chart.locator("canvas").first).to_be_visible()
    settled(page)
    chart.scroll_into_view_if_needed()
    box = chart.locator("canvas").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    expect(chart.get_by_text(HOSTILE, exact=True).first).to_be_visible()
    expect(page.get_by_alt_text("taken")).to_have_count(0)


def test_no_button_is_named_after_its_glyph(app_server: AppServer, page: Page) -> None:
    with talk_in(app_server) as talk:
        conversation = talk.new("A question", REPLY, **SPEAKER)
    pages = ("/history", "/personas?id=data-analyst", "/insights", "/compare", "/tests", "/admin")
    missing: list[str] = []
    page.on("response", lambda answer: missing.append(answer.url) if answer.status == 404 else None)
    for path in (f"/?chat={conversation}", *pages):
        page.goto(app_server.url + path)
        wait_until(page, BEHAVES)
        expect(page.locator(".st-key-new_chat")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile(r"\bicon\b|^[a-z]+(_[a-z]+)+"))).to_have_count(0)
        expect(page.get_by_role("img", name=re.compile(r" icon$"))).to_have_count(0)
    assert missing == []
    page.goto(f"{app_server.url}/?chat={conversation}")
    wait_until(page, BEHAVES)
    regenerate = page.get_by_role("button", name="Regenerate", exact=True)
    expect(regenerate).to_be_visible()
    wait_for(page, lambda: regenerate.evaluate("button => button.offsetWidth") < 60)
    page.get_by_role("button", name="More", exact=True).last.click()
    expect(page.get_by_role("menu", name="More", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    arrows = page.get_by_test_id("stMenuButton").get_by_text("expand_more")
    wait_for(page, lambda: not any(arrow.is_visible() for arrow in arrows.all()))


def test_a_reply_is_read_out_by_the_sentence(app_server: AppServer, page: Page) -> None:
    first, second = Gate(), Gate()
    assert app_server.provider
    app_server.provider.enqueue(tokens(["One sentence. And ", first, "another. The ", second, "last one"]))
    page.goto(app_server.url)
    wait_until(page, BEHAVES)
    page.get_by_test_id("stChatInputTextArea").fill("Go")
    page.get_by_test_id("stChatInputTextArea").press("Enter")
    spoken = page.get_by_role("log")
    expect(spoken).to_have_attribute("aria-live", "polite")
    expect(spoken.locator("p").nth(0)).to_have_text("The reply begins.")
    expect(spoken.locator("p").nth(1)).to_have_text("One sentence.")
    first.open()
    expect(spoken.locator("p").nth(2)).to_have_text("And another.")
    second.open()
    expect(spoken.locator("p").nth(3)).to_have_text("The last one The reply has ended.")
    expect(spoken.locator("p")).to_have_count(0)  # it is not there to be read twice


def test_a_pause_is_heard_and_of_a_reply_that_somebody_left_nothing_more(
    app_server: AppServer, page: Page
) -> None:
    gates = [Gate(), Gate(), Gate()]
    assert app_server.provider
    app_server.provider.enqueue(
        tokens(["One. ", gates[0], "Two. ", gates[1]]),
        tokens(["Short", gates[2], " end"], finish="length"),
        tokens(["Three. ", gates[1], "Four."]),
    )
    page.add_init_script(NOTES_WHAT_IS_HEARD)
    page.goto(app_server.url)
    wait_until(page, BEHAVES)
    box, bubbles = page.get_by_test_id("stChatInputTextArea"), page.get_by_test_id("stChatMessage")

    def say(words: str, reply: str) -> None:
        expect(box).to_be_enabled()
        box.fill(words)
        box.press("Enter")
        expect(bubbles.last).to_contain_text(reply)
        wait_for(page, lambda: "The reply begins." in heard(page))

    say("Go", "One.")
    page.evaluate(MAKES_WAY)
    assert not any("has ended" in line for line in heard(page))
    page.get_by_role("button", name="Pause").click()
    wait_for(page, lambda: heard(page)[-1].endswith("The reply is paused."))
    gates[0].open()
    page.get_by_role("button", name="Resume").click()
    wait_for(page, lambda: "The reply goes on." in heard(page))
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    page.get_by_role("button", name="Stop").click()
    wait_for(page, lambda: "The reply has ended" in heard(page)[-1])
    assert "stop_circle" not in " ".join(heard(page))
    settled(page)
    page.evaluate("heard.length = 0")
    say("Once more", "Short")
    gates[2].open()
    wait_for(page, lambda: heard(page)[-1] == "Short end The reply has ended: Cut off at the token limit.")
    settled(page)
    page.evaluate("heard.length = 0")
    say("And again", "Three.")
    page.get_by_role("button", name="New chat").click()
    expect(bubbles).to_have_count(1)
    settled(page)
    gates[1].open()
    assert heard(page)[-1] in {"The reply begins.", "Three."}


def test_a_paragraph_runs_as_it_is_written_and_code_does_not(app_server: AppServer, page: Page) -> None:
    with talk_in(app_server) as talk:
        words = f"{ARABIC}\n\nEnglish.\n\n`x = {ARABIC}`\n\n- {ARABIC} 1\n\n1. One\n\n> {ARABIC} 2"
        conversation = talk.new(ARABIC, words, **SPEAKER)
    page.goto(f"{app_server.url}/?chat={conversation}")
    wait_until(page, BEHAVES)
    reply = page.get_by_test_id("stChatMessage").last
    side = """one => { const words = document.createRange(); words.selectNodeContents(one)
        const line = words.getBoundingClientRect(), box = one.getBoundingClientRect()
        return line.left - box.left > box.right - line.right ? "right" : "left" }"""
    wait_for(page, lambda: reply.get_by_text(ARABIC, exact=True).evaluate(side) == "right")
    wait_for(page, lambda: reply.get_by_text("English.").evaluate(side) == "left")
    wait_for(page, lambda: reply.locator("code").evaluate("one => getComputedStyle(one).direction") == "ltr")
    runs = "one => getComputedStyle(one).direction"
    for block, direction in (("ul", "rtl"), ("ol", "ltr"), ("blockquote", "rtl")):
        wait_for(page, lambda: reply.locator(block).evaluate(runs) == direction)  # noqa: B023  # it is called at once
    bullet_is_inside = """one => { const words = one.closest("[data-testid=stMarkdownContainer]")
        return one.getBoundingClientRect().right <= words.getBoundingClientRect().right - 12 }"""
    wait_for(page, lambda: bool(reply.locator("ul li").evaluate(bullet_is_inside)))
    question = page.get_by_test_id("stChatMessage").first.get_by_text(ARABIC)
    wait_for(page, lambda: question.evaluate(side) == "right")
    page.get_by_test_id("stChatInputTextArea").fill(ARABIC)
    expect(page.get_by_test_id("stChatInputTextArea")).to_have_css("unicode-bidi", "plaintext")
