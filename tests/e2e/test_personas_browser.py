"""The personas page in a real browser, with the real Ace editor."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.e2e.conftest import AppServer, drawn, expect_json, open_json, settled, wait_until

pytestmark = pytest.mark.browser


def persona_text(persona_id: str, name: str, **more: object) -> str:
    return json.dumps({"id": persona_id, "name": name, "systemPrompt": "Be brief.", **more}, indent=2) + "\n"


def put(server: AppServer, persona_id: str, name: str, **more: object) -> Path:
    path = server.personas_dir / f"{persona_id}.json"
    path.write_text(persona_text(persona_id, name, **more), encoding="utf-8")
    return path


def open_persona(page: Page, server: AppServer, persona_id: str) -> None:
    page.goto(f"{server.url}/personas?id={persona_id}")
    open_json(page)
    expect_json(page, f'"{persona_id}')


def ace(page: Page) -> FrameLocator:
    # While one editor takes the place of another, both may be there for a moment.
    return page.frame_locator("iframe[title$='ace']").first


def lines(page: Page) -> Locator:
    return ace(page).locator(".ace_text-layer")


def write(page: Page, text: str) -> None:
    """Put `text` in the place of all that is in the editor, as one does with the keyboard."""
    ace(page).locator(".ace_content").click(position={"x": 5, "y": 5})
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def badge(page: Page, words: str) -> Locator:
    return page.locator(".stMarkdownBadge", has_text=re.compile(re.escape(words)))


def row(page: Page, name: str) -> Locator:
    return drawn(page.get_by_test_id("stColumn").first).get_by_role("button", name=name)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^\\S* ?{name}"))


PLACES = """() => Object.fromEntries([...document.querySelectorAll("#stMain :is(button, [role=tab])")]
  .filter(each => each.getClientRects().length && !each.closest('[class*="st-key-persona-"]'))
  .map(each => [each.innerText.trim(), each.getBoundingClientRect()])
  .filter(([name]) => name)
  .map(([name, place]) => [name, `${Math.round(place.x)} ${Math.round(place.y)}`]))"""
"""Where the page's buttons and tabs are, by their names."""

COVERED = """() => [...document.querySelectorAll("#stMain button")]
  .filter(each => {
    const place = each.getBoundingClientRect()
    const hit = document.elementFromPoint(place.x + place.width / 2, place.y + place.height / 2)
    return hit?.closest('[data-testid="stToast"], [data-testid="stToastContainer"]')
  })
  .map(each => each.innerText)"""
"""The buttons that a toast would take a click from."""


def test_the_first_visitor_of_all_comes_through_the_front_door(app_server: AppServer, page: Page) -> None:
    page.goto(f"{app_server.url}/personas")

    menu = page.get_by_test_id("stSidebarNav")
    names = ("Chat", "Personas", "History", "Compare", "Tests", "Insights", "Admin")
    expect(menu.get_by_role("link")).to_have_text([re.compile(f"{name}$") for name in names])
    expect(page.get_by_role("button", name="Create new")).to_be_visible()


def test_a_persona_typed_into_ace_and_saved_is_on_disk_and_in_the_list(
    app_server: AppServer, page: Page
) -> None:
    path = put(app_server, "typed", "Before", temperature=0.7)
    open_persona(page, app_server, "typed")
    expect(badge(page, "Saved")).to_be_visible()
    expect(button(page, "Save")).to_be_disabled()
    places = page.evaluate(PLACES)
    assert places

    write(page, persona_text("typed", "After typing", temperature=0.2))
    expect(badge(page, "Unsaved")).to_be_visible()
    settled(page)
    assert {name: place for name, place in page.evaluate(PLACES).items() if name in places} == places
    assert json.loads(path.read_text(encoding="utf-8"))["name"] == "Before"
    button(page, "Save").click()

    toast = page.get_by_test_id("stToast")
    expect(toast).to_contain_text("Saved After typing")
    assert page.evaluate(COVERED) == []
    expect(toast).to_contain_text("temperature 0.7 → 0.2")
    expect(badge(page, "Saved")).to_be_visible()
    expect(row(page, "After typing")).to_be_visible()
    assert json.loads(path.read_text(encoding="utf-8"))["temperature"] == 0.2


