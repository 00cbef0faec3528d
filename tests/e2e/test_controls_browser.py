"""Pause, resume, stop and continue in a real browser, and what a crash or a second tab must not cost."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from personachat.database.connection import FILE_NAME
from tests.e2e.conftest import AppServer, start_app, wait_for
from tests.fake_provider import FakeProvider, Gate, Reply, tokens

pytestmark = pytest.mark.browser


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def bubbles(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage")


def last(page: Page) -> Locator:
    return bubbles(page).last


def badge(page: Page, words: str) -> Locator:
    """At the last turn; a badge with a tooltip is there twice, once hidden."""
    return last(page).locator(".stMarkdownBadge").filter(has_text=words, visible=True)


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(name))


def open_chat(page: Page, url: str) -> None:
    page.goto(url)
    expect(box(page)).to_be_enabled()


def say(page: Page, words: str) -> None:
    box(page).fill(words)
    box(page).press("Enter")


def provider(server: AppServer, *replies: Reply) -> FakeProvider:
    assert server.provider
    server.provider.forget()
    server.provider.enqueue(*replies)
    return server.provider


def test_pause_holds_the_display_and_resume_loses_nothing(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    provider(app_server, tokens(["One ", gate, "two ", "three."]))
    open_chat(page, app_server.url)
    say(page, "Count")
    expect(last(page)).to_contain_text("One")
    button(page, "Pause").click()
    expect(badge(page, "Paused")).to_be_visible()
    gate.open()
    expect(button(page, "Resume")).to_be_visible()
    expect(last(page)).not_to_contain_text("two")
    button(page, "Resume").click()
    expect(last(page)).to_contain_text("One two three.")
    expect(last(page).get_by_text(re.compile(r"\d+ tokens"))).to_be_visible()
    expect(button(page, "Resume")).to_have_count(0)


def test_the_keyboard_pauses_resumes_and_stops(app_server: AppServer, page: Page) -> None:
    provider(app_server, tokens(["Kept words. ", Gate()]))
    open_chat(page, app_server.url)
    say(page, "Go")
    expect(last(page)).to_contain_text("Kept words.")
    page.keyboard.press("Alt+p")
    expect(badge(page, "Paused")).to_be_visible()
    page.keyboard.press("Alt+p")
    expect(button(page, "Pause")).to_be_visible()
    page.keyboard.press("Escape")
    expect(badge(page, "Stopped")).to_be_visible()
    expect(last(page)).to_contain_text("Kept words.")


def test_a_refresh_while_paused_shows_the_text_and_the_way_on(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    provider(app_server, tokens(["First half, ", gate, "second half."]))
    open_chat(page, app_server.url)
    say(page, "Tell me")
    expect(last(page)).to_contain_text("First half,")
    button(page, "Pause").click()
    expect(badge(page, "Paused")).to_be_visible()
    page.reload()
    expect(last(page)).to_contain_text("First half,")
    expect(badge(page, "Paused")).to_be_visible()
    gate.open()
    button(page, "Resume").click()
    expect(last(page)).to_contain_text("First half, second half.")


def test_a_paused_reply_can_be_stopped(app_server: AppServer, page: Page) -> None:
    provider(app_server, tokens(["So far. ", Gate()]))
    open_chat(page, app_server.url)
    say(page, "Go")
    expect(last(page)).to_contain_text("So far.")
    button(page, "Pause").click()
    expect(badge(page, "Paused")).to_be_visible()
    page.keyboard.press("Escape")
    expect(badge(page, "Stopped")).to_be_visible()
    expect(badge(page, "Paused")).to_have_count(0)
    expect(last(page)).to_contain_text("So far.")


def test_continue_extends_the_same_turn(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    fake = provider(app_server, tokens(["The first part, ", Gate()]), tokens([gate, "and the rest."]))
    open_chat(page, app_server.url)
    say(page, "Go")
    expect(last(page)).to_contain_text("The first part,")
    button(page.get_by_test_id("stBottom"), "Stop").click()
    expect(badge(page, "Stopped")).to_be_visible()
    count = bubbles(page).count()
    button(last(page), "Continue").click()
    fake.wait_for_chats(2)
    expect(button(page, "Pause")).to_be_visible()
    expect(last(page)).to_contain_text("The first part,")
    expect(badge(page, "Stopped")).to_have_count(0)
    gate.open()
    expect(last(page)).to_contain_text(re.compile(r"The first part,\s+and the rest\."))
    expect(last(page).get_by_text(re.compile(r"\d+ tokens"))).to_be_visible()
    expect(bubbles(page)).to_have_count(count)


def test_a_reply_cut_off_at_the_token_limit_can_go_on(app_server: AppServer, page: Page) -> None:
    provider(app_server, tokens(["Half of it"], finish="length"), tokens([" and the other half."]))
    open_chat(page, app_server.url)
    say(page, "Go")
    expect(badge(page, "Cut off at the token limit")).to_be_visible()
    button(last(page), "Continue").click()
    expect(last(page)).to_contain_text("Half of it and the other half.")
    expect(badge(page, "Cut off at the token limit")).to_have_count(0)


def test_two_tabs_show_the_same_stream(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    fake = provider(app_server, tokens(["Seen here ", gate, "and there."]))
    open_chat(page, app_server.url)
    say(page, "Go")
    expect(last(page)).to_contain_text("Seen here")
    other = page.context.new_page()
    other.goto(page.url)
    expect(last(other)).to_contain_text("Seen here")
    gate.open()
    for tab in (page, other):
        expect(last(tab)).to_contain_text("Seen here and there.")
    assert len(fake.chats) == 1


def test_a_pause_in_one_tab_is_seen_in_the_other(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    provider(app_server, tokens(["Seen here ", gate, "and there."]))
    open_chat(page, app_server.url)
    say(page, "Go")
    expect(last(page)).to_contain_text("Seen here")
    other = page.context.new_page()
    other.goto(page.url)
    expect(last(other)).to_contain_text("Seen here")
    button(other, "Pause").click()
    for tab in (page, other):
        expect(badge(tab, "Paused")).to_be_visible()
    gate.open()
    button(page, "Resume").click()
    for tab in (page, other):
        expect(last(tab)).to_contain_text("Seen here and there.")


def test_a_killed_server_costs_no_word_that_was_saved(tmp_path: Path, page: Page) -> None:
    with FakeProvider() as fake:
        fake.enqueue(tokens(["What had arrived. ", Gate()]), tokens(["And the rest."]))
        with start_app(tmp_path, provider=fake) as server:
            open_chat(page, server.url)
            say(page, "My question")
            expect(last(page)).to_contain_text("What had arrived.")
            wait_for_text(page, tmp_path / "data", "What had arrived.")
            query = page.url.partition("?")[2]
            server.kill()
        with start_app(tmp_path, provider=fake) as server:
            open_chat(page, f"{server.url}/?{query}")
            expect(bubbles(page).nth(-2)).to_contain_text("My question")
            expect(last(page)).to_contain_text("What had arrived.")
            expect(badge(page, "Interrupted")).to_be_visible()
            expect(button(last(page), "Retry")).to_be_visible()
            button(last(page), "Continue").click()
            expect(last(page)).to_contain_text(re.compile(r"What had arrived\.\s+And the rest\."))
            expect(badge(page, "Interrupted")).to_have_count(0)


def test_a_server_that_is_to_end_takes_no_new_words_and_interrupts_what_is_not_done(
    tmp_path: Path, page: Page
) -> None:
    with FakeProvider() as fake:
        fake.enqueue(tokens(["What had arrived. ", Gate()]), tokens(["Done."]))
        with start_app(
            tmp_path, provider=fake, environment={"PERSONACHAT_SHUTDOWN_SECONDS": "3600"}
        ) as server:
            open_chat(page, server.url)
            say(page, "My question")
            expect(last(page)).to_contain_text("What had arrived.")
            query = page.url.partition("?")[2]
            other = page.context.new_page()
            open_chat(other, server.url)
            server.process.terminate()
            wait_for_words(other, server.log, "Finishing 1 reply")
            say(other, "Too late")
            expect(other.get_by_test_id("stChatInputTextArea")).to_have_value("Too late")
            expect(other.get_by_text("PersonaChat is shutting down.")).to_be_visible()
            for _ in range(600):  # one right after the first would be its echo
                if badge(page, "Interrupted").is_visible():
                    break
                server.process.terminate()
                page.wait_for_timeout(50)
            expect(badge(page, "Interrupted")).to_be_visible()
            expect(last(page)).to_contain_text("What had arrived.")
            server.process.wait(15)
        with start_app(tmp_path, provider=fake) as server:
            open_chat(page, f"{server.url}/?{query}")
            expect(badge(page, "Interrupted")).to_be_visible()
            button(last(page), "Continue").click()
            expect(last(page)).to_contain_text(re.compile(r"What had arrived\.\s+Done\."))


def test_a_temporary_chat_is_not_in_the_database(app_server: AppServer, page: Page) -> None:
    provider(app_server, tokens(["Whispered back."]), tokens(["Aloud."]))
    open_chat(page, app_server.url)
    button(page.get_by_test_id("stMainBlockContainer"), "^More$").click()
    page.get_by_role("menuitem", name="Temporary chat").click()
    expect(page.get_by_text("Temporary chat: not saved")).to_be_visible()
    say(page, "A secret nobody may keep")
    expect(last(page)).to_contain_text("Whispered back.")
    expect(page.get_by_text("Temporary chat: not saved")).to_be_visible()
    page.reload()
    expect(last(page)).to_contain_text("Whispered back.")
    button(page, "New chat").first.click()
    expect(page.get_by_text("Temporary chat: not saved")).to_have_count(0)
    say(page, "This one is kept")
    expect(last(page)).to_contain_text("Aloud.")
    folder = app_server.personas_dir.with_name("data")
    wait_for_text(page, folder, "Aloud.")
    assert not found_in(folder, "A secret nobody may keep")
    assert not found_in(folder, "Whispered back.")


def wait_for_words(page: Page, log: Path, words: str) -> None:
    """Until the server has said them in its terminal."""
    wait_for(page, lambda: words in log.read_text("utf-8", "replace"))


def wait_for_text(page: Page, folder: Path, text: str) -> None:
    """Until the text has been written to the database."""
    wait_for(page, lambda: found_in(folder, text))


def found_in(folder: Path, text: str) -> bool:
    """Whether any turn in the database holds the text."""
    with closing(sqlite3.connect(f"file:{folder / FILE_NAME}?mode=ro", uri=True)) as database:
        return any(text in said for (said,) in database.execute("SELECT text FROM turns"))
