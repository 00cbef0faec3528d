"""Comparing in a real browser: each word in its own column, whatever happens meanwhile, and blind votes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import AppServer, settled, wait_until
from tests.e2e.test_accessibility_browser import serious
from tests.fake_provider import FakeProvider, Gate, failure, tokens

pytestmark = pytest.mark.browser

BIRDS = ("heron", "stork", "crane", "egret")
MODELS = tuple(f"canary-{number}" for number in (1, 2, 3, 4))


ROW = '[class*="st-key-compare_row_{}_"] [data-testid="stHorizontalBlock"]'
"""What holds the columns of a message, and scrolls where they don't fit."""


def provider(server: AppServer) -> FakeProvider:
    assert server.provider
    server.provider.forget()
    return server.provider


def link(server: AppServer, *models: str, message: str) -> str:
    variants = "&".join(f"variant=default-persona;model={model}" for model in models)
    return f"{server.url}/compare?{variants}&message={message}"


def columns(page: Page, number: int) -> Locator:
    """The columns of a message's replies."""
    return page.locator(f".st-key-compare_row_{number}_0").get_by_test_id("stColumn")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def begin(page: Page) -> None:
    expect(button(page, "Compare")).to_be_enabled()
    settled(page)
    button(page, "Compare").click()


def say(page: Page, words: str) -> None:
    box = page.get_by_test_id("stChatInputTextArea")
    expect(box).to_be_enabled()
    settled(page)
    box.fill(words)
    box.press("Enter")


def settled_link(page: Page, name: str) -> Locator:
    """A page's link in the sidebar, while replies are still being written."""
    found = page.get_by_test_id("stSidebarNavLink").filter(has_text=name)
    expect(found).to_be_visible()
    return found


def expect_birds(page: Page, number: int) -> None:
    """Each column of this message has its own bird and no other."""
    for place, bird in enumerate(BIRDS):
        column = columns(page, number).nth(place)
        expect(column).to_contain_text(f"{bird}-{number}-end")
        for other in BIRDS:
            if other != bird:
                expect(column).not_to_contain_text(other)


def test_four_columns_keep_their_words_over_three_messages_and_a_refresh(
    app_server: AppServer, page: Page
) -> None:
    fake = provider(app_server)
    for number in (1, 2, 3):
        gates = [Gate() for _ in BIRDS]
        fake.answer_by_model(
            {
                model: tokens([f"{bird}-{number} ", gate, f"{bird}-{number}-end"])
                for model, bird, gate in zip(MODELS, BIRDS, gates, strict=True)
            }
        )
        if number == 1:
            page.goto(link(app_server, *MODELS, message="Which+bird"))
            begin(page)
        else:
            say(page, f"And bird {number}?")
        for place, bird in enumerate(BIRDS):  # all of them at once: none waits for another's end
            expect(columns(page, number).nth(place)).to_contain_text(f"{bird}-{number}")
        if number == 2:
            page.reload()
            expect(columns(page, 2).nth(3)).to_contain_text("egret-2")
        if number == 3:  # another page and back, and a second tab
            settled_link(page, "Personas").click()
            expect(page).to_have_url(re.compile("/personas"))
            expect(columns(page, 3)).to_have_count(0)
            settled(page)
            page.go_back()
            expect(columns(page, 3).nth(3)).to_contain_text("egret-3")
            second = page.context.new_page()
            second.goto(page.url)
            expect(columns(second, 3).nth(3)).to_contain_text("egret-3")
        for gate in reversed(gates):
            gate.open()
        expect_birds(page, number)
        expect(button(page, "A is best")).to_be_visible()
    expect_birds(second, 3)
    for number in (1, 2, 3):
        expect_birds(page, number)
    for width, beside in ((1_000, False), (1_700, True)):
        page.set_viewport_size({"width": width, "height": 900})
        row = f"document.querySelector('{ROW.format(3)}')"
        wait_until(page, f"({row}.scrollWidth <= {row}.clientWidth) === {str(beside).lower()}")
        wait_until(page, f"{row}.hasAttribute('tabindex') === {str(not beside).lower()}")
        narrowest = f"Math.min(...[...{row}.children].map(each => each.offsetWidth))"
        assert page.evaluate(narrowest) >= 240  # wide enough to be read
        assert page.evaluate("stMain.scrollWidth <= stMain.clientWidth")
    for model, bird in zip(MODELS, BIRDS, strict=True):
        last = [each.body["messages"] for each in fake.chats if each.body["model"] == model][-1]
        said = [each["content"] for each in last if each["role"] == "assistant"]
        assert [bird in each for each in said if any(name in each for name in BIRDS)] == [True, True]


