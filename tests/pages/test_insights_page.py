"""The Insights page without a browser: what it counts, by whose days, and that it trusts no name."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import streamlit as st
from markdown_it import MarkdownIt
from streamlit.proto.Metric_pb2 import Metric
from streamlit.testing.v1 import AppTest

from personachat.insights.attention import Reason
from personachat.owners import LOCAL_OWNER
from personachat.personas.store.revisions import SqlRevisions
from personachat.services import get_services
from personachat.stamps import now
from personachat.ui.insights import chart, looking
from personachat.ui.insights import page as insights_page
from personachat.ui.insights.options import intervals
from personachat.ui.wording import JOINER
from tests.conftest import persona_text
from tests.history.talk import Talk
from tests.pages.conftest import OpenPage
from tests.pages.conversing import converse
from tests.usage.calls import call, keep

pytestmark = pytest.mark.usefixtures("local")

HOSTILE = "<img src=x onerror=alert(1)> [go](https://e.example) | `:material/bug:` {b|x} ${1}"


def live_in(monkeypatch: pytest.MonkeyPatch, zone: str | None, *, at: datetime | None = None) -> None:
    """Where the browser says it is, and what time it is."""
    monkeypatch.setattr(type(st.context), "timezone", property(lambda _: zone))
    if at:
        monkeypatch.setattr(insights_page, "now", lambda: at)


def visit(page: AppTest, **query: str) -> AppTest:
    page.switch_page("pages/insights.py")
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def figures(page: AppTest) -> dict[str, str]:
    return {each.label: each.value.replace(JOINER, "") for each in page.metric}


def options(page: AppTest) -> dict[str, Any]:
    """What each chart draws, by its title's key."""
    found = {}
    for each in page.get("echarts_chart"):
        found[each.proto.alt.split("?")[0] + "?"] = json.loads(each.proto.spec)
    return found


def texts(page: AppTest) -> str:
    return "\n".join(str(each.value) for each in [*page.main.markdown, *page.main.caption, *page.main.info])


def spend(*rows: Any, **changes: Any) -> None:
    """Calls at these moments, or an hour ago."""
    database = get_services().database
    moments = rows or (now() - timedelta(hours=1),)
    keep(database, *(call(database, moment, persona_id="second", **changes) for moment in moments))


def test_before_the_first_call_it_says_how_to_fill_it(open_home: OpenPage) -> None:
    page = visit(open_home())
    assert page.main.info[0].value.startswith("Every model reply is recorded here")
    assert not page.metric


def test_it_answers_each_question_and_every_answer_is_a_file(open_home: OpenPage) -> None:
    page = open_home()
    spend()
    spend(model="other", cost_usd=0.03, outcome="failed", error_code="rate_limited", first_token_ms=None)
    visit(page)
    assert figures(page) == {
        "Cost": r"\$0.040",
        "Calls": "2",
        "First word after": "0.4 s",
        "Failed": "50.0 %",
    }
    shown = options(page)
    assert list(shown) == [
        "What did it cost, day by day?",
        "Which personas spent most?",
        "How long until the first word, by model?",
        "Is the wait getting longer, day by day?",
        "Which failures happen, and with which model?",
    ]
    assert shown["Which personas spent most?"]["yAxis"]["data"] == ["Second"]
    assert shown["Which failures happen, and with which model?"]["yAxis"]["data"] == ["Too many requests"]
    assert "| error | message | code | model | calls |" in texts(page)
    assert "No ratings in this period" in texts(page)
    files = [each.proto.label for each in page.get("download_button")]
    assert files == ["Download as CSV"] * 5 + ["Download the calls as CSV"]


def test_what_is_not_known_is_not_shown_as_nothing(open_home: OpenPage) -> None:
    page = open_home()
    spend(cost_usd=None, prompt_tokens=None)
    assert figures(visit(page))["Cost"] == "Unknown price"
    assert "The prices of these models are unknown" in texts(page)
    spend(cost_usd=0.5)
    page.run()
    assert figures(page)["Known costs"] == r"\$0.50"
    assert "Without 1 call with unknown prices" in texts(page)


