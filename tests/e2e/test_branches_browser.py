"""Working with turns in a real browser: versions, editing, deleting, forking, rating, copying."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import AppServer, settled, wait_for
from tests.fake_provider import MODELS, FakeProvider, Gate, Reply, tokens

pytestmark = pytest.mark.browser


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def bubbles(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage")


def last(page: Page) -> Locator:
    return bubbles(page).last


def button(place: Page | Locator, name: str) -> Locator:
    return place.get_by_role("button", name=re.compile(name))


def choose(page: Page, bubble: Locator, name: str) -> None:
    """Pick an action in the menu of a turn."""
    button(bubble, "^More$").click()
    page.get_by_role("menuitem", name=re.compile(name)).click()


def open_chat(page: Page, server: AppServer, *replies: Reply) -> FakeProvider:
    assert server.provider
    server.provider.forget()
    server.provider.enqueue(*replies)
    page.goto(server.url)
    expect(box(page)).to_be_enabled()
    return server.provider


def say(page: Page, words: str) -> None:
    box(page).fill(words)
    box(page).press("Enter")


def answered(page: Page, words: str) -> None:
    """Wait until the last reply has these words and has ended."""
    expect(last(page)).to_contain_text(words)
    expect(last(page).get_by_text(re.compile(r"\d+ tokens"))).to_be_visible()
    settled(page)


def test_versions_of_a_reply_can_be_leafed_through(app_server: AppServer, page: Page) -> None:
    open_chat(page, app_server, tokens(["Version one."]), tokens(["Version two."]))
    say(page, "Go")
    answered(page, "Version one.")
    button(last(page), "^Regenerate$").click()
    answered(page, "Version two.")
    expect(last(page).get_by_text("2/2")).to_be_visible()
    button(last(page), "Previous version").click()
    expect(last(page)).to_contain_text("Version one.")
    expect(last(page).get_by_text("1/2")).to_be_visible()
    expect(button(last(page), "Previous version")).to_be_disabled()
    button(last(page), "Next version").click()
    expect(last(page)).to_contain_text("Version two.")


def test_leafing_during_a_stream_loses_nothing(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    open_chat(page, app_server, tokens(["Old one."]), tokens(["New ", gate, "one."]))
    say(page, "Go")
    answered(page, "Old one.")
    button(last(page), "^Regenerate$").click()
    expect(last(page)).to_contain_text("New")
    button(last(page), "Previous version").click()
    expect(last(page)).to_contain_text("Old one.")
    expect(button(page, "Pause")).to_have_count(0)
    gate.open()
    button(last(page), "Next version").click()
    answered(page, "New one.")


def test_an_edited_question_is_answered_beside_the_first(app_server: AppServer, page: Page) -> None:
    open_chat(page, app_server, tokens(["About cats."]), tokens(["About dogs."]))
    say(page, "Tell me of cats")
    answered(page, "About cats.")
    question = bubbles(page).nth(-2)
    button(question, "^Edit and send again$").click()
    area = question.get_by_role("textbox")
    expect(area).to_have_value("Tell me of cats")
    area.fill("Tell me of dogs")
    button(question, "Save and send").click()
    answered(page, "About dogs.")
    expect(question).to_contain_text("Tell me of dogs")
    expect(question.get_by_text("2/2")).to_be_visible()
    button(question, "Previous version").click()
    expect(last(page)).to_contain_text("About cats.")
    expect(question).to_contain_text("Tell me of cats")


def test_editing_can_be_left_without_a_trace(app_server: AppServer, page: Page) -> None:
    fake = open_chat(page, app_server, tokens(["An answer."]))
    say(page, "As it was")
    answered(page, "An answer.")
    question = bubbles(page).nth(-2)
    button(question, "^Edit and send again$").click()
    question.get_by_role("textbox").fill("Something else")
    button(question, "Cancel").click()
    page.get_by_role("button", name="Discard").click()
    expect(question).to_contain_text("As it was")
    expect(question.get_by_role("textbox")).to_have_count(0)
    assert len(fake.chats) == 1


def test_an_edited_reply_is_marked_and_is_what_the_model_is_told(app_server: AppServer, page: Page) -> None:
    fake = open_chat(page, app_server, tokens(["The model's words."]), tokens(["Well."]))
    say(page, "Go")
    answered(page, "The model's words.")
    choose(page, last(page), "Edit")
    last(page).get_by_role("textbox").fill("My own words.")
    button(last(page), "Save").click()
    expect(last(page)).to_contain_text("My own words.")
    expect(last(page).get_by_text("edited")).to_be_visible()
    expect(last(page).get_by_text("2/2")).to_be_visible()
    say(page, "And now?")
    answered(page, "Well.")
    told = [message["content"] for message in fake.chats[-1].body["messages"]]
    assert "My own words." in told
    assert "The model's words." not in told


def test_a_deleted_turn_comes_back_with_all_that_followed(app_server: AppServer, page: Page) -> None:
    open_chat(page, app_server, tokens(["First answer."]), tokens(["Second answer."]))
    say(page, "One")
    answered(page, "First answer.")
    say(page, "Two")
    answered(page, "Second answer.")
    count = bubbles(page).count()
    choose(page, bubbles(page).nth(-4), "Delete")
    expect(page.get_by_text("4 messages deleted.")).to_be_visible()
    expect(page.get_by_text("Second answer.")).to_have_count(0)
    expect(page.get_by_text("First answer.")).to_have_count(0)
    button(page, "Undo").click()
    expect(bubbles(page)).to_have_count(count)
    expect(last(page)).to_contain_text("Second answer.")
    expect(button(page, "Undo")).to_have_count(0)


def test_a_fork_leaves_the_original_as_it_is(app_server: AppServer, page: Page) -> None:
    open_chat(page, app_server, tokens(["First answer."]), tokens(["Second."]), tokens(["In the fork."]))
    say(page, "One")
    answered(page, "First answer.")
    say(page, "Two")
    answered(page, "Second.")
    original = page.url
    choose(page, bubbles(page).nth(-3), "Fork from here")
    expect(page.get_by_text("This is a fork")).to_be_visible()
    expect(page).not_to_have_url(original)
    expect(last(page)).to_contain_text("First answer.")
    say(page, "Elsewhere")
    answered(page, "In the fork.")
    page.goto(original)
    expect(last(page)).to_contain_text("Second.")
    expect(page.get_by_text("In the fork.")).to_have_count(0)


def test_the_way_back_from_a_fork(app_server: AppServer, page: Page) -> None:
    open_chat(page, app_server, tokens(["First."]), tokens(["Second."]))
    say(page, "One")
    answered(page, "First.")
    say(page, "Two")
    answered(page, "Second.")
    choose(page, bubbles(page).nth(-3), "Fork from here")
    expect(page.get_by_test_id("stMain").get_by_text("Second.")).to_have_count(0)
    button(page, "Open the original").click()
    expect(last(page)).to_contain_text("Second.")


def test_a_reply_in_the_middle_can_be_asked_for_again_by_another_persona(
    app_server: AppServer, page: Page
) -> None:
    gate = Gate()
    fake = open_chat(
        page, app_server, tokens(["First."]), tokens(["Second."]), tokens(["By ", gate, "the other."])
    )
    say(page, "One")
    answered(page, "First.")
    say(page, "Two")
    answered(page, "Second.")
    choose(page, bubbles(page).nth(-3), "Regenerate with")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").first.click()
    page.get_by_role("option", name=re.compile("Socratic")).click()
    dialog.get_by_role("combobox").nth(1).click()
    expect(page.get_by_role("option", name=MODELS[-1], exact=True)).to_be_visible()
    page.get_by_role("option", name="Persona's default model", exact=True).click()
    button(dialog, "Regenerate$").click()
    expect(last(page)).to_contain_text("By")
    expect(page.get_by_test_id("stMain").get_by_text("Second.")).to_have_count(
        0
    )  # nothing of the other branch while it streams
    gate.open()
    answered(page, "By the other.")
    assert "Socratic" in json.dumps(fake.chats[-1].body["messages"][0]) or len(fake.chats) == 3
    expect(last(page).get_by_text("2/2")).to_be_visible()


def test_a_rating_and_its_note_are_kept(app_server: AppServer, page: Page) -> None:
    open_chat(page, app_server, tokens(["Rate me."]))
    say(page, "Go")
    answered(page, "Rate me.")
    last(page).get_by_role("radio", name="Thumbs up").click()
    button(last(page), "^Note$").click()
    note = page.get_by_label("Why?")
    note.fill("Clear and short")
    note.press("Control+Enter")
    expect(note.locator("visible=true")).to_have_count(0)
    settled(page)
    page.reload()
    expect(last(page)).to_contain_text("Rate me.")
    expect(last(page).get_by_role("radio", name="Thumbs up")).to_be_checked()
    button(last(page), "^Note$").click()
    expect(page.get_by_label("Why?")).to_have_value("Clear and short")


def test_a_reply_is_copied_as_it_was_written(app_server: AppServer, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_chat(page, app_server, tokens(["**Bold** and `code`"]))
    say(page, "Go")
    answered(page, "Bold and code")
    button(last(page), "^Copy$").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    wait_for(page, lambda: page.evaluate("navigator.clipboard.readText()") == "**Bold** and `code`")


def test_a_browser_that_refuses_to_copy_gets_the_words_to_copy_by_hand(
    app_server: AppServer, page: Page
) -> None:
    page.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined});document.execCommand = () => false"
    )
    open_chat(page, app_server, tokens(["By hand, then."]))
    say(page, "Go")
    answered(page, "By hand, then.")
    button(last(page), "^Copy$").click()
    expect(page.get_by_role("dialog")).to_contain_text("By hand, then.")


def test_the_request_of_a_reply_can_be_looked_at_and_holds_no_key(app_server: AppServer, page: Page) -> None:
    open_chat(page, app_server, tokens(["An answer."]))
    say(page, "A question to look for")
    answered(page, "An answer.")
    choose(page, last(page), "Show request")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("A question to look for")
    dialog.get_by_role("tab", name="curl").click()
    expect(dialog.get_by_text("curl -N").first).to_be_visible()
    dialog.get_by_role("tab", name="Python").click()
    expect(dialog.get_by_text("from openai import OpenAI").first).to_be_visible()
    assert "key-of-the-tests" not in page.content()


def test_a_link_leads_to_a_turn_of_another_branch_and_marks_it(app_server: AppServer, page: Page) -> None:
    long = "A line of the reply.\n\n" * 40
    replies = (tokens(["The first version."]), tokens(["The second version."]), tokens([long]))
    open_chat(page, app_server, *replies)
    say(page, "One")
    answered(page, "The first version.")
    button(last(page), "^Regenerate$").click()
    answered(page, "The second version.")
    second = page.evaluate(LAST_REPLY, app_server.url)
    say(page, "Two")
    answered(page, "A line of the reply.")
    button(bubbles(page).nth(-3), "Previous version").click()
    expect(last(page)).to_contain_text("The first version.")
    page.goto(f"{page.url}&turn={second}")
    marked = bubbles(page).filter(has_text="Found here")
    expect(marked).to_contain_text("The second version.")
    expect(last(page)).to_contain_text("A line of the reply.")
    expect(marked).to_be_in_viewport()
    expect(page).not_to_have_url(re.compile("turn="))
    expect(page.get_by_text("The first version.")).to_have_count(0)


LAST_REPLY = """async url => {
    const id = new URLSearchParams(location.search).get("chat")
    const answer = await fetch(`${url}/api/conversations/${id}`)
    return (await answer.json()).messages.at(-1).id
}"""
