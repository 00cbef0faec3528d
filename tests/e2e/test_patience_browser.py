"""The browser tests' own patience: an old and a new element side by side are one in a moment, or a fault."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api._generated import LocatorAssertions

from tests.e2e.patience import asked_until_single

pytestmark = pytest.mark.browser

TWO = "<p>5 tokens</p><p>5 tokens</p>"
ONE_GOES = "<script>setTimeout(() => document.querySelector('p').remove(), 300)</script>"


def test_what_is_replaced_may_stand_beside_what_replaces_it_for_a_moment(page: Page) -> None:
    for ask in (
        lambda: expect(page.get_by_text("5 tokens")).to_be_visible(),
        lambda: page.get_by_text("5 tokens").click(),
        lambda: page.get_by_text("5 tokens").inner_text(),
    ):
        page.set_content(TWO + ONE_GOES)
        ask()
        expect(page.get_by_text("5 tokens")).to_have_count(1)


def test_two_that_stay_are_a_fault(page: Page) -> None:
    page.set_content(TWO)
    once = LocatorAssertions.to_be_visible.__wrapped__  # type: ignore[attr-defined]  # wrapped by patience
    visible = asked_until_single(once, seconds=0.3)
    with pytest.raises(AssertionError, match="strict mode violation"):
        visible(expect(page.get_by_text("5 tokens")))
