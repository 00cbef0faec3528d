"""A frozen database, as whoever chats sees it: the page stays, the words stay, and it goes on by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import AppServer, settled, start_app
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.frozen_postgres import OwnPostgres, own_postgres  # noqa: F401  # fixtures

pytestmark = pytest.mark.browser

OUTAGE_MILLISECONDS = 40_000
"""How long it may take until an outage, or its end, is seen on a busy machine."""

UNREACHABLE = re.compile("doesn't answer|can't be reached")


@pytest.fixture
def server(tmp_path: Path, own_postgres: OwnPostgres) -> Iterator[AppServer]:  # noqa: F811  # a fixture
    environment = {
        "DATABASE_URL": own_postgres.url,
        "PERSONACHAT_PERSONA_STORE": "database",
        "PERSONACHAT_DATABASE_TIMEOUT_SECONDS": "2",
    }
    with FakeProvider() as provider, start_app(tmp_path, provider=provider, environment=environment) as app:
        yield app
        own_postgres.thaw()  # so that the server can end


def bubbles(page: Page) -> Locator:
    return page.get_by_test_id("stChatMessage")


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def say(page: Page, words: str) -> None:
    box(page).fill(words)
    box(page).press("Enter")


def alert(page: Page) -> Locator:
    return page.get_by_test_id("stAlert").filter(has_text=UNREACHABLE).first


def draft_a_message(page: Page) -> None:
    """On the Tests page, in a view that is not the first one."""
    page.get_by_role("radio", name="Sweep").or_(page.get_by_role("button", name="Sweep")).first.click()
    page.get_by_label("Message", exact=True).fill("Words that were typed")
    page.get_by_label("Message", exact=True).blur()


def test_words_and_chat_stay_on_the_page_and_it_comes_back_by_itself(
    server: AppServer,
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
    page: Page,
) -> None:
    assert server.provider
    server.provider.enqueue(tokens(["An answer ", "from before."]))
    page.goto(server.url)
    expect(box(page)).to_be_enabled()
    say(page, "Said before")
    expect(bubbles(page).get_by_text("An answer from before.")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("refresh|Regenerate"))).to_be_visible()
    tests = page.context.new_page()
    tests.goto(f"{server.url}/tests")
    draft_a_message(tests)
    settled(tests)
    own_postgres.freeze()
    say(page, "Words that matter")
    expect(alert(page)).to_be_visible(timeout=OUTAGE_MILLISECONDS)
    tests.get_by_label("Message", exact=True).fill("Words that were typed last")
    tests.get_by_label("Message", exact=True).blur()
    expect(alert(tests)).to_be_visible(timeout=OUTAGE_MILLISECONDS)
    expect(box(page)).to_have_value("Words that matter")
    expect(bubbles(page).get_by_text("An answer from before.")).to_be_visible()
    assert "DATABASE_URL" not in page.content()
    own_postgres.thaw()
    expect(alert(page)).to_be_hidden(timeout=OUTAGE_MILLISECONDS)
    expect(box(page)).to_have_value("Words that matter")
    expect(tests.get_by_label("Message", exact=True)).to_have_value(
        "Words that were typed last", timeout=OUTAGE_MILLISECONDS
    )
    tests.close()
    server.provider.enqueue(tokens(["An answer ", "from after."]))
    box(page).press("Enter")
    expect(page.get_by_test_id("stChatMessage").last).to_contain_text(
        "An answer from after.", timeout=OUTAGE_MILLISECONDS
    )
    expect(bubbles(page).get_by_text("Words that matter")).to_have_count(1)


def test_a_reply_that_streams_when_the_database_freezes_is_there_to_its_end_and_after(
    server: AppServer,
    own_postgres: OwnPostgres,  # noqa: F811  # a fixture
    page: Page,
) -> None:
    assert server.provider
    gate = Gate()
    server.provider.enqueue(tokens(["One ", gate, "two ", "three."]))
    page.goto(server.url)
    expect(box(page)).to_be_enabled()
    say(page, "Count")
    expect(page.get_by_test_id("stChatMessage").last).to_contain_text("One")
    own_postgres.freeze()
    gate.open()
    expect(bubbles(page).get_by_text("One two three.")).to_be_visible()
    own_postgres.thaw()
    server.provider.enqueue(tokens(["Four."]))
    expect(alert(page)).to_be_hidden(timeout=OUTAGE_MILLISECONDS)
    say(page, "Go on")
    expect(bubbles(page).get_by_text("Four.")).to_be_visible(timeout=OUTAGE_MILLISECONDS)
    page.reload()
    expect(bubbles(page).get_by_text("One two three.")).to_be_visible()
