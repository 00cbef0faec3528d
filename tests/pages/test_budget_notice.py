"""The chat says when a budget is nearly used up, and why a message was refused."""

from __future__ import annotations

import json

import pytest

from personachat.services import get_services
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local


def test_the_page_warns_and_then_says_why_a_message_was_refused(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_local(monkeypatch)
    monkeypatch.setenv("PERSONACHAT_BUDGETS", json.dumps([{"scope": "person", "per": "day", "replies": 1}]))
    page = open_home()
    assert not [each.value for each in page.caption if "budget" in each.value]
    page.chat_input[0].set_value("Hi").run()
    get_services().ledger.settle()
    get_services().budgets._cached_states.clear()
    page.run()
    (warning,) = [each.value for each in page.caption if "budget" in each.value]
    assert "100% of today's budget of 1 reply for each person is used. It resets on " in warning
    page.chat_input[0].set_value("Again").run()
    (error,) = [each.value for each in page.error]
    assert "Today's budget of 1 reply for each person is used up. It resets on " in error
