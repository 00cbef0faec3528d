"""What a provider does wrong, as it is seen in a real browser: at once, and again after a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import AppServer
from tests.e2e.test_chat_browser import box, bubbles, open_chat, provider, say
from tests.fake_provider import Gate, tokens
from tests.provider_faults import FAULTS

pytestmark = pytest.mark.browser

SEEN = (
    "refusal in a field",
    "refusal as a reason",
    "reasoning alone",
    "reasoning up to the limit",
    "filter before a word",
    "an unknown end",
    "an empty reply",
    "a web page",
    "an error object",
    "bad UTF-8",
    "too many requests",
    "a refused key",
)


@pytest.mark.parametrize("name", SEEN)
def test_a_fault_is_seen_at_once_and_after_a_reload(app_server: AppServer, page: Page, name: str) -> None:
    fault = FAULTS[name]
    provider(app_server, fault.reply(), tokens(["Now it works."]))
    open_chat(page, app_server, "/?persona=data-analyst")
    say(page, "Words to keep")
    for _ in range(2):
        reply = bubbles(page).last
        expect(reply.get_by_text(fault.says)).to_be_visible()
        expect(reply).to_contain_text("Retry" if "retry" in fault.ways_on else "")
        expect(bubbles(page).get_by_text("Words to keep")).to_be_visible()
        page.reload()
        expect(box(page)).to_be_enabled()
    say(page, "Another message")
    expect(bubbles(page).last).to_contain_text("Now it works.")


def test_text_that_turns_out_to_be_thoughts_leaves_the_answer_alone(
    app_server: AppServer, page: Page
) -> None:
    gate = Gate()
    provider(app_server, tokens(["secret plan", gate, "\n</think>\n\n", "The answer."]))
    open_chat(page, app_server, "/?persona=data-analyst")
    say(page, "Words to keep")
    expect(bubbles(page).last).to_contain_text("secret plan")
    gate.open()
    reply = bubbles(page).last
    expect(reply.get_by_text("The answer.")).to_be_visible()
    expect(reply.get_by_text("Thought for")).to_be_visible()
    expect(reply.get_by_text("secret plan")).to_be_hidden()
