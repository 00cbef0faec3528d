"""Beginning a persona in a real browser: from a template by keyboard, from a description as it streams."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.authoring.test_drafting import WISH, WRITTEN
from tests.e2e.conftest import (
    AppServer,
    expect_json,
    open_json,
    settled,
    type_while_runs_begin,
    wait_for,
)
from tests.e2e.test_personas_browser import badge, button
from tests.fake_provider import Gate, tokens

pytestmark = pytest.mark.browser


def open_dialog(page: Page, server: AppServer) -> Locator:
    page.goto(f"{server.url}/personas")
    button(page, "Create new").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Use this").first).to_be_visible()
    return dialog


def test_a_template_is_found_and_opened_by_keyboard_and_saved(app_server: AppServer, page: Page) -> None:
    dialog = open_dialog(page, app_server)
    settled(page)
    type_while_runs_begin(page, dialog.get_by_label("Search templates"), "outage")
    use = dialog.get_by_role("button", name="Use this")
    expect(use).to_have_count(1)
    expect(dialog.get_by_text("Incident guide")).to_be_visible()

    settled(page)
    use.focus()
    page.keyboard.press("Enter")

    expect(dialog).to_have_count(0)
    open_json(page)
    expect_json(page, '"incident-guide"')
    expect(badge(page, "Unsaved")).to_be_visible()
    path = app_server.personas_dir / "incident-guide.json"
    assert not path.exists()
    button(page, "Save").click()
    expect(badge(page, "Saved")).to_be_visible()
    assert json.loads(path.read_text(encoding="utf-8"))["name"] == "Incident guide"


def test_a_described_persona_streams_in_and_stays_through_a_refresh(
    app_server: AppServer, page: Page
) -> None:
    assert app_server.provider is not None
    gate, text = Gate(), json.dumps(WRITTEN, indent=2)
    app_server.provider.enqueue(tokens([text[:200], gate, text[200:]]))
    dialog = open_dialog(page, app_server)
    dialog.get_by_role("tab", name="Describe it").click()
    dialog.get_by_label("Who should it be").fill(WISH)
    page.keyboard.press("Control+Enter")

    expect(dialog).to_have_count(0)
    expect(page.get_by_test_id("stCode")).to_contain_text("Teaches SQL with ledgers.")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.reload()
    expect(page.get_by_test_id("stCode")).to_contain_text("Teaches SQL with ledgers.")
    gate.open()

    expect(page.get_by_role("textbox", name="System prompt")).to_be_visible()
    open_json(page)
    expect_json(page, '"sql-tutor"')
    expect(badge(page, "Unsaved")).to_be_visible()
    button(page, "Save").click()
    expect(badge(page, "Saved")).to_be_visible()
    saved = json.loads((app_server.personas_dir / "sql-tutor.json").read_text(encoding="utf-8"))
    assert saved["systemPrompt"] == WRITTEN["systemPrompt"]


def test_the_dialog_fits_a_narrow_window(app_server: AppServer, page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 850})
    dialog = open_dialog(page, app_server)

    for name in ("Templates", "Describe it", "Blank or a copy"):
        dialog.get_by_role("tab", name=name).click()
        expect(dialog.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        wait_for(page, lambda: page.evaluate("document.scrollingElement.scrollWidth") <= 400)
        wait_for(page, lambda: dialog.evaluate("element => element.scrollWidth - element.clientWidth") <= 0)
