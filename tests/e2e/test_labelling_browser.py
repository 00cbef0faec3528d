"""Replies are labelled with one key each in a real browser."""

from __future__ import annotations

import json
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
    expect(page.get_by_text("All replies are labelled.")).to_be_visible()


PAIRED = """\
persona: default-persona
repeat: 1
cases:
  - { name: one, say: Hello, check: [{ words: { at_least: 1 } }] }
  - { name: two, say: Bye, check: [{ words: { at_least: 1 } }] }
"""


def run_with(server: AppServer, page: Page, **wish: str) -> str:
    """A finished run's id."""
    with httpx2.Client(base_url=f"{server.url}/api") as client:
        run = client.post("/tests/runs", json={"personaId": "default-persona", **wish}).raise_for_status()
        run_id = str(run.json()["id"])
        wait_for(page, lambda: client.get(f"/tests/runs/{run_id}").json()["state"] == "finished")
    return run_id


def test_one_key_labels_a_pair_and_another_takes_it_back(app_server: AppServer, page: Page) -> None:
    assert app_server.provider
    httpx2.put(f"{app_server.url}/api/tests/suites/default-persona", json={"text": PAIRED}).raise_for_status()
    app_server.provider.enqueue(tokens(["Good day"]), tokens(["Farewell"]))
    before = run_with(app_server, page)
    for reply in ("A warm welcome", "See you soon"):
        app_server.provider.enqueue(tokens([reply]))
        for better in ("second", "first"):
            said = {"reason": "It is warmer.", "quote": reply, "better": better}
            app_server.provider.enqueue(tokens([json.dumps(said)]))
    run_with(app_server, page, pairwiseAgainst=before)
    page.goto(f"{app_server.url}/tests?suite=default-persona")
    settled(page)
    expect(page.get_by_text("Better in 2 of 2")).to_be_visible()
    page.get_by_role("radio", name="Label").click()
    settled(page)
    page.get_by_role("radio", name="Pairs").click()
    left = page.get_by_text("of 30 labels")
    expect(left).to_contain_text("0 of 30 labels · 2 to label")
    settled(page)
    for key, told in (("a", "1 of 30"), ("u", "0 of 30"), ("t", "1 of 30"), ("b", "All pairs")):
        page.keyboard.press(key)
        expect(page.get_by_text(told)).to_be_visible()
        settled(page)
