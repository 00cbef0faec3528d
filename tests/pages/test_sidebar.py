"""The conversations in the sidebar, without a browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from personachat.stamps import end_of, start_of
from personachat.ui.dates import ago, day_name, exact
from tests.pages.conftest import OpenPage
from tests.pages.conversing import click, converse, library

pytestmark = pytest.mark.usefixtures("local")


def titles(page: AppTest) -> list[str]:
    """The conversations in the sidebar, in order, as Markdown."""
    return [button.label for button in page.sidebar.button if (button.key or "").startswith("open_")]


def captions(page: AppTest) -> list[str]:
    return [caption.value for caption in page.sidebar.caption]


def test_without_conversations_there_is_a_hint(open_home: OpenPage) -> None:
    page = open_home()
    assert titles(page) == []
    assert captions(page) == ["Your conversations will appear here."]


def test_the_newest_come_first_under_their_days(open_home: OpenPage) -> None:
    page = open_home()
    converse("Older")
    converse("Newer")
    page.run()
    assert titles(page) == ["Newer", "Older"]
    assert captions(page) == ["Today"]


def test_pinned_ones_stand_above_and_only_there(open_home: OpenPage) -> None:
    page = open_home()
    pinned = converse("Kept at hand")
    converse("Newer")
    library().pin(pinned, True)
    page.run()
    assert titles(page) == ["Kept at hand", "Newer"]
    assert captions(page) == ["Pinned", "Today"]


def test_a_click_opens_the_conversation_with_its_persona(open_home: OpenPage) -> None:
    page = open_home()
    other = converse("With the second", persona_id="second")
    page.run()
    click(page, f"open_{other}")
    assert page.query_params["chat"] == other
    assert page.selectbox[0].value == "second"
    assert titles(page) == ["**With the second**"]


def test_a_title_is_shown_as_it_is_written(open_home: OpenPage) -> None:
    page = open_home()
    converse("**bold** [x](https://evil.example) $x$ :tada: <b>")
    page.run()
    (title,) = titles(page)
    assert "\\*\\*bold" in title
    assert "\\[x\\]" in title
    assert "https\\:\u2060//" in title
    assert "\\:\u2060tada" in title


def test_the_list_is_short_however_many_there_are(open_home: OpenPage) -> None:
    page = open_home()
    for number in range(24):
        converse(f"Number {number}")
    page.run()
    assert len(titles(page)) == 20
    assert page.button(key="all_conversations").label == "All conversations"


def test_the_open_one_is_listed_even_when_it_is_archived(open_home: OpenPage) -> None:
    page = open_home()
    hidden = converse("Put aside")
    library().archive(hidden, True)
    page.run()
    assert titles(page) == []
    page = open_home(chat=hidden)
    assert titles(page) == ["**Put aside**"]
    assert captions(page) == ["Open now"]


def test_another_owners_conversations_are_not_listed(open_home: OpenPage) -> None:
    page = open_home()
    converse("Not yours", owner="browser:somebody")
    page.run()
    assert titles(page) == []


def test_new_chat_leaves_the_conversation(open_home: OpenPage) -> None:
    page = open_home()
    open_one = converse("Left behind")
    page = open_home(chat=open_one)
    click(page, "new_chat")
    assert titles(page) == ["Left behind"]
    assert "chat" not in page.query_params


def test_a_damaged_database_is_a_quiet_line(open_home: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "personachat.sqlite3").write_bytes(b"this is no database" * 500)
    page = open_home()
    assert captions(page) == [":material/database_off: Conversations can't be loaded."]
    assert page.chat_input[0].placeholder == "Message Guide"


MOMENT = datetime(2026, 3, 12, 13, 5, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=2), "2 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=1), "yesterday"),
        (timedelta(days=4), "4 days ago"),
        (timedelta(days=20), "20 Feb"),
        (timedelta(days=400), "5 Feb 2025"),
        (timedelta(seconds=-30), "just now"),
    ],
)
def test_a_moment_is_told_relatively(before: timedelta, words: str) -> None:
    assert ago(MOMENT - before, now=MOMENT, zone=BERLIN) == words


def test_days_are_those_of_the_viewer() -> None:
    late = datetime(2026, 3, 11, 23, 30, tzinfo=UTC)
    assert day_name(late, now=MOMENT, zone=BERLIN) == "Today"
    assert day_name(late, now=MOMENT, zone=UTC) == "Yesterday"
    assert exact(late, zone=BERLIN) == "Thursday 12 March 2026, 00:30"
    assert start_of(MOMENT.date(), zone=BERLIN) == datetime(2026, 3, 11, 23, tzinfo=UTC)
    assert end_of(MOMENT.date(), zone=BERLIN) == datetime(2026, 3, 12, 23, tzinfo=UTC)
