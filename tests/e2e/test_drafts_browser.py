"""Nothing typed on the personas page is lost, and Save saves what is on the screen, in a real browser."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import persona_text
from tests.e2e.conftest import AppServer, open_json, settled, start_app, wait_for, wait_until

pytestmark = pytest.mark.browser

EDITOR = (
    "document.querySelector('iframe[title$=ace]').contentDocument.querySelector('.ace_editor').env.editor"
)


def put(server: AppServer, persona_id: str, **keys: object) -> Path:
    path = server.personas_dir / f"{persona_id}.json"
    text = json.dumps(json.loads(persona_text(persona_id, **keys)), indent=2)
    path.write_text(text, encoding="utf-8")
    return path


def open_form(page: Page, server: AppServer, persona_id: str) -> None:
    page.goto(f"{server.url}/personas?id={persona_id}")
    page.get_by_role("tab", name="Prompt").click()
    expect(page.get_by_role("textbox", name="System prompt")).to_be_visible()
    expect(page.locator("[data-prompt-colours]")).to_be_attached()  # the page's module has done its part
    settled(page)


def badge(page: Page, words: str) -> None:
    expect(page.locator(".stMarkdownBadge", has_text=re.compile(words))).to_be_visible()


def saved(path: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return read


def drafts_hold(server: AppServer, words: str) -> bool:
    """Whether these words are in a draft that the server's database keeps."""
    file = server.personas_dir.with_name("data") / "personachat.sqlite3"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return any(words in text for (text,) in database.execute("SELECT text FROM persona_drafts") if text)


def type_at_the_end(page: Page, label: str, words: str) -> None:
    page.get_by_role("textbox", name=label).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(words)


def test_what_is_still_in_a_field_survives_a_reload_and_is_listed(app_server: AppServer, page: Page) -> None:
    put(app_server, "reloaded", systemPrompt="Be brief.")
    open_form(page, app_server, "reloaded")
    type_at_the_end(page, "System prompt", " And kind.")
    badge(page, "Unsaved")
    expect(page.get_by_role("textbox", name="System prompt")).to_be_focused()

    page.reload()
    badge(page, "Unsaved")
    page.get_by_role("tab", name="Prompt").click()
    expect(page.get_by_role("textbox", name="System prompt")).to_have_value("Be brief. And kind.")
    expect(page.get_by_text("1 draft", exact=True)).to_be_visible()


def test_the_first_click_on_save_takes_the_field_with_the_cursor(app_server: AppServer, page: Page) -> None:
    path = put(app_server, "clicked", systemPrompt="Be brief.")
    before = set(saved(path))
    open_form(page, app_server, "clicked")
    box = page.locator(".st-key-save button").filter(visible=True).bounding_box()
    assert box
    type_at_the_end(page, "System prompt", " At once.")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    expect(page.get_by_test_id("stToast")).to_contain_text("Saved")
    badge(page, "^.*Saved")
    assert saved(path)["systemPrompt"] == "Be brief. At once."
    assert set(saved(path)) == before


def test_a_shortcut_saves_from_a_field_and_from_the_editor(app_server: AppServer, page: Page) -> None:
    path = put(app_server, "shortcut", systemPrompt="Be brief.")
    open_form(page, app_server, "shortcut")
    type_at_the_end(page, "System prompt", " From the form.")
    page.keyboard.press("Control+s")
    expect(page.get_by_test_id("stToast")).to_contain_text("Saved")
    assert saved(path)["systemPrompt"] == "Be brief. From the form."

    page.get_by_role("tab", name="JSON").click()
    inside = page.frame_locator("iframe[title$='ace']").locator(".ace_content")
    expect(inside).to_contain_text("From the form.")
    inside.click(position={"x": 60, "y": 10})
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(path.read_text(encoding="utf-8").replace("From the form", "From the editor"))
    page.keyboard.press("Control+s")
    expect(page.get_by_test_id("stToast").filter(has_text="system prompt").last).to_be_visible()
    badge(page, "Saved")
    assert saved(path)["systemPrompt"] == "Be brief. From the editor."


def test_keys_alone_move_between_the_editor_the_list_and_try_out(app_server: AppServer, page: Page) -> None:
    put(
        app_server,
        "long",
        starters=[f"Question {n}?" for n in range(12)],
        tags=[f"tag {n}" for n in range(45)],
    )
    page.goto(f"{app_server.url}/personas?id=long")
    open_json(page)
    frame = page.frame_locator("iframe[title$='ace']")
    expect(frame.locator(".ace_content")).to_contain_text('"long"')
    bottom = "one => one.getBoundingClientRect().bottom"
    wait_for(page, lambda: page.locator("iframe[title$='ace']").evaluate(bottom) < 900)
    frame.locator(".ace_content").click(position={"x": 60, "y": 10})
    page.keyboard.press("Control+End")
    wait_until(page, f"() => {EDITOR}.getFirstVisibleRow() > 5")
    page.keyboard.press("Control+f")
    expect(frame.locator(".ace_search_field").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(frame.locator(".ace_search_field").first).to_be_hidden()
    expect(frame.locator(".ace_text-input").first).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    wait_until(page, "() => document.activeElement?.tagName !== 'IFRAME'")

    frame.locator(".ace_text-input").first.focus()
    page.keyboard.press("Alt+t")
    expect(page.get_by_test_id("stChatInputTextArea")).to_be_focused()
    page.keyboard.press("Alt+t")
    expect(frame.locator(".ace_text-input").first).to_be_focused()
    page.keyboard.press("Control+p")
    expect(page.get_by_label("Search personas")).to_be_focused()
    page.get_by_role("tab", name="Prompt").click()
    page.get_by_role("textbox", name="System prompt").click()
    page.keyboard.press("Alt+t")
    expect(page.get_by_test_id("stChatInputTextArea")).to_be_focused()
    page.keyboard.press("Alt+t")
    expect(page.get_by_role("textbox", name="System prompt")).to_be_focused()


def test_two_tabs_with_one_draft_notice_each_other(app_server: AppServer, page: Page) -> None:
    put(app_server, "shared", systemPrompt="Be brief.", description="Short.")
    open_form(page, app_server, "shared")
    other = page.context.new_page()
    open_form(other, app_server, "shared")
    type_at_the_end(page, "System prompt", " One.")
    badge(page, "Unsaved")

    expect(other.get_by_text("is also open in another tab")).to_be_visible()
    expect(other.get_by_role("textbox", name="System prompt")).to_have_value("Be brief. One.")
    type_at_the_end(other, "Description", " Two.")
    expect(page.get_by_text("is also open in another tab")).to_be_visible()
    expect(page.get_by_role("textbox", name="Description")).to_have_value("Short. Two.")
    expect(page.get_by_role("textbox", name="System prompt")).to_have_value("Be brief. One.")


def test_a_draft_survives_a_killed_server(app_server: AppServer, tmp_path: Path, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    with start_app(tmp_path, provider=app_server.provider) as server:
        put(server, "killed", systemPrompt="Be brief.")
        open_form(page, server, "killed")
        type_at_the_end(page, "System prompt", " And kept.")
        badge(page, "Unsaved")
        wait_for(page, lambda: drafts_hold(server, "Be brief. And kept."))  # a second after the last key
        server.kill()
    context.close()
    with start_app(tmp_path, provider=app_server.provider) as server:
        context = browser.new_context()
        page = context.new_page()
        open_form(page, server, "killed")
        expect(page.get_by_role("textbox", name="System prompt")).to_have_value("Be brief. And kept.")
        context.close()
