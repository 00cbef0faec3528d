"""A link to the choice on the Compare page: what it holds, what it can't, and what is said of that."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from personachat.owners import LOCAL_OWNER
from personachat.personas.store.drafts import DraftText
from personachat.services import get_services
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.pages.compare.compare_page import texts, visit
from tests.pages.conftest import OpenPage
from tests.pages.conversing import click

pytestmark = pytest.mark.usefixtures("local")

OTHER = "user:somebody-else"


def linked(page: AppTest) -> dict[str, list[str]]:
    (code,) = page.main.code
    return parse_qs(urlsplit(code.value).query)


def opened(page: AppTest, link: dict[str, list[str]]) -> AppTest:
    """The link in a new session."""
    again = AppTest.from_file(str(page._script_path), default_timeout=30)
    again.run()
    return visit(again, **link)


def told(page: AppTest) -> str:
    return str([each.value for each in page.main.warning])


def test_what_is_chosen_and_written_is_in_the_link_and_survives_a_new_session(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = visit(open_home(), variant=["ada;temperature=0", "bob;tone=dry"])
    page.text_area(key="compare_message").set_value("Which bird?\nAnd & where?").run()
    page.toggle(key="compare_list").set_value(True).run()
    page.toggle(key="compare_blind").set_value(True).run()
    link = linked(page)
    assert link == {
        "variant": ["ada;temperature=0", "bob;tone=dry"],
        "message": ["Which bird?\nAnd & where?"],
        "lines": ["1"],
        "blind": ["1"],
    }
    assert {name: page.query_params[name] for name in ("message", "lines", "blind")} == {
        "message": "Which bird?\nAnd & where?",
        "lines": "1",
        "blind": "1",
    }
    again = opened(page, link)
    assert again.text_area(key="compare_message").value == "Which bird?\nAnd & where?"
    assert again.toggle(key="compare_list").value
    assert again.toggle(key="compare_blind").value
    assert "4 calls" in texts(again)
    assert fake.chats == []


def test_a_text_that_is_too_long_for_a_link_is_said_not_to_be_in_it(open_home: OpenPage) -> None:
    page = visit(open_home(), variant=["ada", "bob"], message="Short")
    assert linked(page)["message"] == ["Short"]
    page.text_area(key="compare_message").set_value("x" * 2_001).run()
    assert "message" not in linked(page)
    assert "message" not in page.query_params
    assert "More than 2,000 characters aren't in a link" in texts(page)


def test_a_draft_opens_by_its_link_for_its_owner_alone(open_home: OpenPage, fake: FakeProvider) -> None:
    page = open_home()
    draft = persona_text("ada", model="fake-1", systemPrompt="Not saved yet.")
    get_services().drafts.put(
        LOCAL_OWNER, "ada", DraftText(draft, persona_text("ada"), None), version=0, writer="w"
    )
    visit(page, variant=["ada", "ada;draft"], message="Hello?")
    assert "Unsaved drafts open only for you" in texts(page)
    assert "Not saved yet" not in str(linked(page))
    click(page, "begin_comparison")
    prompts = {each.body["messages"][0]["content"] for each in fake.wait_for_chats(2)}
    assert prompts == {"You are a test.", "Not saved yet."}


def test_a_draft_that_is_not_there_is_said_and_nothing_else_is_asked_instead(open_home: OpenPage) -> None:
    page = visit(open_home(), variant=["ada", "bob;draft"], message="Hello?")
    assert page.button(key="begin_comparison").disabled
    assert "no unsaved draft of “bob”" in told(page)


def test_a_saved_list_of_somebody_else_is_said_not_to_be_there(open_home: OpenPage) -> None:
    page = open_home()
    theirs = get_services().of(OTHER).comparisons.questions.save("Theirs", ["Secret?"])
    mine = get_services().of(LOCAL_OWNER).comparisons.questions.save("Mine", ["Known?"])
    visit(page, variant=["ada", "bob"], questions=theirs.id)
    assert "belongs to somebody else" in told(page)
    assert page.button(key="begin_comparison").disabled
    assert "Secret?" not in texts(page)
    assert "Known?" not in texts(page)
    page.selectbox(key="compare_set").set_value(mine.id).run()
    assert "belongs to somebody else" not in told(page)
    assert page.query_params["questions"] == mine.id
    assert "Your saved list opens only for you" in texts(page)
    assert not page.button(key="begin_comparison").disabled
