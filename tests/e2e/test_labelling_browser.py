"""Replies are labelled with one key each in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import AppServer, settled, start_app, wait_for
from tests.fake_provider import FakeProvider, tokens
from tests.lab.scripted import verdict

SUITE = """\
persona: default-persona
repeat: 2
cases: [{ name: kind, say: Hello, check: [{ judge: Is the reply kind? }] }]
"""


@pytest.fixture(scope="module")
def app_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """With a judge, asked in order."""
    environment = {"PERSONACHAT_JUDGE_MODEL": "fake-2", "PERSONACHAT_MAX_CONCURRENT_TEST_CALLS": "1"}
    folder = tmp_path_factory.mktemp("labelling")
    with FakeProvider() as provider, start_app(folder, provider=provider, environment=environment) as server:
        yield server


def run_suite(server: AppServer, page: Page) -> None:
    """Two replies, each judged to be kind."""
    assert server.provider
    for reply in ("A warm welcome", "A kind hello"):
        server.provider.enqueue(tokens([reply]), tokens([verdict("yes", reply)]))
    with httpx2.Client(base_url=f"{server.url}/api") as client:
        client.put("/tests/suites/default-persona", json={"text": SUITE}).raise_for_status()
        run = client.post("/tests/runs", json={"personaId": "default-persona"}).raise_for_status().json()
        wait_for(page, lambda: client.get(f"/tests/runs/{run['id']}").json()["state"] == "finished")


def test_one_key_labels_a_reply_and_another_takes_it_back(app_server: AppServer, page: Page) -> None:
    run_suite(app_server, page)
    page.goto(f"{app_server.url}/tests?suite=default-persona")
    settled(page)
    page.get_by_role("radio", name="Label").click()
    left = page.get_by_text("of 30 labels")
    expect(left).to_contain_text("0 of 30 labels · 2 to label")
    settled(page)
    page.keyboard.press("y")
    expect(left).to_contain_text("1 of 30 labels · 1 to label")
    settled(page)
    page.keyboard.press("u")
    expect(left).to_contain_text("0 of 30 labels · 2 to label")
    settled(page)
    page.keyboard.press("n")
    expect(left).to_contain_text("1 of 30 labels · 1 to label")
    expect(page.get_by_text("Before: the judge said yes.")).to_be_visible()
    settled(page)
    page.keyboard.press("y")
    expect(page.get_by_text("Nothing to label")).to_be_visible()