def test_what_is_typed_after_saving_is_unsaved_and_goes_on_from_there(
    app_server: AppServer, page: Page
) -> None:
    path = put(app_server, "going-on", "One")
    open_persona(page, app_server, "going-on")
    write(page, persona_text("going-on", "Two"))
    expect(badge(page, "Unsaved")).to_be_visible()
    button(page, "Save").click()
    expect(badge(page, "Saved")).to_be_visible()

    write(page, persona_text("going-on", "Three"))
    expect(badge(page, "Unsaved")).to_be_visible()
    button(page, "Save").click()

    expect(badge(page, "Saved")).to_be_visible()
    assert json.loads(path.read_text(encoding="utf-8"))["name"] == "Three"


def test_a_problem_stands_in_the_gutter_of_its_line_and_in_a_row_below(
    app_server: AppServer, page: Page
) -> None:
    put(app_server, "faulty", "Faulty")
    open_persona(page, app_server, "faulty")
    write(page, '{\n"id": "faulty",\n"name": "Faulty",\n"systemPrompt": "Hi.",\n"temprature": 3\n}\n')

    cell = ace(page).locator(".ace_gutter-cell.ace_error")
    expect(cell).to_have_count(1)
    expect(cell).to_have_text("5")
    problem = page.get_by_role("button", name="Line 5")
    expect(page.get_by_text('did you mean "temperature"')).to_be_visible()
    expect(page.get_by_test_id("stCaptionContainer").get_by_text('"temprature": 3')).to_be_visible()
    expect(badge(page, "Invalid (1)")).to_be_visible()
    expect(button(page, "Save")).to_be_disabled()

    problem.click()
    expect(ace(page).locator(".ace_marker-layer .ace_selection")).to_have_count(1)


def test_unsaved_edits_survive_another_persona_and_another_page(app_server: AppServer, page: Page) -> None:
    put(app_server, "edited", "Edited")
    put(app_server, "other", "Other one")
    open_persona(page, app_server, "edited")
    write(page, persona_text("edited", "Half done"))
    expect(badge(page, "Unsaved")).to_be_visible()

    row(page, "Other one").click()
    expect_json(page, '"Other one"')
    expect(badge(page, "Saved")).to_be_visible()
    expect(row(page, "Edited")).to_contain_text("●")
    expect(page).to_have_url(re.compile("id=other"))

    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Chat").click()
    expect(page.get_by_test_id("stChatInput")).to_be_visible()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Personas").click()
    expect_json(page, '"Other one"')
    row(page, "Edited").click()
    expect_json(page, '"Half done"')
    expect(badge(page, "Unsaved")).to_be_visible()


def test_a_refresh_keeps_the_selected_persona(app_server: AppServer, page: Page) -> None:
    put(app_server, "aaa-first", "Aaa first")
    put(app_server, "kept", "Kept")
    open_persona(page, app_server, "aaa-first")
    row(page, "Kept").click()
    expect_json(page, '"Kept"')

    page.reload()

    open_json(page)
    expect_json(page, '"Kept"')
    expect(page).to_have_url(re.compile("id=kept"))


def test_a_deleted_persona_comes_back_by_undo(app_server: AppServer, page: Page) -> None:
    path = put(app_server, "short-lived", "Short lived")
    before = path.read_bytes()
    open_persona(page, app_server, "short-lived")

    button(page, "More").click()
    page.get_by_role("menuitem", name="Delete").or_(page.get_by_role("option", name="Delete")).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted Short lived.")).to_be_visible()
    expect(row(page, "Short lived")).to_have_count(0)
    assert not path.exists()

    button(page, "Undo").click()
    expect(row(page, "Short lived")).to_be_visible()
    expect_json(page, '"Short lived"')
    assert path.read_bytes() == before


@pytest.mark.parametrize("choice", ["mine", "theirs", "neither"])
def test_a_version_saved_elsewhere_is_never_overwritten_unasked(
    app_server: AppServer, page: Page, choice: str
) -> None:
    persona_id = f"shared-{choice}"
    path = put(app_server, persona_id, "Shared")
    open_persona(page, app_server, persona_id)
    write(page, persona_text(persona_id, "Mine"))
    expect(badge(page, "Unsaved")).to_be_visible()
    put(app_server, persona_id, "Theirs")

    button(page, "Save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Theirs")
    expect(dialog).to_contain_text("Mine")
    assert json.loads(path.read_text(encoding="utf-8"))["name"] == "Theirs"

    if choice == "neither":
        dialog.get_by_role("button", name="Keep editing").click()
    else:
        expect(dialog.get_by_role("button", name="Save both changes")).to_be_disabled()
        dialog.get_by_text(f"Keep {choice}", exact=True).click()
        dialog.get_by_role("button", name="Save both changes").click()
    expect(dialog).to_have_count(0)
    if choice == "neither":
        expect(badge(page, "Changed elsewhere")).to_be_visible()
    else:
        expect(badge(page, "Saved")).to_be_visible()
    expect_json(page, '"Theirs"' if choice == "theirs" else '"Mine"')
    stored = json.loads(path.read_text(encoding="utf-8"))["name"]
    assert stored == ("Mine" if choice == "mine" else "Theirs")


