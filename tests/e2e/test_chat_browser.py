"""The chat page in a real browser: what a person sees, clicks and must not lose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import AppServer, start_app, wait_until
from tests.fake_provider import Gate, Reply, chunk, events, status, tokens

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def offline_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with start_app(tmp_path_factory.mktemp("offline")) as server:
        yield server


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def bubbles(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage")


def say(page: Page, words: str) -> None:
    box(page).fill(words)
    box(page).press("Enter")


def open_chat(page: Page, server: AppServer, query: str = "") -> None:
    page.goto(server.url + query)
    expect(box(page)).to_be_enabled()


def stop_button(page: Page) -> Locator:
    return page.get_by_test_id("stBottom").get_by_role("button", name="Stop")


def test_the_offline_model_answers_the_first_message(offline_server: AppServer, page: Page) -> None:
    open_chat(page, offline_server)
    expect(page.get_by_text("offline").first).to_be_visible()
    say(page, "Say hello.")
    reply = bubbles(page).last
    expect(reply).to_contain_text(re.compile(r"smollm2-135m.* \d+ tokens", re.DOTALL), timeout=60_000)
    assert len(reply.get_by_test_id("stMarkdown").first.inner_text()) > 1


def test_a_starter_begins_the_chat_and_is_gone_at_once(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    provider(app_server, tokens([gate, "Fine."]))
    open_chat(page, app_server, "/?persona=data-analyst")
    starter = json.loads((app_server.personas_dir / "data-analyst.json").read_text())["starters"][0]
    pill = page.get_by_test_id("stButtonGroup").get_by_text(starter)
    pill.click()
    expect(page.get_by_text("Thinking")).to_be_visible()
    expect(pill).to_have_count(0)
    expect(bubbles(page).nth(1)).to_have_text(re.compile(re.escape(starter)))
    gate.open()
    expect(bubbles(page).last).to_contain_text("Fine.")


def test_stop_works_before_the_first_token(app_server: AppServer, page: Page) -> None:
    provider(app_server, tokens([Gate()]), tokens(["The next one."]))
    open_chat(page, app_server)
    say(page, "Never mind")
    stop_button(page).click()
    expect(bubbles(page).last.get_by_text("Stopped")).to_be_visible()
    assert app_server.provider
    assert app_server.provider.wait_for_disconnect()
    expect(stop_button(page)).to_have_count(0)
    say(page, "Again")
    expect(bubbles(page).last).to_contain_text("The next one.")


def test_stop_in_mid_stream_keeps_the_text(app_server: AppServer, page: Page) -> None:
    provider(app_server, tokens(["Kept words. ", Gate()]))
    open_chat(page, app_server)
    say(page, "Go")
    expect(bubbles(page).last).to_contain_text("Kept words.")
    page.keyboard.press("Escape")
    expect(bubbles(page).last.get_by_text("Stopped")).to_be_visible()
    expect(bubbles(page).last).to_contain_text("Kept words.")
    expect(bubbles(page).last).not_to_contain_text("|")


def test_a_refresh_in_mid_stream_loses_nothing(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    provider(app_server, tokens(["First half, ", gate, "second half."]))
    open_chat(page, app_server)
    say(page, "Tell me")
    expect(bubbles(page).last).to_contain_text("First half,")
    page.reload()
    expect(bubbles(page).last).to_contain_text("First half,")
    gate.open()
    expect(bubbles(page).last).to_contain_text("First half, second half.")
    expect(bubbles(page).nth(-2)).to_contain_text("Tell me")
    assert app_server.provider
    assert len(app_server.provider.chats) == 1


def test_a_visit_to_another_page_in_mid_stream_loses_nothing(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    provider(app_server, tokens(["Before. ", gate, "After."]))
    open_chat(page, app_server)
    say(page, "Tell me")
    expect(bubbles(page).last).to_contain_text("Before.")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Personas").click()
    expect(page.get_by_role("textbox", name="System prompt")).to_be_visible()
    gate.open()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Chat").click()
    expect(bubbles(page).last).to_contain_text("Before. After.")


def test_what_is_typed_while_a_reply_streams_stays_in_the_box(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    provider(app_server, tokens(["Part. ", gate, "End."]))
    open_chat(page, app_server)
    say(page, "Go")
    expect(bubbles(page).last).to_contain_text("Part.")
    box(page).fill("half a thou")
    gate.open()
    expect(bubbles(page).last.get_by_text(re.compile("tokens"))).to_be_visible()
    expect(box(page)).to_have_value("half a thou")


def test_what_is_sent_while_a_reply_streams_is_answered_after_it(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    provider(app_server, tokens(["One. ", gate]), tokens(["Two."]))
    open_chat(page, app_server)
    say(page, "first")
    expect(bubbles(page).last).to_contain_text("One.")
    say(page, "second")
    expect(page.get_by_text("Queued: sends after this reply")).to_be_visible()
    gate.open()
    expect(bubbles(page).last).to_contain_text("Two.")
    expect(bubbles(page)).to_have_count(5)  # the greeting, and two exchanges


def test_a_failure_says_what_to_do_and_the_words_are_kept(app_server: AppServer, page: Page) -> None:
    provider(
        app_server, status(401, {}, b'{"error": {"message": "Incorrect API key"}}'), tokens(["Well then."])
    )
    open_chat(page, app_server)
    say(page, "My precious words")
    failure = bubbles(page).last.get_by_test_id("stAlert")
    expect(failure).to_contain_text("OPENAI_API_KEY")
    expect(bubbles(page).last.get_by_role("button", name="Use the offline model")).to_be_visible()
    bubbles(page).last.get_by_role("button", name="Retry").click()
    expect(bubbles(page).last).to_contain_text("Well then.")
    expect(failure).to_have_count(0)
    expect(bubbles(page).nth(-2)).to_contain_text("My precious words")


def test_words_that_cannot_be_sent_go_back_into_the_box(app_server: AppServer, page: Page) -> None:
    open_chat(page, app_server, "/?persona=support-agent")
    expect(box(page)).to_have_attribute("placeholder", re.compile("Message"))
    (app_server.personas_dir / "support-agent.json").write_text("{")
    say(page, "My precious words")
    expect(page.get_by_text("Not sent")).to_be_visible()
    expect(box(page)).to_have_value("My precious words")


def test_the_offline_model_steps_in_where_the_provider_fails(app_server: AppServer, page: Page) -> None:
    provider(app_server, status(401, {}, b"{}"), tokens(["The provider again."]))
    open_chat(page, app_server)
    say(page, "Say hello.")
    bubbles(page).last.get_by_role("button", name="Use the offline model").click()
    expect(bubbles(page).last).to_contain_text(
        re.compile(r"smollm2-135m.* \d+ tokens", re.DOTALL), timeout=60_000
    )
    expect(page.get_by_text("You chose the offline model.")).to_be_visible()
    page.get_by_role("button", name="Back to gpt-6-luna").click()
    expect(page.get_by_text("You chose the offline model.")).to_have_count(0)
    say(page, "And now?")
    expect(bubbles(page).last).to_contain_text("The provider again.")


def test_reasoning_is_folded_away(app_server: AppServer, page: Page) -> None:
    provider(
        app_server,
        events(
            chunk({"reasoning_content": "Let me think it over."}),
            chunk("The answer."),
            chunk({}, finish="stop"),
        ),
    )
    open_chat(page, app_server)
    say(page, "Think")
    expect(bubbles(page).last.get_by_text("The answer.")).to_be_visible()
    expect(bubbles(page).last.get_by_text("Let me think it over.")).to_be_hidden()
    bubbles(page).last.get_by_text("Thought for").click()
    expect(bubbles(page).last.get_by_text("Let me think it over.")).to_be_visible()


def test_the_streamed_picture_equals_the_final_one(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    text = "A paragraph of some length that goes on. " * 6 + "\n\n"
    whole = "# Head\n\n" + text * 3 + "- one\n- two\n\n" + text + "```python\nx = 1\n```\n\n" + text
    provider(app_server, tokens([*re.findall(r"\S+\s*", whole), gate]))
    open_chat(page, app_server)
    say(page, "Write")
    # At the gate everything is on the screen, behind it the cursor; the end only takes the cursor away.
    last = bubbles(page).last
    expect(last.locator("pre")).to_contain_text("x = 1")
    expect(last).to_contain_text(re.compile(r"x = 1\s*(A paragraph of some length that goes on\.\s*){6}$"))
    streamed, boxes = blocks(last), places(last)
    gate.open()
    for _ in range(2):
        expect(last.get_by_text(re.compile(r"\d+ tokens"))).to_be_visible()
        expect(last.locator("pre")).to_contain_text("x = 1")
        assert blocks(last)[: len(streamed)] == streamed
        assert places(last) == boxes
        page.reload()


def blocks(bubble: Locator) -> list[str]:
    return bubble.locator("p, li, pre, h1").all_inner_texts()


def places(bubble: Locator) -> list[tuple[str, int, int]]:
    """Every block of a bubble's text, and where it stands in the bubble, to the pixel."""
    found: list[tuple[str, int, int]] = bubble.evaluate(
        """bubble => [...bubble.querySelectorAll("h1, p, li, pre")]
            .filter(block => !block.closest("[data-testid=stCaptionContainer], button, [role=status]"))
            .map(block => [block.tagName, Math.round(block.getBoundingClientRect().top
                 - bubble.getBoundingClientRect().top), Math.round(block.getBoundingClientRect().height)])"""
    )
    return found


