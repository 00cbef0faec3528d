"""A persona's whole life in a real browser: from a template to another machine, with every step between."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import AppServer, expect_json, open_json, settled, start_app
from tests.e2e.test_form_browser import box, tab
from tests.e2e.test_gallery_browser import open_dialog
from tests.e2e.test_personas_browser import badge, button

pytestmark = pytest.mark.browser


def visible(page: Page, name: str) -> None:
    """Click the button of that name; those with a tooltip are in the page twice."""
    page.get_by_role("button", name=name, exact=True).locator("visible=true").first.click()


def choose(page: Page, action: str) -> None:
    """Choose something in the persona's menu."""
    page.locator(".st-key-persona_menu").get_by_role("button").locator("visible=true").first.click()
    page.get_by_text(action).click()


def test_from_a_template_through_its_versions_to_another_server(
    app_server: AppServer, page: Page, browser: Browser, tmp_path: Path
) -> None:
    dialog = open_dialog(page, app_server)
    dialog.get_by_label("Search templates").fill("outage")
    expect(dialog.get_by_role("button", name="Use this")).to_have_count(1)
    dialog.get_by_role("button", name="Use this").click()
    open_json(page)
    expect_json(page, '"incident-guide"')

    tab(page, "Prompt").click()
    box(page, "Name").fill("Fire brigade")
    tab(page, "JSON").click()
    expect_json(page, '"Fire brigade"')
    button(page, "Save").click()
    expect(badge(page, "Saved")).to_be_visible()

    tab(page, "Prompt").click()
    box(page, "Name").fill("Bucket chain")
    button(page, "Save").click()
    expect(badge(page, "Saved")).to_be_visible()

    tab(page, "History").click()
    expect(page.get_by_role("button", name="Revision 2")).to_be_visible()
    expect(page.locator("del", has_text="Fire brigade")).to_be_visible()
    expect(page.locator("ins", has_text="Bucket chain")).to_be_visible()
    page.get_by_role("button", name="Revision 1").click()
    expect(page.get_by_role("button", name="Restore")).to_be_enabled()
    visible(page, "Restore")
    expect(page.get_by_role("button", name="Revision 3")).to_be_visible()
    file = app_server.personas_dir / "incident-guide.json"
    restored = json.loads(file.read_text(encoding="utf-8"))
    assert restored["name"] == "Fire brigade"

    choose(page, "Export…")
    export = page.get_by_role("dialog")
    export.get_by_role("combobox").click()
    page.get_by_role("option", name="Character Card (PNG)").click()
    expect(export.get_by_text("A picture with the card inside")).to_be_visible()
    settled(page)
    with page.expect_download() as downloading:
        export.get_by_role("button", name="Download").click()
    card = tmp_path / "card.png"
    downloading.value.save_as(card)

    with start_app(tmp_path / "elsewhere") as other:
        there = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        there.goto(f"{other.url}/personas")
        visible(there, "Import")
        there.get_by_role("dialog").locator("input[type=file]").set_input_files(card)
        expect(there.get_by_role("dialog").get_by_text("Fire brigade")).to_be_visible()
        assert not (other.personas_dir / "incident-guide.json").exists()
        there.get_by_role("dialog").get_by_role("button", name="Import 1").click()
        open_json(there)
        expect_json(there, '"Fire brigade"')
        arrived = json.loads((other.personas_dir / "incident-guide.json").read_text(encoding="utf-8"))
        there.context.close()
    assert arrived == restored
