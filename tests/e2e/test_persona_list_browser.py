"""Many personas in a real browser: several changed at once, and one of them found for the chat."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from personachat.personas.store.folder import locked
from personachat.ui.personas.bulk_steps import STEP
from tests.conftest import persona_text
from tests.e2e.conftest import AppServer, settled, start_app, wait_for
from tests.fake_provider import FakeProvider
from tests.pictures.drawn import picture

pytestmark = pytest.mark.browser

MANY = 300


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """A server with more personas than a picker offers."""
    folder = tmp_path_factory.mktemp("crowd")
    personas = folder / "personas"
    personas.mkdir()
    for each in range(MANY):
        text = persona_text(f"extra-{each:03}", name=f"Extra {each:03}", tags=["crowd"])
        (personas / f"extra-{each:03}.json").write_text(text)
    with FakeProvider() as provider, start_app(folder, provider=provider) as server:
        yield server


def visible(page: Page, key: str) -> Locator:
    """The button under that key; those with a tooltip are in the page twice."""
    return page.locator(f".st-key-{key}").get_by_role("button").locator("visible=true").first


def tags_of(server: AppServer, persona_id: str) -> list[str]:
    return list(json.loads((server.personas_dir / f"{persona_id}.json").read_text()).get("tags", []))


def choose(page: Page, *names: str) -> None:
    """Begin to choose, search for each, choose it, and search for nothing."""
    visible(page, "choose_personas").click()
    search = page.get_by_label("Search personas")
    for count, name in enumerate(names, start=1):
        search.fill(name)
        page.get_by_test_id("stCheckbox").filter(has_text=name).click()
        expect(page.get_by_text(f"{count} selected")).to_be_visible()
    search.fill("")


def test_the_list_is_one_stop_for_the_keyboard_and_as_tall_as_the_window(
    crowd: AppServer, page: Page
) -> None:
    page.goto(f"{crowd.url}/personas?id=extra-001")
    rows = page.locator(".st-key-persona_rows button")
    current = page.locator(".st-key-persona_rows button[aria-current=true]")
    expect(current).to_have_count(1)
    expect(current).to_contain_text("Extra 001")
    expect(rows).to_have_count(50)
    settled(page)
    wait_for(page, lambda: rows.evaluate_all("all => all.filter(each => each.tabIndex === 0).length") == 1)

    current.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".st-key-persona-extra-002 button")).to_be_focused()
    page.keyboard.press("Home")
    expect(rows.first).to_be_focused()
    page.keyboard.press("End")
    expect(rows.last).to_be_focused()
    page.keyboard.press("PageUp")
    page.keyboard.press("Enter")
    expect(current).not_to_contain_text("Extra 001")

    height = "one => one.getBoundingClientRect().height"
    wait_for(page, lambda: 400 < page.locator(".st-key-persona_rows").evaluate(height) < 900)
    wait_for(page, lambda: page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"))

    page.goto(f"{crowd.url}/personas?id=extra-045")  # far down in its page of the list
    expect(current).to_contain_text("Extra 045")
    expect(current).to_be_in_viewport(ratio=1)


def test_a_search_draws_the_list_alone_and_finds_what_came_meanwhile(crowd: AppServer, page: Page) -> None:
    received: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    page.goto(f"{crowd.url}/personas?id=extra-001")
    rows = page.locator(".st-key-persona_rows button")
    expect(rows).to_have_count(50)
    settled(page)
    whole_page = len(received)
    newcomer = crowd.personas_dir / "newcomer.json"
    newcomer.write_text(persona_text("newcomer", name="Newcomer"))
    received.clear()

    page.get_by_label("Search personas").fill("Newcomer")
    expect(rows).to_have_count(1)
    settled(page)
    assert len(received) < whole_page / 4
    rows.click()
    expect(page.get_by_role("heading", name="Newcomer")).to_be_visible()
    expect(page.get_by_label("Search personas")).to_have_value("Newcomer")
    newcomer.unlink()


def test_several_get_a_tag_and_lose_it_again_and_are_exported_together(
    crowd: AppServer, page: Page, tmp_path: Path
) -> None:
    page.goto(f"{crowd.url}/personas")
    choose(page, "Extra 007", "Extra 290")

    visible(page, "tag_chosen").click()
    page.get_by_role("combobox", name=re.compile("Add")).fill("lead")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # leaves the list of tags, which lies over the button
    visible(page, "apply_tags").click()
    expect(page.get_by_text("Changed the tags of 2 personas.")).to_be_visible()
    assert tags_of(crowd, "extra-007") == tags_of(crowd, "extra-290") == ["crowd", "lead"]

    visible(page, "undo_bulk").click()
    expect(page.get_by_text("Undid the change to 2 personas.")).to_be_visible()
    assert tags_of(crowd, "extra-007") == tags_of(crowd, "extra-290") == ["crowd"]

    with page.expect_download() as downloading:
        visible(page, "export_chosen").click()
    downloading.value.save_as(tmp_path / "personas.zip")
    with zipfile.ZipFile(tmp_path / "personas.zip") as bundle:
        there = (crowd.personas_dir / "extra-290.json").read_bytes()
        assert bundle.read("personas/extra-290.json") == there
        assert {name for name in bundle.namelist() if name.startswith("personas/")} == {
            "personas/extra-007.json",
            "personas/extra-290.json",
        }


NOTES_WHERE_UNDO_IS = """window.placesOfUndo = new Set()
new MutationObserver(() => {
  const undo = document.querySelector(".st-key-undo_bulk button")
  if (undo) placesOfUndo.add(Math.round(undo.getBoundingClientRect().x))
}).observe(document, { childList: true, subtree: true, attributes: true })"""
"""Whoever clicks it at once would miss it if it moved."""


def test_many_are_deleted_with_a_stop_in_between_and_all_come_back(crowd: AppServer, page: Page) -> None:
    page.add_init_script(NOTES_WHERE_UNDO_IS)
    page.goto(f"{crowd.url}/personas")
    visible(page, "choose_personas").click()
    page.get_by_label("Search personas").fill("Extra")
    expect(page.get_by_text("1 to 50 of 300")).to_be_visible()
    visible(page, "choose_all").click()
    expect(page.get_by_text("300 selected")).to_be_visible()

    visible(page, "delete_chosen").click()
    visible(page, "confirm_delete_many").click()
    # The first few go before the page is drawn anew: one more is gone only once it shows how far it is.
    wait_for(page, lambda: len(list(crowd.personas_dir.glob("extra-*.json"))) < MANY - STEP)
    with locked(crowd.personas_dir):  # so that it is not through before the click
        expect(page.get_by_text(re.compile("Deleting .* of 300 personas"))).to_be_visible()
        visible(page, "stop_bulk").click()
    expect(page.get_by_text(re.compile(r"Deleted \d+ personas"))).to_be_visible()
    left = len(list(crowd.personas_dir.glob("extra-*.json")))
    assert 0 < left < MANY

    visible(page, "undo_bulk").click()
    assert len(page.evaluate("[...placesOfUndo]")) == 1
    expect(page.get_by_text(f"Restored {MANY - left} personas.")).to_be_visible()
    assert len(list(crowd.personas_dir.glob("extra-*.json"))) == MANY


def test_the_closed_picker_shows_the_picture_of_whom_one_talks_to(app_server: AppServer, page: Page) -> None:
    folder = app_server.personas_dir
    for name, avatar in (("pictured", "🦊"), ("faceless", "🦉"), ("plain", "")):
        text = persona_text(name, name=f"Ms {name.title()}", avatar=avatar)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    for name in ("pictured", "plain"):
        (folder / f"{name}.png").write_bytes(picture())
    for name, has_picture in (("pictured", True), ("faceless", False), ("plain", True)):
        page.goto(f"{app_server.url}/?persona={name}")
        expect(page.get_by_placeholder(f"Message Ms {name.title()}")).to_be_visible()
        expect(page.locator(".st-key-persona_choice [data-face]")).to_have_count(int(has_picture))
        if has_picture:
            face = page.locator(".st-key-persona_choice [data-face]")
            shown = "getComputedStyle(arguments[0], '::after').backgroundImage"
            found = face.evaluate(f"(...arguments) => {shown}")
            assert re.search(r'url\("http.*/media/', found)


def test_one_of_many_is_found_by_typing_and_talked_to(crowd: AppServer, page: Page) -> None:
    page.goto(crowd.url)
    picker = page.get_by_role("combobox", name=re.compile("Persona"))
    picker.click()
    page.get_by_role("option", name="Find another persona…").click()

    dialog = page.get_by_role("dialog")
    dialog.get_by_role("searchbox").fill("extra 287")
    hit = dialog.get_by_role("button", name="Extra 287")
    expect(hit).to_be_visible()
    expect(dialog.get_by_role("button", name=re.compile("^Extra|^\\S* Extra"))).to_have_count(1)
    hit.click()

    expect(dialog).to_be_hidden()
    expect(page).to_have_url(re.compile("persona=extra-287"))
    expect(page.get_by_placeholder("Message Extra 287")).to_be_visible()
