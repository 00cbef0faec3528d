"""In chat: the calls of a conversation add up, and a message has a forecast before it is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

from personachat.messages import Usage
from personachat.services import get_services
from personachat.stamps import now
from personachat.ui import forecast_view
from personachat.ui.chat import actions, costs
from personachat.usage.conversation_calls import ConversationCalls
from personachat.usage.forecast import Forecast
from tests.fake_provider import FakeProvider, tokens
from tests.pages.conftest import OpenPage
from tests.usage.calls import call, keep

pytestmark = pytest.mark.usefixtures("local")

NOON = datetime(2026, 3, 28, 12, 5, tzinfo=UTC)


def say(page: AppTest, words: str) -> AppTest:
    page.chat_input[0].set_value(words).run()
    assert not page.exception
    return page


def press(page: AppTest, beginning: str) -> AppTest:
    next(button for button in page.button if (button.key or "").startswith(beginning)).click().run()
    assert not page.exception
    return page


def row(**changes: Any) -> dict[str, Any]:
    known = {
        "began_at": NOON,
        "purpose": "chat",
        "model": "gpt-4o",
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "retries": 0,
        "cost_usd": 0.001,
        "outcome": "finished",
        "estimated": False,
        "turn_id": "one",
    }
    return known | changes


def found(*listed: dict[str, Any], count: int | None = None) -> ConversationCalls:
    names = ("prompt_tokens", "completion_tokens", "cost_usd", "retries")
    known = {name: [each[name] for each in listed if each[name] is not None] for name in names}
    return ConversationCalls(
        len(listed) if count is None else count,
        listed,
        {name: sum(values) if values else None for name, values in known.items()},
        {name: len(values) for name, values in known.items()},
        sum(each["estimated"] for each in listed),
    )


def test_tokens_and_cost_of_the_last_reply_open_the_calls_of_the_chat(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = open_home()
    fake.enqueue(tokens(["One."], usage=(100, 10)), tokens(["Two."], usage=(200, 30)))
    say(say(page, "First"), "Second")
    (button,) = [each for each in page.chat_message[-1].button if (each.key or "").startswith("costs_")]
    assert button.label.startswith("30 tokens")
    assert "30 tokens" not in page.chat_message[-1].caption[0].value
    press(page, "costs_")
    table = next(each.value for each in page.markdown if each.value.startswith("| When"))
    assert table.count("Reply") == 2
    assert "**2 calls**" in table
    assert "**300** | **40**" in table


def test_the_calls_add_up_and_say_what_they_are() -> None:
    calls = found(
        row(),
        row(began_at=NOON + timedelta(minutes=1), purpose="summary", turn_id="two", cost_usd=0.0005),
        row(began_at=NOON + timedelta(minutes=2), outcome="stopped", retries=2, estimated=True),
    )
    table = costs.table(calls, turn_id="two")
    assert "Reply" in table
    assert "**Summary**" in table
    assert "Continued, stopped" in table
    assert "\\~100 | \\~20 | 2" in table
    assert "**300** | **60** | **2** | **\\$0.002500**" in table
    assert costs.notes(calls) == [
        "\\~ The tokens of 1 call are estimated because the provider didn't count them."
    ]


def test_an_unknown_price_is_said_and_is_no_zero() -> None:
    calls = found(row(cost_usd=None, completion_tokens=None), row(cost_usd=0.0))
    last = costs.table(calls).splitlines()[-1]
    assert last.endswith("**\\$0** |")
    assert costs.UNKNOWN in costs.table(calls)
    assert costs.notes(calls) == [
        "The price of 1 call is unknown and not included in the total.",
        "The token count of 1 call is unknown and not included in the total.",
    ]
    nothing = found(row(cost_usd=None))
    assert costs.table(nothing).splitlines()[-1].endswith(f"**{costs.UNKNOWN}** |")


def test_a_models_name_stays_in_its_cell() -> None:
    table = costs.table(found(row(model="<img src=x> | [go](https://e.example)", outcome="a|b")))
    drawn = MarkdownIt("commonmark", {"html": True}).enable("table").render(table)
    assert drawn.count("<td") == 2 * len(costs.COLUMNS)
    assert "<img" not in drawn
    assert "<a " not in drawn


def test_more_calls_than_are_listed_are_in_the_sum_and_it_says_so() -> None:
    assert (
        costs.notes(found(row(), count=900))[0]
        == "Only the last 1 calls are listed. The last row is the total of all 900."
    )


def test_a_message_has_a_forecast_by_the_limits_and_then_by_what_is_usual(open_home: OpenPage) -> None:
    page = press(open_home(), "forecast")
    assert {each.label for each in page.metric} == {"Tokens in", "Tokens out, at most", "Cost, at most"}
    assert any("Based on the limits of Guide" in each.value for each in page.caption)
    database = get_services().database
    answering = get_services().providers.resolve(get_services().personas.get("default-persona").persona.model)
    kind = {"provider": answering.provider.name, "model": answering.model, "persona_id": "default-persona"}
    keep(database, *(call(database, now(), **kind, completion_tokens=120) for _ in range(6)))
    press(page, "forecast")
    told = {each.label: each.value for each in page.metric}
    assert told["Tokens out"] == "120"
    before = int(told["Tokens in"].replace(",", ""))
    page.text_area(key=actions.FORECAST_WORDS).set_value("word " * 400).run()
    assert int({each.label: each.value for each in page.metric}["Tokens in"].replace(",", "")) > before + 300
    assert any("Median of the last 6 replies of Guide" in each.value for each in page.caption)


def test_a_forecast_says_that_a_price_is_unknown() -> None:
    made = Forecast(900, 120, 1000, None, None, "medians", 7)
    assert forecast_view.usual_text(made, "m") == (
        "Typically 900 tokens in, 120 out, an unknown price per message (median of 7 with m)."
    )
    assert "costs" not in forecast_view.basis(made, "Guide", "m")
    assert forecast_view.price_of("local", "smollm2")(Usage(1, 1)) == 0.0
    assert forecast_view.price_of("mine", "nobody-knows-it")(Usage(1, 1)) is None


def test_the_editor_says_what_a_message_usually_takes(open_home: OpenPage) -> None:
    page = open_home()
    database = get_services().database
    answering = get_services().providers.resolve(get_services().personas.get("second").persona.model)
    kind = {"provider": answering.provider.name, "model": answering.model, "persona_id": "second"}
    keep(database, *(call(database, now(), **kind) for _ in range(5)))
    page.switch_page("pages/personas.py")
    page.query_params["id"] = "second"
    page.run()
    assert not page.exception
    assert any(each.value.startswith("Typically 100 tokens in, 21 out") for each in page.caption)
