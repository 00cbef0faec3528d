"""Personas that leave as files and by links, and come in elsewhere, each shown before it is saved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from personachat.personas.persona import Persona, parse_persona
from personachat.ui.wording import JOINER
from tests.e2e.conftest import AppServer, expect_json, open_json, settled, start_app
from tests.e2e.test_persona_life_browser import choose, visible
from tests.e2e.test_personas_browser import badge, open_persona, persona_text, put, row, write

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x> **Nell** [bread](https://example.org) www.example.org"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """Another PersonaChat, with personas of its own."""
    with start_app(tmp_path_factory.mktemp("other")) as server:
        yield server


@pytest.fixture
def visitor(browser: Browser, page: Page) -> Iterator[Page]:
    """A browser that knows nothing of the first one; `page` has set how patient both are."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def stored(server: AppServer, persona_id: str) -> Persona:
    return parse_persona((server.personas_dir / f"{persona_id}.json").read_text(encoding="utf-8"))


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def begin_import(page: Page, server: AppServer, *files: Path, persona_id: str = "") -> Locator:
    """Open the dialog and give it these files."""
    page.goto(f"{server.url}/personas?id={persona_id}" if persona_id else f"{server.url}/personas")
    visible(page, "Import")
    expect(dialog(page).get_by_text("Nothing is saved until you have seen")).to_be_visible()
    dialog(page).locator("input[type=file]").set_input_files(list(files))
    return dialog(page)


def link_in(asked: Locator, kind: str) -> str:
    code = asked.locator("code", has_text=re.compile(rf"^http\S*/{re.escape(kind)}"))
    return code.first.inner_text()


def test_a_picture_from_here_is_seen_there_before_it_meets_what_is_there(
    app_server: AppServer, other: AppServer, page: Page, visitor: Page, tmp_path: Path
) -> None:
    put(app_server, "nell", "Nell", temperature=0.9, topP=0.5)
    mine = put(other, "nell", "Nell", temperature=0.1)
    open_persona(page, app_server, "nell")
    choose(page, "Export…")
    dialog(page).get_by_role("combobox").click()
    page.get_by_role("option", name="Character Card (PNG)").click()
    expect(dialog(page).get_by_text("A picture with the card inside")).to_be_visible()
    settled(page)
    with page.expect_download() as downloading:
        dialog(page).get_by_role("button", name="Download").click()
    card = tmp_path / "nell.png"
    downloading.value.save_as(card)

    asked = begin_import(visitor, other, card)
    expect(asked.get_by_text("Differs from yours")).to_be_visible()
    expect(asked.get_by_role("button", name="Nothing to import")).to_be_disabled()
    asked.get_by_text("What differs").click()
    expect(asked.locator("del", has_text="0.1")).to_be_visible()
    expect(asked.locator("ins", has_text="0.9")).to_be_visible()
    before = mine.read_bytes()
    asked.get_by_text("Keep both", exact=True).click()
    asked.get_by_role("button", name="Import 1").click()
    expect(asked).to_have_count(0)
    open_json(visitor)
    expect_json(visitor, '"nell-2"')
    assert mine.read_bytes() == before
    assert stored(other, "nell-2") == stored(app_server, "nell").model_copy(update={"id": "nell-2"})

    asked = begin_import(visitor, other, card, persona_id="nell")
    asked.get_by_text("Use theirs", exact=True).click()
    asked.get_by_role("button", name="Import 1").click()
    expect_json(visitor, "0.9")
    assert stored(other, "nell") == stored(app_server, "nell")


def test_what_is_no_persona_is_refused_in_a_sentence_and_escape_keeps_edits(
    app_server: AppServer, page: Page, tmp_path: Path
) -> None:
    put(app_server, "kept", "Kept")
    open_persona(page, app_server, "kept")
    write(page, persona_text("kept", "Half done"))
    expect(badge(page, "Unsaved")).to_be_visible()
    garbage, good = tmp_path / "holiday.png", tmp_path / "good.json"
    garbage.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x00" * 200)
    good.write_text(persona_text("good-one", "Good one"), encoding="utf-8")
    visible(page, "Import")
    dialog(page).locator("input[type=file]").set_input_files([garbage, good])
    expect(dialog(page).get_by_text("holiday.png was not imported")).to_be_visible()
    expect(dialog(page).get_by_role("button", name="Import 1")).to_be_enabled()
    assert "Traceback" not in dialog(page).inner_text()

    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    assert not (app_server.personas_dir / "good-one.json").exists()
    expect_json(page, '"Half done"')
    expect(badge(page, "Unsaved")).to_be_visible()
    expect(row(page, "Good one")).to_have_count(0)


def test_a_link_is_a_preview_in_plain_text_until_it_is_accepted(
    app_server: AppServer, other: AppServer, page: Page, visitor: Page
) -> None:
    put(app_server, "baker", HOSTILE, description=HOSTILE, starters=[HOSTILE], greeting=HOSTILE)
    open_persona(page, app_server, "baker")
    choose(page, "Share…")
    link = link_in(dialog(page), "received?persona=")
    assert link.startswith(app_server.url)
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)

    visitor.goto(link.replace(app_server.url, other.url))
    main = visitor.get_by_test_id("stMain")
    expect(main.get_by_text("Nothing has been saved or sent")).to_be_visible()
    title = visitor.get_by_role("heading", name="Nell").inner_text()
    assert HOSTILE in title.replace(JOINER, "")
    expect(main.locator("a, img")).to_have_count(0)
    assert not (other.personas_dir / "baker.json").exists()
    visible(visitor, "Add to my personas")
    expect(main.get_by_text("It is one of your personas now.")).to_be_visible()
    assert stored(other, "baker") == stored(app_server, "baker")
    visible(visitor, "Open in the editor")
    open_json(visitor)
    expect_json(visitor, '"baker"')


def test_a_short_link_shows_nothing_once_it_is_revoked(
    app_server: AppServer, page: Page, visitor: Page
) -> None:
    put(app_server, "guest", "Guest of honour")
    open_persona(page, app_server, "guest")
    choose(page, "Share…")
    visible(page, "Create short link")
    expect(dialog(page).get_by_text("received?token=")).to_be_visible()
    link = link_in(dialog(page), "received?token=")

    visitor.goto(link)
    expect(visitor.get_by_role("heading", name="Guest of honour")).to_be_visible()
    visible(page, "Revoke")
    expect(dialog(page).get_by_role("button", name="Create short link")).to_be_visible()
    visitor.reload()
    expect(visitor.get_by_text("This link contains no persona")).to_be_visible()
    expect(visitor.get_by_text("Guest of honour")).to_have_count(0)