def test_a_broken_file_is_marked_shown_and_can_be_mended(app_server: AppServer, page: Page) -> None:
    path = app_server.personas_dir / "cracked.json"
    path.write_text(
        '{\n  "id": "cracked",\n  "name": "Cracked"\n  "systemPrompt": "x"\n}\n', encoding="utf-8"
    )
    page.goto(f"{app_server.url}/personas?id=cracked")
    expect(row(page, "cracked.json")).to_contain_text("broken")
    expect(ace(page).locator(".ace_gutter-cell.ace_error")).to_have_count(1)
    expect(page.get_by_role("button", name=re.compile(r"Line \d"))).to_have_count(1)

    write(page, persona_text("cracked", "Mended"))
    expect(badge(page, "Unsaved")).to_be_visible()
    button(page, "Save").click()

    expect(row(page, "Mended")).to_be_visible()
    expect(badge(page, "Saved")).to_be_visible()
    assert json.loads(path.read_text(encoding="utf-8"))["name"] == "Mended"


def test_a_new_persona_starts_from_another_one(app_server: AppServer, page: Page) -> None:
    put(app_server, "model-one", "Model one", temperature=1.5)
    open_persona(page, app_server, "model-one")
    button(page, "Create new").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("tab", name="Blank or a copy").click()
    settled(page)
    dialog.get_by_role("combobox").click()
    page.get_by_role("option", name="A copy of Model one").click()
    dialog.get_by_label("Name").fill("Second generation")
    dialog.get_by_role("button", name="Create").click()

    expect_json(page, '"second-generation"')
    expect_json(page, "1.5")
    path = app_server.personas_dir / "second-generation.json"
    assert not path.exists()
    button(page, "Save").click()
    expect(badge(page, "Saved")).to_be_visible()
    assert json.loads(path.read_text(encoding="utf-8"))["temperature"] == 1.5


def test_the_chat_opens_with_the_persona_of_the_page(app_server: AppServer, page: Page) -> None:
    put(app_server, "talkative", "Talkative")
    open_persona(page, app_server, "talkative")

    button(page, "Chat with it").click()

    expect(page.get_by_placeholder("Message Talkative")).to_be_visible()
    expect(page).to_have_url(re.compile("persona=talkative"))


def test_the_editor_follows_the_dark_theme(app_server: AppServer, page: Page) -> None:
    put(app_server, "night", "Night")
    page.emulate_media(color_scheme="dark")
    open_persona(page, app_server, "night")

    expect(ace(page).locator(".ace_editor")).to_have_class(re.compile("ace_dark"))


def test_nothing_scrolls_sideways_on_a_phone(app_server: AppServer, page: Page) -> None:
    put(app_server, "narrow", "Narrow", description="word " * 40)
    page.set_viewport_size({"width": 400, "height": 800})
    open_persona(page, app_server, "narrow")

    expect(button(page, "Save")).to_be_visible()
    wait_until(page, "() => document.documentElement.scrollWidth <= window.innerWidth")


def test_the_page_keeps_its_width_from_run_to_run(app_server: AppServer, page: Page) -> None:
    put(app_server, "left-one", "Left one")
    put(app_server, "right-one", "Right one")
    open_persona(page, app_server, "left-one")
    main = page.get_by_test_id("stMainBlockContainer")
    widths = []
    for name in ("Right one", "Left one", "Right one"):
        row(page, name).click()
        expect_json(page, f'"{name}"')
        settled(page)
        widths.append(main.evaluate("element => element.getBoundingClientRect().width"))

    assert len(set(widths)) == 1


def test_no_words_are_offered_while_one_types(app_server: AppServer, page: Page) -> None:
    put(app_server, "offers", "Offers")
    open_persona(page, app_server, "offers")
    ace(page).locator(".ace_content").click(position={"x": 5, "y": 5})
    page.keyboard.press("Control+End")
    page.keyboard.type("system prom", delay=30)
    expect_json(page, "system prom")
    expect(badge(page, "Invalid")).to_be_visible()  # the page has answered what was typed
    expect(ace(page).locator(".ace_autocomplete")).to_have_count(0)
