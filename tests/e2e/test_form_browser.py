"""The form beside the real Ace editor: one text, and no key of it is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.e2e.conftest import AppServer, expect_json, open_json, wait_for, wait_until

pytestmark = pytest.mark.browser

WRITTEN = """{
    "id": "ID",
    "name": "Ada",    "systemPrompt": "Be brief.",
    "maxTokens": 700, "starters": [ "One?" ],
    "topP": 0.333,
    "extensions": {"theirs": {"odd" :[1,2.50]}}
}
"""


def put(server: AppServer, persona_id: str) -> Path:
    path = server.personas_dir / f"{persona_id}.json"
    path.write_text(WRITTEN.replace("ID", persona_id), encoding="utf-8")
    return path


def open_persona(page: Page, server: AppServer, persona_id: str) -> None:
    page.goto(f"{server.url}/personas?id={persona_id}")
    open_json(page)
    expect_json(page, f'"{persona_id}"')


def ace(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title$='ace']").first


def lines(page: Page) -> Locator:
    return ace(page).locator(".ace_text-layer")


def type_behind(page: Page, words: str, keys: str) -> None:
    """Type into Ace, behind the first place where `words` stand."""
    find = "(box, words) => { const it = box.env.editor; it.focus(); it.find(words); it.clearSelection(); }"
    ace(page).locator(".ace_editor").evaluate(find, words)
    page.keyboard.type(keys)


def tab(page: Page, name: str) -> Locator:
    return page.get_by_role("tab", name=name)


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=name, exact=True)


def save(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Save( Shortcut|$)")).click()
    expect(page.locator(".stMarkdownBadge", has_text=re.compile("Saved"))).to_be_visible()


def test_form_and_json_follow_each_other_and_all_else_stays_as_it_was(
    app_server: AppServer, page: Page
) -> None:
    path = put(app_server, "followed")
    open_persona(page, app_server, "followed")
    tab(page, "Prompt").click()
    box(page, "Name").fill("Grace")
    box(page, "System prompt").fill("Be long.")
    box(page, "Starter 2").fill("Two?")
    expect(box(page, "Starter 3")).to_be_visible()
    tab(page, "JSON").click()
    expect_json(page, '"Grace"')
    expect_json(page, '"Be long."')

    type_behind(page, "Grace", " H.")
    expect_json(page, '"Grace H."')
    tab(page, "Prompt").click()
    expect(box(page, "Name")).to_have_value("Grace H.")
    save(page)

    expected = WRITTEN.replace("ID", "followed").replace("Ada", "Grace H.").replace("Be brief.", "Be long.")
    assert path.read_text(encoding="utf-8") == expected.replace('"One?"', '"One?", "Two?"')


def test_keys_hit_right_before_another_tab_are_in_the_form(app_server: AppServer, page: Page) -> None:
    path = put(app_server, "late")
    open_persona(page, app_server, "late")
    type_behind(page, "Ada", "!")
    tab(page, "Prompt").click()
    expect(box(page, "Name")).to_have_value("Ada!")

    box(page, "Name").fill("Ada!?")
    tab(page, "Preview").click()
    expect(page.get_by_text("System message")).to_be_visible()
    tab(page, "JSON").click()
    expect_json(page, '"Ada!?"')
    save(page)
    assert path.read_text(encoding="utf-8") == WRITTEN.replace("ID", "late").replace("Ada", "Ada!?")


EDITOR_IS_WHOLE = """() => {
  const frame = document.querySelector(`iframe[title$='ace']`)
  const editor = frame?.contentDocument?.querySelector(".ace_editor")
  return Boolean(editor) && editor.clientHeight > 200 && frame.clientHeight >= editor.clientHeight
}"""


def test_an_editor_that_was_hidden_comes_back_at_its_full_height(app_server: AppServer, page: Page) -> None:
    put(app_server, "tall")
    open_persona(page, app_server, "tall")
    wait_until(page, EDITOR_IS_WHOLE)
    for name in ("Prompt", "JSON", "Preview", "JSON"):
        tab(page, name).click()
        expect(tab(page, name)).to_have_attribute("aria-selected", "true")

    expect_json(page, '"tall"')
    wait_until(page, EDITOR_IS_WHOLE)


def test_another_model_and_another_avatar_are_written_by_hand(app_server: AppServer, page: Page) -> None:
    path = put(app_server, "chosen")
    open_persona(page, app_server, "chosen")
    tab(page, "Prompt").click()
    for name, value in (("Model", "my/own-model"), ("Avatar", "🦉")):
        page.get_by_role("combobox", name=name).fill(value)
        page.keyboard.press("Enter")
        expect(page.get_by_role("combobox", name=name)).to_have_value(value)
    save(page)

    saved = json.loads(path.read_text(encoding="utf-8"))
    assert (saved["model"], saved["avatar"], saved["maxTokens"]) == ("my/own-model", "🦉", 700)

    page.get_by_role("button", name="Choose an avatar").click()
    page.get_by_role("radio", name="gavel").click()
    expect(page.get_by_role("combobox", name="Avatar")).to_have_value("gavel")
    page.keyboard.press("Escape")
    save(page)
    assert json.loads(path.read_text(encoding="utf-8"))["avatar"] == ":material/gavel:"


def test_the_form_fits_a_phone(app_server: AppServer, page: Page) -> None:
    put(app_server, "slim")
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{app_server.url}/personas?id=slim")
    tab(page, "Prompt").click()
    expect(box(page, "Starter 2")).to_be_visible()

    wait_for(page, lambda: page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0)
    wait_for(page, lambda: box(page, "Starter 1").evaluate("box => box.clientWidth") > 200)