def test_a_blind_voter_gets_no_name_before_the_vote(app_server: AppServer, page: Page) -> None:
    fake = provider(app_server)
    fake.answer_by_model({"canary-1": tokens(["One reply."]), "canary-2": tokens(["Another reply."])})
    page.goto(link(app_server, "canary-1", "canary-2", message="Which+one"))
    expect(button(page, "Compare")).to_be_enabled()
    settled(page)
    page.get_by_text("Blind vote").click()
    settled(page)
    button(page, "Compare").click()
    expect(button(page, "Tie")).to_be_visible()
    expect(page.get_by_text("Reply A")).to_be_visible()
    settled(page)
    assert serious(page) == []
    here = page.url
    assert re.search(r"/compare\?comparison=[0-9a-f]{32}$", here)

    frames: list[bytes] = []
    voter = page.context.new_page()
    voter.on("websocket", lambda socket: socket.on("framereceived", lambda data: frames.append(_bytes(data))))
    voter.goto(here)
    expect(button(voter, "Tie")).to_be_visible()
    expect(columns(voter, 1)).to_have_count(2)
    settled(voter)
    sent = b"".join(frames).lower()
    assert b"another reply." in sent
    for withheld in (
        b"canary-",
        b"assistant \xc2\xb7",
        b"127.0.0.1:",
        b"openai/",
        b"to first token",
        b"tokens",
    ):
        assert withheld not in sent, withheld
    button(voter, "Tie").click()
    expect(voter.get_by_text("You voted for a tie.")).to_be_visible()
    expect(columns(voter, 1).filter(has_text="canary-1")).to_have_count(1)
    assert b"canary-2" in b"".join(frames)


def test_on_a_phone_one_column_is_in_view_and_one_that_fails_leaves_the_others_alone(
    app_server: AppServer, page: Page
) -> None:
    fake = provider(app_server)
    fake.answer_by_model({"canary-1": failure(401, "no"), "canary-2": tokens(["A fine reply."])})
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(link(app_server, "canary-1", "canary-2", message="Which+one"))
    begin(page)
    expect(columns(page, 1).nth(0)).to_contain_text("The API key was rejected")
    expect(columns(page, 1).nth(1)).to_contain_text("A fine reply.")
    expect(button(page, "Tie")).to_be_visible()
    nav = page.get_by_test_id("stSidebarNavLink").filter(has_text="Tests")
    expect(nav).to_be_hidden()  # or the Tab key would lead to links out of sight
    page.get_by_test_id("stExpandSidebarButton").click()
    expect(nav).to_be_visible()
    page.get_by_test_id("stSidebarCollapseButton").locator("button").click()
    expect(nav).to_be_hidden()
    wait_until(
        page, "document.documentElement.scrollWidth <= 400 && stMain.scrollWidth <= stMain.clientWidth"
    )
    row = page.get_by_role("group", name="Replies side by side")
    expect(row).to_have_attribute("tabindex", "0")  # the arrow keys scroll it
    first, second = (columns(page, 1).nth(number).bounding_box() for number in (0, 1))
    assert first
    assert second
    assert first["width"] > 280  # wide enough to be read
    assert second["x"] >= first["x"] + first["width"]  # beside, and reached by a swipe
    assert second["y"] == first["y"]
    settled(page)
    say(page, "And now")
    expect(columns(page, 2).nth(1)).to_contain_text("You said: And now")
    expect(button(page, "Tie")).to_be_visible()
    settled(page)
    page.evaluate(f"document.querySelector('{ROW.format(2)}').scrollTo({{left: 9999}})")
    wait_until(page, f"document.querySelector('{ROW.format(1)}').scrollLeft > 100")  # they go together
    page.evaluate(f"document.querySelector('{ROW.format(1)}').scrollTo({{left: 0}})")
    wait_until(page, f"document.querySelector('{ROW.format(2)}').scrollLeft < 5")
    button(page, "Ask again").first.click()
    expect(columns(page, 2).nth(0)).to_contain_text("You said: And now")


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def test_a_reply_of_a_sweep_becomes_the_draft_of_the_persona(app_server: AppServer, page: Page) -> None:
    provider(app_server)
    page.goto(f"{app_server.url}/tests?suite=default-persona")
    page.get_by_role("radio", name="Sweep").click()
    formality = page.get_by_label("Formality")
    expect(formality).to_be_visible()
    settled(page)
    for value in ("casual", "formal"):
        formality.click()
        page.get_by_role("option", name=value, exact=True).click()
        settled(page)
    message = page.get_by_label("Message")
    message.fill("Kingfisher?")
    message.press("Control+Enter")
    expect(page.get_by_text("2 calls to")).to_be_visible()
    expect(button(page, "Try all")).to_be_enabled()
    settled(page)
    button(page, "Try all").click()
    cells = page.locator("[class*='st-key-sweep_']").filter(has_text="Use this one")
    expect(cells).to_have_count(2)
    expect(cells.nth(1)).to_contain_text("formality formal")
    expect(cells.nth(1)).to_contain_text("You said: Kingfisher?")
    settled(page)
    cells.nth(1).get_by_role("button", name="Use this one").click()
    expect(page).to_have_url(re.compile(r"/personas\?id=default-persona"))
    expect(page.get_by_role("textbox", name="Formality")).to_have_value("formal")
    expect(button(page, "Save Shortcut Ctrl + S")).to_be_enabled()


def test_a_persona_that_says_so_is_tested_when_it_is_saved(app_server: AppServer, page: Page) -> None:
    provider(app_server)
    page.goto(f"{app_server.url}/tests?suite=data-analyst")
    expect(button(page, "Run tests")).to_be_enabled()
    settled(page)
    button(page, "Run on save").click()
    page.get_by_text("Run these tests whenever the persona is saved").click()
    settled(page)
    button(page, "Save with the persona").click()
    expect(page.get_by_text("Cases that pass every time")).to_be_visible()
    expect(button(page, "Runs on save")).to_be_visible()
