"""Finding, arranging, sharing and taking along conversations in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import AppServer, drawn, wait_for, wait_until
from tests.e2e.proxies import behind_proxy
from tests.fake_provider import Gate, tokens

pytestmark = pytest.mark.browser


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def bubbles(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage")


def sidebar(page: Page) -> Locator:
    return page.get_by_test_id("stSidebarUserContent")


def row(page: Page, title: str) -> Locator:
    return drawn(sidebar(page)).get_by_role("button", name=title)


def main(page: Page) -> Locator:
    return page.get_by_test_id("stMain")


def converse(page: Page, server: AppServer, words: str, answer: str = "Indeed.", *, shown: str = "") -> str:
    """A new conversation whose title is its first words; returns its id."""
    assert server.provider
    server.provider.enqueue(tokens([answer]))
    page.goto(server.url)
    expect(box(page)).to_be_enabled()
    box(page).fill(words)
    box(page).press("Enter")
    expect(bubbles(page).last).to_contain_text(shown or answer)
    expect(row(page, words)).to_be_visible()
    expect(page).to_have_url(re.compile(r"[?&]chat=[0-9a-f]{32}"))
    found = re.search(r"chat=([0-9a-f]{32})", page.url)
    assert found
    return found.group(1)


def choose(page: Page, action: str) -> None:
    """Do something with the open conversation."""
    sidebar(page).get_by_role("button", name="Conversation options").click()
    page.get_by_role("menuitem", name=action, exact=True).click()


@contextmanager
def elsewhere(browser: Browser, server: AppServer, address: str) -> Iterator[tuple[Page, AppServer]]:
    """A browser that a proxy lets in, and the server as it is reached from there."""
    with behind_proxy(server, address) as reached:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        yield context.new_page(), reached
        context.close()


def test_a_conversation_appears_in_the_sidebar_and_opens_from_there(
    app_server: AppServer, page: Page
) -> None:
    first = converse(page, app_server, "Quinces ripen late")
    converse(page, app_server, "Medlars rot first")
    row(page, "Quinces ripen late").click()
    expect(bubbles(page).nth(1)).to_contain_text("Quinces ripen late")
    expect(page).to_have_url(re.compile(f"chat={first}"))
    expect(row(page, "Quinces ripen late").locator("strong")).to_have_count(1)
    expect(row(page, "Medlars rot first").locator("strong")).to_have_count(0)


def test_a_long_title_leaves_room_for_the_menu(app_server: AppServer, page: Page) -> None:
    converse(page, app_server, "Medlars and quinces")
    choose(page, "Rename")
    page.get_by_role("dialog").get_by_label("Title").fill("Medlars and quinces " * 9)
    page.get_by_role("dialog").get_by_label("Title").press("Enter")
    expect(row(page, "Medlars and quinces Medlars")).to_be_visible()
    menu = sidebar(page).get_by_role("button", name="Conversation options")
    wait_for(page, lambda: right_edge(menu) <= right_edge(sidebar(page)))


def right_edge(place: Locator) -> float:
    return float(place.evaluate("one => one.getBoundingClientRect().right"))


def test_another_page_leads_to_the_conversation_as_well(app_server: AppServer, page: Page) -> None:
    wanted = converse(page, app_server, "Opened from afar")
    page.goto(f"{app_server.url}/personas")
    row(page, "Opened from afar").click()
    expect(bubbles(page).nth(1)).to_contain_text("Opened from afar")
    expect(page).to_have_url(re.compile(f"/\\?.*chat={wanted}"))


def test_search_finds_a_turn_and_jumps_to_it(app_server: AppServer, page: Page) -> None:
    wanted = converse(page, app_server, "Where do capers grow", "On rocky coasts, as a shrub.")
    converse(page, app_server, "Something else")
    page.get_by_role("button", name="Search").click()
    field = page.get_by_label("Search all conversations")
    expect(field).to_be_focused()
    page.keyboard.type("rocky")
    expect(page).to_have_url(re.compile(r"/history\?q=rocky"))
    expect(main(page).locator("strong").get_by_text("rocky")).to_be_visible()
    main(page).get_by_role("button", name="Where do capers grow").click()
    expect(bubbles(page).last).to_contain_text("On rocky coasts")
    expect(page).to_have_url(re.compile(f"chat={wanted}"))


def test_a_search_can_be_linked_to(app_server: AppServer, page: Page) -> None:
    converse(page, app_server, "Linked to by its words")
    page.goto(f"{app_server.url}/history?q=linked+words")
    expect(page.get_by_label("Search all conversations")).to_have_value("linked words")
    expect(main(page).get_by_role("button", name="Linked to by its words")).to_be_visible()


def test_a_conversation_gets_another_title(app_server: AppServer, page: Page) -> None:
    converse(page, app_server, "Badly named")
    choose(page, "Rename")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("Well named")
    dialog.get_by_label("Title").press("Enter")
    expect(dialog).to_have_count(0)
    expect(row(page, "Well named")).to_be_visible()
    page.reload()
    expect(row(page, "Well named")).to_be_visible()


def test_the_dialog_works_beside_a_running_reply(app_server: AppServer, page: Page) -> None:
    gate = Gate()
    assert app_server.provider
    app_server.provider.enqueue(tokens(["Half, ", gate, "whole."]))
    page.goto(app_server.url)
    box(page).fill("Renamed in mid stream")
    box(page).press("Enter")
    expect(bubbles(page).last).to_contain_text("Half,")
    choose(page, "Rename")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("Renamed meanwhile")
    dialog.get_by_role("button", name="Rename").click()
    expect(dialog).to_have_count(0)
    expect(row(page, "Renamed meanwhile")).to_be_visible()
    gate.open()
    expect(bubbles(page).last).to_contain_text("Half, whole.")


def test_a_pinned_conversation_stands_above_the_others(app_server: AppServer, page: Page) -> None:
    converse(page, app_server, "To keep at hand")
    choose(page, "Pin")
    expect(sidebar(page).get_by_text("Pinned", exact=True)).to_be_visible()
    first = sidebar(page).get_by_role("button").filter(has_text=re.compile("To keep at hand")).first
    expect(first).to_be_visible()
    choose(page, "Unpin")
    expect(sidebar(page).get_by_text("Pinned", exact=True)).to_have_count(0)


def test_a_deleted_conversation_comes_back(app_server: AppServer, page: Page) -> None:
    converse(page, app_server, "Deleted too early")
    choose(page, "Delete")
    expect(sidebar(page).get_by_text("Deleted “Deleted too early”.")).to_be_visible()
    expect(row(page, "Deleted too early")).to_have_count(0)
    expect(bubbles(page).filter(has_text="Deleted too early")).to_have_count(0)
    row(page, "Undo").click()
    expect(row(page, "Deleted too early")).to_be_visible()
    expect(bubbles(page).nth(1)).to_contain_text("Deleted too early")


def test_deleting_ends_the_running_reply(app_server: AppServer, page: Page) -> None:
    assert app_server.provider
    app_server.provider.enqueue(tokens(["Not to be ", Gate()]))
    page.goto(app_server.url)
    box(page).fill("Deleted in mid stream")
    box(page).press("Enter")
    expect(bubbles(page).last).to_contain_text("Not to be")
    choose(page, "Delete")
    expect(row(page, "Undo")).to_be_visible()
    assert app_server.provider.wait_for_disconnect()
    row(page, "Undo").click()
    expect(bubbles(page).last).to_contain_text("Not to be")
    expect(bubbles(page).last.get_by_text("Stopped")).to_be_visible()


def test_the_way_back_is_gone_once_another_chat_is_open(app_server: AppServer, page: Page) -> None:
    converse(page, app_server, "Stays for the click")
    converse(page, app_server, "Archived for good")
    choose(page, "Archive")
    expect(sidebar(page).get_by_text("Archived “Archived for good”.")).to_be_visible()
    row(page, "Stays for the click").click()
    expect(bubbles(page).nth(1)).to_contain_text("Stays for the click")
    expect(row(page, "Undo")).to_have_count(0)


def test_a_shared_link_shows_the_conversation_until_it_is_revoked(
    app_server: AppServer, browser: Browser, page: Page
) -> None:
    converse(page, app_server, "Shared with a friend", "It is **bold** to share.", shown="It is bold")
    choose(page, "Share")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Create link").click()
    link = dialog.get_by_test_id("stCode").inner_text().strip()
    assert re.fullmatch(rf"{re.escape(app_server.url)}/shared\?token=[\w-]{{43}}", link)

    with elsewhere(browser, app_server, "203.0.113.7") as (other, there):
        other.goto(link.replace(app_server.url, there.url))
        expect(other.get_by_role("heading", name="Shared with a friend")).to_be_visible()
        expect(bubbles(other).last.locator("strong")).to_have_text("bold")
        expect(other.get_by_test_id("stChatInput")).to_have_count(0)
        expect(other.get_by_text("New chat")).to_have_count(0)
        dialog.get_by_role("button", name="Revoke link").click()
        expect(dialog.get_by_role("button", name="Create link")).to_be_visible()
        other.reload()
        expect(other.get_by_text("This link is invalid or was revoked.")).to_be_visible()
        expect(bubbles(other)).to_have_count(0)


def test_an_export_holds_the_words_and_can_be_imported(
    app_server: AppServer, page: Page, tmp_path: Path
) -> None:
    converse(page, app_server, "Taken along as a file", "With its answer.")
    choose(page, "Export")
    dialog = page.get_by_role("dialog")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Markdown").click()
    assert download.value.suggested_filename == "Taken along as a file.md"
    assert "With its answer." in Path(download.value.path()).read_text(encoding="utf-8")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="JSON").click()
    file = tmp_path / "exported.json"
    download.value.save_as(file)
    assert json.loads(file.read_text(encoding="utf-8"))["conversations"][0]["title"] == (
        "Taken along as a file"
    )
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)

    page.goto(f"{app_server.url}/history")
    page.get_by_role("button", name="Import").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("The conversation in the file is already here.")).to_be_visible()
    page.get_by_role("button", name="Import a second copy").click()
    expect(page.get_by_text("Imported 1 conversation.")).to_be_visible()
    expect(main(page).get_by_role("button", name="Taken along as a file")).to_have_count(2)


def test_two_browsers_from_elsewhere_do_not_see_each_other(
    app_server: AppServer, browser: Browser, page: Page
) -> None:
    with (
        elsewhere(browser, app_server, "203.0.113.7") as (one, here),
        elsewhere(browser, app_server, "203.0.113.8") as (other, there),
    ):
        mine = converse(one, here, "Only mine")
        other.goto(there.url)
        expect(sidebar(other).get_by_text("Your conversations will appear here.")).to_be_visible()
        other.goto(f"{there.url}/?chat={mine}")
        expect(other.get_by_text("This chat doesn't exist or was deleted.")).to_be_visible()
        one.reload()
        expect(row(one, "Only mine")).to_be_visible()
        expect(bubbles(one).nth(1)).to_contain_text("Only mine")
        one.goto(f"{here.url}/history")
        expect(main(one).get_by_role("button", name="Only mine")).to_be_visible()
        page.goto(f"{app_server.url}/history?q=mine")
        expect(page.get_by_text("No results")).to_be_visible()


def test_on_a_phone_the_sidebar_makes_way_for_what_was_opened(app_server: AppServer, page: Page) -> None:
    converse(page, app_server, "Read on the train")
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(f"{app_server.url}/personas")
    page.get_by_test_id("stExpandSidebarButton").click()
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_hidden()
    page.reload()  # a page does not begin with the sidebar over it
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_visible()
    page.get_by_test_id("stExpandSidebarButton").click()
    row(page, "Read on the train").click()
    expect(bubbles(page).nth(1)).to_contain_text("Read on the train")
    expect(page.get_by_test_id("stExpandSidebarButton")).to_be_visible()
    page.goto(f"{app_server.url}/history")
    expect(main(page).get_by_role("button", name="Read on the train")).to_be_visible()
    wait_until(page, "() => document.documentElement.scrollWidth <= window.innerWidth")
