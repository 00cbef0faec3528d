"""The Compare page without a browser: choosing, replies in their columns, votes, and what is withheld."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element

from personachat import stamps
from personachat.services import get_services
from personachat.ui.chat import transcript
from tests.fake_provider import FakeProvider, failure, status, tokens
from tests.lab.comparisons.conftest import ended, without_ids
from tests.pages.compare.compare_page import PAIR, begun, comparisons, texts, visit
from tests.pages.conftest import OpenPage
from tests.pages.conversing import click

pytestmark = pytest.mark.usefixtures("local")


def labels(page: AppTest) -> list[str]:
    return [each.label for each in page.main.button]


def test_two_personas_answer_side_by_side(open_home: OpenPage, fake: FakeProvider) -> None:
    fake.answer_by_model({"fake-1": tokens(["Heron."]), "fake-2": tokens(["Stork."])})
    page = visit(open_home(), variant=["ada", "bob;temperature=0.2"], message="Which bird?")
    assert page.text_area(key="compare_message").value == "Which bird?"
    assert "2 calls" in texts(page)
    click(page, "begin_comparison")
    page.run()
    shown = texts(page)
    assert "Heron." in shown
    assert "Stork." in shown
    assert "fake-1" in shown
    assert "A is better" in labels(page)
    click(page, "vote_1_B")
    assert "Nothing is decided after 1 vote" in texts(page)
    assert "won 1, lost 0" in texts(page)


def test_a_draft_that_is_gone_and_a_persona_that_is_not_there_are_said_before_anything_is_sent(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = visit(open_home(), variant=["ada", "nobody"])
    assert page.button(key="begin_comparison").disabled
    assert "nobody" in str([each.value for each in page.main.warning])
    assert fake.chats == []


def test_presets_fill_the_rows(open_home: OpenPage) -> None:
    page = visit(open_home(), variant=["ada", "bob"])
    assert page.query_params["variant"] == ["ada", "bob"]
    page.main.get("menu_button")
    click(page, "add_variant")
    assert page.query_params["variant"] == ["ada", "bob", "bob"]


def test_before_a_blind_vote_the_page_has_no_name_and_after_it_all(open_home: OpenPage) -> None:
    page = open_home()
    comparison_id = begun(blind=True)
    visit(page, comparison=comparison_id)
    sent = without_ids(repr(page.main).lower() + texts(page).lower() + repr(labels(page)).lower())
    for each in ("ada", "bob", "fake-1", "fake-2", "$", "token"):
        assert each not in sent, each
    assert "Reply A" in texts(page)
    assert not [each for each in labels(page) if each.startswith("Continue")]
    click(page, "vote_1_tie")
    assert "Ada" in texts(page)
    assert "fake-2" in texts(page)


def test_a_failure_in_one_column_stays_there(open_home: OpenPage, fake: FakeProvider) -> None:
    page = open_home()
    fake.answer_by_model({"fake-1": failure(401, "no"), "fake-2": tokens(["Stork."])})
    visit(page, comparison=begun())
    assert "Stork." in texts(page)
    assert [each.value for each in page.main.error]
    click(page, "retry_column_A")
    page.run()
    assert "You said: Hello?" in texts(page)


def test_when_to_try_a_column_again_is_said_until_then(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_home()
    limited = status(429, {"Retry-After": "60"})
    fake.answer_by_model({"fake-1": limited, "fake-2": tokens(["Stork."])})
    comparison_id = begun()
    assert "Try again in 60 seconds." in texts(visit(page, comparison=comparison_id))
    monkeypatch.setattr(transcript, "now", lambda: stamps.now() + timedelta(seconds=62))
    assert "limiting requests. Try again." in texts(page.run())


def test_names_shown_before_a_vote_cost_it_its_count(open_home: OpenPage) -> None:
    page = open_home()
    visit(page, comparison=begun(blind=True))
    click(page, "reveal_1")
    click(page, "vote_1_A")
    assert "It isn't counted: the names had been shown." in texts(page)


def test_of_many_messages_the_last_are_shown_and_the_others_on_demand(open_home: OpenPage) -> None:
    page = open_home()
    comparison_id = begun("Question 1")
    for number in range(2, 9):
        comparisons().send(comparison_id, f"Question {number}")
        ended(comparisons(), comparison_id)
    visit(page, comparison=comparison_id)
    assert "You said: Question 2" not in texts(page)
    assert "You said: Question 8" in texts(page)
    click(page, "earlier_rounds")
    assert "You said: Question 1" in texts(page)


def test_a_link_shows_it_read_only(open_home: OpenPage) -> None:
    page = open_home()
    comparison_id = begun("Which bird?")
    visit(page, comparison=comparison_id)
    click(page, "share_comparison")
    token = comparisons().share(comparison_id)
    assert any(f"/shared?comparison={token}" in each.value for each in page.main.code)
    reader = open_home()
    reader.switch_page("pages/shared.py")
    reader.query_params["comparison"] = token
    reader.run()
    assert not reader.exception
    assert "You said: Which bird?" in texts(reader)
    assert not reader.main.button
    click(page, "unshare_comparison")
    reader.run()
    assert "This link is invalid or was revoked" in texts(reader)


def test_comparisons_are_kept_renamed_deleted_and_brought_back(open_home: OpenPage) -> None:
    page = open_home()
    comparison_id = begun("Which *bird*?")
    visit(page)
    click(page, f"open_comparison_{comparison_id}")
    assert page.query_params["comparison"] == comparison_id
    page.session_state["comparison_menu"] = None
    comparisons().rename(comparison_id, "Birds")
    page.run()
    assert page.main.header[0].value == "Birds"
    comparisons().delete(comparison_id)
    page.run()
    assert "doesn't exist or was deleted" in texts(page)


def test_differences_are_shown_against_a_base(open_home: OpenPage, fake: FakeProvider) -> None:
    page = open_home()
    fake.answer_by_model({"fake-1": tokens(["A grey heron."]), "fake-2": tokens(["A white heron."])})
    visit(page, comparison=begun())
    page.main.get("button_group")
    page.session_state["compare_shown"] = "Differences"
    page.run()
    assert not page.exception
    assert any("white" in str(each.proto) and "<ins" in str(each.proto) for each in page.main.get("html"))


def test_somebody_elses_comparison_is_not_there(open_home: OpenPage) -> None:
    page = open_home()
    theirs = get_services().of("browser:other").comparisons
    comparison_id = theirs.begin(PAIR, "Secret bird")
    ended(theirs, comparison_id)
    visit(page, comparison=comparison_id)
    assert "doesn't exist or was deleted" in texts(page)
    assert "Secret" not in texts(page)


def places(block: Block, element: Element) -> list[int]:
    """The numbers of the places that hold it, from the block's own down; [] where it is not there."""
    for number, each in block.children.items():
        if each is element:
            return [number]
        if isinstance(each, Block) and (below := places(each, element)):
            return [number, *below]
    return []