STAYS_AT_THE_TOP = """async main => {
    for (let frame = 0; frame < 20; frame++) {
        if (main.scrollTop > 0) return false;
        await new Promise(requestAnimationFrame);
    }
    return true;
}"""


def test_a_reader_who_scrolled_up_is_left_alone(app_server: AppServer, page: Page) -> None:
    gates = [Gate(), Gate()]
    lines = "A line of the reply.\n\n" * 60
    provider(app_server, tokens([lines, gates[0], "More below.\n\n" * 20, gates[1], "The end."]))
    open_chat(page, app_server)
    say(page, "Long, please")
    expect(bubbles(page).last).to_contain_text("A line of the reply.")
    main = page.get_by_test_id("stAppScrollToBottomContainer")
    wait_until(
        page,
        "main => main.scrollTop > 300 && main.scrollHeight - main.scrollTop - main.clientHeight < 5",
        arg=main.element_handle(),
    )
    main.hover()
    top = bubbles(page).first
    for _ in range(40):  # as a wheel turns: Streamlit takes a single event for the page's own doing
        page.mouse.wheel(0, -500)
        if main.evaluate(STAYS_AT_THE_TOP):
            break
    expect(top).to_be_in_viewport()
    gates[0].open()
    expect(bubbles(page).last).to_contain_text("More below.")
    expect(top).to_be_in_viewport()
    gates[1].open()
    expect(bubbles(page).last.get_by_text(re.compile(r"\d+ tokens"))).to_be_attached()
    expect(top).to_be_in_viewport()