def test_a_failure_without_usage_takes_no_cost_and_no_trend_away(open_home: OpenPage) -> None:
    page = open_home()
    for days_ago, cost in ((1, 1.5), (8, 1.0)):
        at = now() - timedelta(days=days_ago)
        spend(at, cost_usd=cost)
        spend(at, cost_usd=None, outcome="failed", error_code="rate_limited")
    figure = visit(page, range="7d").metric[0]
    assert (figure.label, figure.value.replace(JOINER, "")) == ("Cost", r"\$1.50")
    assert figure.delta == r"\+50 %"
    assert "1 failed call reported no usage" in figure.help
    spend(cost_usd=None)
    page.run()
    assert (page.metric[0].label, page.metric[0].delta) == ("Known costs", "")


@pytest.mark.parametrize(("before", "now_usd", "color"), [(2.0, 1.0, "GREEN"), (1.0, 2.0, "RED")])
def test_lower_costs_are_green_and_higher_ones_red(
    open_home: OpenPage, before: float, now_usd: float, color: str
) -> None:
    spend(now() - timedelta(days=8), cost_usd=before)
    spend(now() - timedelta(days=1), cost_usd=now_usd)
    figure = visit(open_home(), range="7d").metric[0]
    assert figure.proto.color == Metric.MetricColor.Value(color)
    down = Metric.MetricDirection.DOWN if color == "GREEN" else Metric.MetricDirection.UP
    assert figure.proto.direction == down


def test_whole_numbers_have_no_marks_between_them(open_home: OpenPage) -> None:
    page = open_home()
    spend(outcome="failed", error_code="rate_limited")
    shown = options(visit(page))
    assert shown["Which failures happen, and with which model?"]["xAxis"]["minInterval"] == 1
    assert "minInterval" not in shown["What did it cost, day by day?"]["yAxis"]


def test_a_free_model_costs_nothing_which_is_known(open_home: OpenPage) -> None:
    page = open_home()
    spend(cost_usd=0.0, provider="local")
    assert figures(visit(page))["Cost"] == r"\$0"


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        # The day on which Berlin's clock goes on by an hour has 23 of them.
        ("Europe/Berlin", "2026-03-28T23:00:00", "2026-03-29T21:59:59"),
        ("America/New_York", "2026-03-29T04:00:00", "2026-03-30T03:59:59"),
        # On both sides of the date line.
        ("Pacific/Kiritimati", "2026-03-28T10:00:00", "2026-03-29T09:59:59"),
        ("Pacific/Pago_Pago", "2026-03-29T11:00:00", "2026-03-30T10:59:59"),
        (None, "2026-03-29T00:00:00", "2026-03-29T23:59:59"),
        ("Mars/Olympus", "2026-03-29T00:00:00", "2026-03-29T23:59:59"),
    ],
)
def test_a_day_is_that_of_the_browsers_clock(
    zone: str | None, first: str, last: str, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (first, last))
    live_in(monkeypatch, zone, at=begin + (end - begin) / 2)
    page = open_home()
    second = timedelta(seconds=1)
    spend(begin - second, begin, begin + 4 * second, end, end + second)
    visit(page, range="today")
    assert figures(page)["Calls"] == "3"
    assert page.metric[1].delta  # as compared with the one of the day before
    named = zone if zone and zone != "Mars/Olympus" else "UTC"
    said = f"29 Mar 2026, compared with the day before. Days and times are in {named}"
    assert said.replace("_", r"\_") in texts(page)
    (day,) = options(page)["What did it cost, day by day?"]["xAxis"]["data"]
    assert day == "2026-03-29"


def test_the_filters_are_the_address(open_home: OpenPage) -> None:
    page = open_home()
    spend(model="=cmd()")
    spend(purpose="summary")
    visit(page, range="7d", model="=cmd()")
    assert figures(page)["Calls"] == "1"
    page.selectbox(key="insights_model").set_value(None).run()
    page.selectbox(key="insights_purpose").set_value("summary").run()
    assert figures(page)["Calls"] == "1"
    assert (page.query_params["range"], page.query_params["purpose"]) == ("7d", "summary")
    assert "model" not in page.query_params


