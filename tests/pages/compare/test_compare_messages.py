"""What a comparison asks: one message, a saved list, a column of a file; and when it stops asking."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.fake_provider import FakeProvider, failure
from tests.pages.compare.compare_page import comparisons, texts, visit
from tests.pages.conftest import OpenPage
from tests.pages.conversing import click, converse

pytestmark = pytest.mark.usefixtures("local")


def test_a_list_is_sent_one_by_one_and_the_first_page_has_the_overall_standing(open_home: OpenPage) -> None:
    page = visit(open_home(), variant=["ada", "bob"], message="One\n\n Two ")
    page.toggle(key="compare_list").set_value(True).run()
    assert "4 calls" in texts(page)
    click(page, "begin_comparison")
    page.run()
    click(page, "send_waiting")
    page.run()
    assert "You said: Two" in texts(page)
    assert "send_waiting" not in [each.key for each in page.main.button]
    click(page, "vote_2_A")
    click(page, "new_comparison")
    assert "Votes: You (1)" in texts(page)


def test_without_a_message_the_page_says_that_it_did_not_start(open_home: OpenPage) -> None:
    page = visit(open_home(), variant=["ada", "bob"])
    click(page, "begin_comparison")
    (error,) = page.main.error
    assert error.proto.title == "The comparison wasn't started"
    assert "The message is empty." in error.value


def choose_source(page: AppTest, source: str) -> None:
    page.session_state["compare_source"] = source
    page.run()
    assert not page.exception


def test_messages_come_from_a_chat_are_saved_as_a_list_and_chosen_again(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    converse("Birds", said="Which bird?", persona_id="ada")
    page = visit(open_home(), variant=["ada", "bob"])
    choose_source(page, "From a chat")
    assert "1. Which bird?" in texts(page)
    assert "4 calls" in texts(page)
    page.text_input(key="compare_set_name").set_value("Bird *questions*").run()
    click(page, "save_set")
    (saved,) = comparisons().questions.all()
    assert (saved.name, saved.messages) == ("Bird *questions*", ("Which bird?", "Go on"))
    assert page.query_params["questions"] == saved.id
    again = visit(open_home(), variant=["ada", "bob"], questions=saved.id, blind="1")
    assert again.toggle(key="compare_blind").value
    sent = len(fake.chats)
    click(again, "begin_comparison")
    again.run()
    assert len(fake.chats) == sent + 2
    assert comparisons().newest()[0].blind
    assert "send_waiting" in [each.key for each in again.main.button]


def test_a_list_is_renamed_and_deleted_and_comes_back(open_home: OpenPage) -> None:
    saved = comparisons().questions.save("Trams", ["How?"])
    page = visit(open_home(), variant=["ada", "bob"], questions=saved.id)
    page.text_input(key=f"compare_set_rename_{saved.id}").set_value("Ferries").run()
    click(page, "rename_set")
    assert comparisons().questions.get(saved.id).name == "Ferries"
    click(page, "delete_set")
    assert comparisons().questions.all() == ()
    assert "Deleted the list “Ferries”" in texts(page)
    assert page.button(key="begin_comparison").disabled
    click(page, "undo_set")
    assert comparisons().questions.get(saved.id).name == "Ferries"
    assert not page.button(key="begin_comparison").disabled


def test_a_column_of_a_file_is_sent(open_home: OpenPage) -> None:
    page = visit(open_home(), variant=["ada", "bob"])
    choose_source(page, "From a file")
    assert page.button(key="begin_comparison").disabled
    table = b"n,question\n1,Which bird?\n2,\n3,Which tram?\n"
    page.file_uploader(key="compare_file").set_value(("birds.csv", table, "text/csv")).run()
    assert "Left out: 1 empty row." in texts(page)
    assert "2. Which tram?" in texts(page)
    click(page, "begin_comparison")
    page.run()
    assert "You said: Which bird?" in texts(page)
    assert comparisons().seen(comparisons().newest()[0].id).waiting == ("Which tram?",)


def test_a_sum_to_stop_at_is_in_the_forecast_and_what_was_not_sent_can_be(open_home: OpenPage) -> None:
    priced = ["ada;model=gpt-4o-mini;max_tokens=1000", "bob;model=gpt-4o;max_tokens=1000"]
    page = visit(open_home(), variant=priced, message="One\nTwo", stop="0.000001")
    page.toggle(key="compare_list").set_value(True).run()
    assert "stops at" in texts(page)
    click(page, "begin_comparison")
    assert "Nothing was sent. Raise the limit to continue." in page.main.error[0].value
    assert comparisons().newest() == ()
    page.number_input(key="compare_stop").set_value(0.0217).run()
    assert page.query_params["stop"] == "0.0217"
    click(page, "begin_comparison")
    page.run()
    (listed,) = comparisons().newest()
    comparisons().limit(listed.id, 0.00001)
    page.run()
    click(page, "send_waiting")
    assert "Nothing was sent. Raise the limit to continue." in page.main.error[0].value
    assert "so far · stops at" in texts(page)
    page.number_input(key=f"compare_limit_{listed.id}").set_value(1.0).run()
    click(page, "change_limit")
    click(page, "send_waiting")
    page.run()
    assert "You said: Two" in texts(page)


def test_without_known_prices_no_sum_is_promised(open_home: OpenPage) -> None:
    page = visit(open_home(), variant=["ada", "bob"], message="One", stop="1")
    assert page.button(key="begin_comparison").disabled
    assert "the price of one of the models isn't known" in str([each.value for each in page.main.warning])


def test_all_messages_of_a_list_are_sent_one_after_another_until_one_fails(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = visit(open_home(), variant=["ada", "bob"], message="One\nTwo\nThree\nFour")
    page.toggle(key="compare_list").set_value(True).run()
    click(page, "begin_comparison")
    page.run()
    click(page, "send_all")
    page.run()
    assert "You said: Four" in texts(page)
    (listed,) = comparisons().newest()
    assert "stop_list" not in [each.key for each in page.main.button]
    assert [each.message for each in comparisons().seen(listed.id).rounds] == ["One", "Two", "Three", "Four"]
    other = visit(open_home(), variant=["ada", "bob"], message="Five\nSix\nSeven\nEight")
    other.toggle(key="compare_list").set_value(True).run()
    click(other, "begin_comparison")
    other.run()
    fake.answer_by_model({"fake-1": failure(401, "no")})
    click(other, "send_all")
    other.run()
    newest = comparisons().newest()[0]
    assert comparisons().seen(newest.id).waiting == ("Seven", "Eight")
    assert "send_all" in [each.key for each in other.main.button]
    assert "Reply A to message 2 isn't complete." in other.main.warning[0].value