def test_switching_the_persona_marks_the_place_and_keeps_the_history(
    app_server: AppServer, page: Page
) -> None:
    provider(app_server, tokens(["From the first."]), tokens(["From the second."]))
    open_chat(page, app_server)
    say(page, "Hello")
    expect(bubbles(page).last).to_contain_text("From the first.")
    choose(page, "SQL")
    expect(page.get_by_text(re.compile("Now talking to SQL"))).to_be_visible()
    say(page, "And you?")
    expect(bubbles(page).last).to_contain_text("From the second.")
    assert app_server.provider
    roles = [message["role"] for message in app_server.provider.chats[-1].body["messages"]]
    assert roles[-4:] == ["assistant", "user", "assistant", "user"]
    expect(page.get_by_text(re.compile("Now talking to SQL"))).to_have_count(1)


def choose(page: Page, typed: str) -> None:
    """Pick a persona by typing."""
    picker = page.get_by_test_id("stSelectbox").locator("input")
    picker.click()
    picker.fill(typed)
    page.get_by_role("option").first.click()


def test_new_chat_begins_afresh_and_the_old_one_is_at_its_address(app_server: AppServer, page: Page) -> None:
    provider(app_server, tokens(["An answer."]))
    open_chat(page, app_server)
    say(page, "Hello")
    expect(bubbles(page).last.get_by_text(re.compile(r"\d+ tokens"))).to_be_visible()
    address = page.url
    page.get_by_role("button", name="New chat").click()
    expect(bubbles(page).get_by_text("An answer.")).to_have_count(0)
    expect(bubbles(page)).to_have_count(1)
    page.goto(address)
    expect(bubbles(page).get_by_text("An answer.")).to_be_visible()


def test_a_cleared_chat_comes_back(app_server: AppServer, page: Page) -> None:
    provider(app_server, tokens(["An answer."]))
    open_chat(page, app_server)
    say(page, "Hello")
    expect(bubbles(page).last.get_by_text(re.compile(r"\d+ tokens"))).to_be_visible()
    page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="More", exact=True).first.click()
    page.get_by_role("menuitem", name="Clear this chat").click()
    expect(bubbles(page).get_by_text("An answer.")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(bubbles(page).get_by_text("An answer.")).to_be_visible()


def test_the_api_streams_to_fetch(app_server: AppServer, page: Page) -> None:
    provider(app_server, tokens(["Hel", "lo \N{WAVING HAND SIGN}"]))
    open_chat(page, app_server)
    received = page.evaluate(
        """async () => {
            const response = await fetch("/api/chat", {
                method: "POST", headers: {"Content-Type": "application/json"},
                body: JSON.stringify({message: "Hi", personaId: "default-persona"})});
            return [response.status, response.headers.get("content-type"), await response.text()];
        }"""
    )
    assert received[0] == 200
    assert received[1].startswith("text/event-stream")
    names = re.findall(r"^event: (\w+)$", received[2], re.MULTILINE)
    assert names[0] == "start"
    assert names[-1] == "done"
    deltas = re.findall(r"^event: delta\ndata: (.*)$", received[2], re.MULTILINE)
    assert "".join(json.loads(data)["content"] for data in deltas) == "Hello \N{WAVING HAND SIGN}"
    assert received[2].rstrip().endswith("data: [DONE]")


def test_nothing_overflows_a_narrow_window(app_server: AppServer, page: Page, tmp_path: Path) -> None:
    provider(app_server, tokens(["W" * 300 + "\n\n| a | b |\n|---|---|\n| " + "x" * 200 + " | y |\n"]))
    page.set_viewport_size({"width": 400, "height": 800})
    open_chat(page, app_server)
    say(page, "V" * 300)
    expect(bubbles(page).last.get_by_text(re.compile(r"\d+ tokens"))).to_be_visible()
    wait_until(page, "() => document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth")
    wait_until(page, "() => stMain.scrollWidth <= stMain.clientWidth")


def provider(server: AppServer, *replies: Reply) -> None:
    """Tell the module's provider what to answer, and forget what it was asked before."""
    assert server.provider
    server.provider.forget()
    server.provider.enqueue(*replies)