def test_coming_back_from_a_chat_shows_what_was_shown_before(open_home: OpenPage) -> None:
    """The way there leaves an address of this page with what the chat's one says."""
    page = open_home()
    spend()
    visit(page, range="7d", model="gpt-4o")
    page.query_params.clear()
    visit(page, chat="8a0182456a5646d69c4c2cc51a0ada6d", persona="poet", turn="d7fc8b170b714f23")
    assert figures(page)["Calls"] == "1"
    assert dict(page.query_params) == {"range": "7d", "model": "gpt-4o"}


def test_an_address_of_what_is_not_there_shows_no_calls_and_no_fault(open_home: OpenPage) -> None:
    page = open_home()
    spend()
    visit(page, range="bogus", persona="gone", model="x" * 5_000, purpose="none", person="nobody")
    assert figures(page)["Calls"] == "0"
    assert page.selectbox(key="insights_persona").value == "gone"
    assert "No calls in this period." in texts(page)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-03-05", "2026-03-01", "The first day is after the last one"),
        ("2020-01-01", "2026-03-01", "The limit is"),
    ],
)
def test_days_that_are_no_range_are_refused_in_a_sentence(
    first: str, last: str, said: str, open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_in(monkeypatch, "UTC", at=datetime(2026, 3, 28, 12, tzinfo=UTC))
    page = open_home()
    spend()
    assert said in visit(page, range="own", first=first, last=last).main.warning[0].value


def test_own_days_stand_in_the_address_and_none_is_after_today(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_in(monkeypatch, "UTC", at=datetime(2026, 3, 28, 12, tzinfo=UTC))
    page = open_home()
    spend(datetime(2026, 3, 2, tzinfo=UTC))
    visit(page, range="own", first="2026-03-01", last="2999-03-01")
    assert figures(page)["Calls"] == "1"
    assert page.query_params["last"] == "2026-03-28"
    visit(page, first="2026-03-01", last="2026-03-03")
    assert page.query_params["range"] == "own"


def test_own_days_begin_as_the_days_that_were_shown(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_in(monkeypatch, "UTC", at=datetime(2026, 3, 28, 12, tzinfo=UTC))
    page = open_home()
    spend(datetime(2026, 3, 23, tzinfo=UTC))
    visit(page, range="7d")
    page.session_state["insights_range"] = "own"
    page.run()
    assert [each.value for each in page.date_input] == [date(2026, 3, 22), date(2026, 3, 28)]
    assert figures(page)["Calls"] == "1"
    page.date_input[0].set_value(date(2026, 3, 24)).run()
    assert (page.query_params["first"], page.query_params["last"]) == ("2026-03-24", "2026-03-28")


def test_names_of_rows_are_words_and_nothing_else(open_home: OpenPage) -> None:
    page = open_home()
    spend(model=HOSTILE, purpose=HOSTILE[:20], error_code=HOSTILE[:60], outcome="failed")
    get_services().personas.save(persona_text("second", name=HOSTILE[:60]))
    conversation_id = converse(HOSTILE, persona_id="second")
    here = get_services().of(LOCAL_OWNER)
    reply = here.chat.conversation(conversation_id).path[-1]
    here.branches.rate(reply.id, -1, note=HOSTILE)
    visit(page, persona="second")
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    for words in texts(page).split("\n"):
        drawn = parser.render(words)
        assert "<img" not in drawn
        assert "<a " not in drawn
        assert ":material/bug:" not in drawn
    for option in options(page).values():
        assert HOSTILE[:20] not in json.dumps(option.get("tooltip"))
        assert "formatter" not in option.get("tooltip", {})
    assert HOSTILE in json.dumps(options(page)["How long until the first word, by model?"])


def test_a_persona_that_was_deleted_keeps_its_last_name(open_home: OpenPage) -> None:
    page = open_home()
    spend()
    personas = get_services().personas
    personas.save(persona_text("second", name="Second to None"))
    personas.delete("second")
    assert options(visit(page))["Which personas spent most?"]["yAxis"]["data"] == ["Second to None"]
    assert page.selectbox(key="insights_persona").options == ["Second to None"]


def test_a_persona_without_a_history_is_called_as_in_ones_own_conversations(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was deleted with its history, or its prompt was never theirs to see."""
    page = open_home()
    converse("Old times", persona_id="second")
    get_services().personas.delete("second")
    monkeypatch.setattr(SqlRevisions, "deleted", lambda _, *, limit: ())
    visit(page)
    assert page.selectbox(key="insights_persona").options == ["Second"]


def test_an_interval_is_told_by_its_ends() -> None:
    option = intervals(["One"], [0.5], [(0.2, 0.9)])
    told = {
        each["name"]: each["data"] for each in option["series"] if each.get("tooltip", {}).get("show", True)
    }
    assert told == {"Thumbs up": [50.0], "At least": [20.0], "At most": [90.0]}
    drawn = [each["data"] for each in option["series"] if each["type"] == "bar"]
    assert drawn == [[20.0], [70.0]]


def test_a_table_keeps_its_columns_whatever_stands_in_them() -> None:
    drawn = MarkdownIt("commonmark").enable("table").render(chart.table(("a|b", "n"), [("x|y\nz", None)]))
    assert drawn.count("<td") == 2
    assert "<td>x|y z</td>" in drawn.replace("\u2060", "")
    assert chart.UNKNOWN in drawn


def test_a_cell_is_no_formula_and_nothing_is_not_zero() -> None:
    text = chart.csv_bytes(("model", "cost"), [("=cmd()", None), ("@x", 0.0)]).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [["model", "cost"], ["'=cmd()", ""], ["'@x", "0.0"]]


def test_a_save_is_compared_with_the_one_before_and_leads_to_its_difference(open_home: OpenPage) -> None:
    page = open_home()
    services = get_services()
    talk = Talk(services.database)
    for prompt, rating in (("You are rude.", -1), ("You are kind.", 1)):
        services.personas.save(persona_text("second", name="Second", systemPrompt=prompt))
        etag = services.personas.get("second").etag
        for _ in range(8):
            one = talk.new("Why?", "Thus.", persona_id="second", persona_revision=etag, created_at=now())
            talk.set_turn(talk.store.get(LOCAL_OWNER, one).path[-1].id, rating=rating)
    spend()
    visit(page)
    said = texts(page).replace("\\", "")
    assert "**Better.** Before: 0 of 8 thumbs up (0 to 32 %). After: 8 of 8 thumbs up (68 to 100 %)." in said
    shown = options(page)
    assert shown["Did a new version make it better or worse?"]["yAxis"]["data"] == [
        "r3 · 8 of 8",
        "r2 · 0 of 8",
    ]
    (mark,) = shown["How do ratings change over time?"]["series"][0]["markLine"]["data"]
    assert mark["name"] == "r1-3"
    links = [each.proto for each in page.main.get("page_link")]
    assert [link.label for link in links if "what changed" in link.label] == [
        f"Revision {number}: see what changed" for number in (3, 2, 1)
    ]
    assert "revision=3" in links[0].query_string


def test_a_reason_opens_the_chat_at_its_turn(open_home: OpenPage) -> None:
    page = open_home()
    conversation_id = converse("Trouble")
    here = get_services().of(LOCAL_OWNER)
    reply = here.chat.conversation(conversation_id).path[-1]
    here.branches.rate(reply.id, -1, note="Wrong")
    visit(page)
    button = page.button(key=f"look_{conversation_id}_0")
    assert button.label == r"Thumbs down\: “Wrong”"
    button.click().run()
    assert not page.exception
    assert page.query_params["chat"] == conversation_id
    assert page.session_state["chat_page"].linked_turn == reply.id


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason("failed", "t", now(), error_code="rate_limited"), "Failed: too many requests"),
        (Reason("failed", "t", now(), error_code="new_code"), "Failed"),
        (Reason("cut", "t", now(), 1000), "Cut off at its limit of 1,000 tokens"),
        (Reason("cut", "t", now()), "Cut off at its limit"),
        (Reason("waited", "t", now(), 12.4), "First word after 12 s"),
        (Reason("retried", "t", now(), 2), "Asked the provider 3 times"),
        (Reason("regenerated", "t", now(), 4), "4 replies to one message"),
    ],
)
def test_reasons_are_words(reason: Reason, said: str) -> None:
    assert looking.words(reason) == said
