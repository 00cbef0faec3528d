"""Writing a prompt in a real browser: its colours, what counts in it, and find and replace."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import AppServer, settled, wait_for

pytestmark = pytest.mark.browser

PROMPT = "# Role\nYou help **{{user}}** at {{company}}.\n\n- Use `code`.\n- One cat, two cats, three CATS.\n"


def put(server: AppServer, persona_id: str, **keys: object) -> Path:
    path = server.personas_dir / f"{persona_id}.json"
    persona = {"id": persona_id, "name": "Ada", "systemPrompt": PROMPT, "temperature": 0.7} | keys
    path.write_text(json.dumps(persona, indent=2) + "\n", encoding="utf-8")
    return path


def prompt(page: Page) -> Locator:
    return page.get_by_role("textbox", name="System prompt")


def open_prompt(page: Page, server: AppServer, persona_id: str) -> None:
    page.goto(f"{server.url}/personas?id={persona_id}")
    expect(prompt(page)).to_have_value(re.compile("# Role"))
    expect(page.locator("[data-prompt-colours] [data-kind=heading]").first).to_have_text("# Role\n")
    settled(page)


def saved(path: Path) -> str:
    return str(json.loads(path.read_text(encoding="utf-8"))["systemPrompt"])


def test_a_prompt_is_coloured_counted_as_it_is_typed_and_saved_to_the_letter(
    app_server: AppServer, page: Page
) -> None:
    path = put(app_server, "writer")
    open_prompt(page, app_server, "writer")
    placeholders = page.locator("[data-prompt-colours] [data-kind=placeholder]")
    expect(placeholders).to_have_text(["{{user}}", "{{company}}"])
    wait_for(page, lambda: prompt(page).evaluate("one => one.getBoundingClientRect().height") > 300)
    expect(page.get_by_text("17 words, about 24 tokens in the prompt")).to_be_visible()

    prompt(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\n{{topic}}  \n")
    expect(placeholders).to_have_text(["{{user}}", "{{company}}", "{{topic}}"])
    expect(page.get_by_text("18 words, about 27 tokens in the prompt")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(page.get_by_test_id("stToast")).to_contain_text("Saved")
    assert saved(path) == f"{PROMPT}\n{{{{topic}}}}  \n"


def test_a_finding_in_the_prompt_leads_to_its_line_there(app_server: AppServer, page: Page) -> None:
    long = PROMPT + "\n".join(f"- Rule {number}: " + "be kind. " * 30 for number in range(60))
    put(app_server, "found", systemPrompt=f"{long}\nGreet {{{{usr}}}}.\n")
    open_prompt(page, app_server, "found")
    page.get_by_role("button", name="Line 66").click()
    expect(prompt(page)).to_be_focused()
    chosen = "field => field.value.slice(field.selectionStart, field.selectionEnd)"
    wait_for(page, lambda: prompt(page).evaluate(chosen) == "Greet {{usr}}.")
    wait_for(page, lambda: prompt(page).evaluate("field => field.scrollTop") > 0)
    settled(page)
    assert prompt(page).evaluate(chosen) == "Greet {{usr}}."


def test_find_and_replace_is_worked_by_keyboard_and_can_be_undone(app_server: AppServer, page: Page) -> None:
    path = put(app_server, "finder")
    open_prompt(page, app_server, "finder")
    prompt(page).click(position={"x": 30, "y": 20})
    page.keyboard.press("Control+f")
    bar = page.get_by_role("search", name="Find and replace in the prompt")
    expect(bar.get_by_label("Find", exact=True)).to_be_focused()
    page.keyboard.type("cat")
    expect(bar.get_by_role("status")).to_have_text("1 of 3")
    page.keyboard.press("Enter")
    expect(bar.get_by_role("status")).to_have_text("2 of 3")
    expect(page.locator("mark[data-current]")).to_have_text("cat")
    bar.get_by_label("Aa: match case").check()
    expect(bar.get_by_role("status")).to_have_text(re.compile("of 2$"))
    bar.get_by_label("Replace with").fill("dog")
    bar.get_by_role("button", name="Replace all").click()
    replaced = PROMPT.replace("cat", "dog")
    expect(prompt(page)).to_have_value(replaced)

    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    expect(prompt(page)).to_be_focused()
    page.keyboard.press("Control+z")
    expect(prompt(page)).to_have_value(PROMPT)
    page.keyboard.press("Control+Shift+z")
    expect(prompt(page)).to_have_value(replaced)
    page.keyboard.press("Control+s")
    expect(page.get_by_test_id("stToast")).to_contain_text("Saved")
    assert saved(path) == replaced
    page.keyboard.press("Tab")
    expect(prompt(page)).not_to_be_focused()