def kind_at(page: AppTest, *path: int) -> str:
    block: Block | Element = page.main
    for number in path:
        assert isinstance(block, Block)
        block = block.children[number]
    return block.type


def test_a_comparison_leaves_nothing_of_the_choice_or_of_its_earlier_buttons_on_the_screen(
    open_home: OpenPage,
) -> None:
    """The browser would show it as long as replies run: it drops only what is said to be empty."""
    page = visit(open_home(), variant=["ada", "bob"], message="Which bird?")
    chosen, *_ = places(page.main, page.text_area(key="compare_message"))
    click(page, "begin_comparison")
    page.run()
    assert kind_at(page, chosen) == "empty"
    *around, votes, _, _ = places(page.main, page.button(key="vote_1_A"))
    assert kind_at(page, *around, votes - 1) == "empty"  # where the buttons for running replies were
    board, rounds, *_ = around
    standing = rounds - 4
    assert kind_at(page, board, standing) == "empty"
    click(page, "vote_1_A")
    assert kind_at(page, board, standing) == "flex_container"
    assert places(page.main, page.button(key="vote_1_A"))[:-2] == [*around, votes]
    click(page, "new_comparison")
    assert kind_at(page, board) == "empty"


def test_a_blind_comparison_that_is_begun_here_shows_all_replies_together(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    fake.answer_by_model({"fake-1": tokens(["Heron."]), "fake-2": tokens(["Stork."])})
    page = visit(open_home(), variant=["ada", "bob"], message="Which bird?", blind="1")
    click(page, "begin_comparison")
    page.run()
    shown = texts(page)
    assert "Heron." in shown
    assert "Stork." in shown
    assert "Ada" not in shown
    assert not [each for each in page.main.button if each.label == "Ask again"]
    click(page, "vote_1_tie")
    assert "Ada" in texts(page)
