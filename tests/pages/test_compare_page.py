"""The Compare page without a browser: choosing, replies in their columns, votes, and what is withheld."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element

from personachat.lab.comparisons.model import Setup
from personachat.lab.comparisons.service import Comparisons
from personachat.owners import LOCAL_OWNER
from personachat.services import get_services
from personachat.ui.compare import ways_in
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, failure, tokens
from tests.lab.comparisons.conftest import ended, without_ids
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local, click, converse

PAIR = (Setup(persona_id="ada"), Setup(persona_id="bob"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    for number, each in enumerate(("ada", "bob"), 1):
        (made / f"{each}.json").write_text(persona_text(each, model=f"fake-{number}"))
    return made


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    be_local(monkeypatch)


def comparisons() -> Comparisons:
    return get_services().of(LOCAL_OWNER).comparisons


def begun(message: str = "Hello?", *, blind: bool = False) -> str:
    comparison_id = comparisons().begin(PAIR, message, blind=blind)
    ended(comparisons(), comparison_id)
    return comparison_id


def visit(page: AppTest, **query: str | list[str]) -> AppTest:
    page.switch_page("pages/compare.py")
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    parts = [*page.main.markdown, *page.main.caption, *page.main.info, *page.main.error, *page.main.text]
    return "\n".join(str(each.value) for each in parts)


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


def test_names_shown_before_a_vote_cost_it_its_count(open_home: OpenPage) -> None:
    page = open_home()
    visit(page, comparison=begun(blind=True))
    click(page, "reveal_1")
    click(page, "vote_1_A")
    assert "It isn't counted: the names had been shown." in texts(page)


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


def test_one_column_goes_on_as_a_chat(open_home: OpenPage) -> None:
    page = open_home()
    visit(page, comparison=begun("Which bird?"))
    click(page, "continue_column_A")
    assert page.query_params["chat"]
    assert "You said: Which bird?" in texts(page)


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


def test_from_a_turn_the_message_and_its_persona_come_along(open_home: OpenPage) -> None:
    page = open_home()
    conversation_id = converse("Birds", persona_id="ada")
    turns = get_services().of(LOCAL_OWNER).chat.conversation(conversation_id).path
    page.query_params["chat"] = conversation_id
    page.run()
    menu = next(
        each for each in page.main.get("menu_button") if each.proto.id.endswith(f"menu_{turns[-1].id}")
    )
    assert [each for each in menu.proto.options if each.endswith("Compare with…")]


def test_ways_in_carry_message_and_setups(open_home: OpenPage) -> None:
    """What the menus of turns, personas and revisions call."""
    page = open_home()
    conversation_id = converse("Birds", said="Which bird?", persona_id="ada")
    turns = get_services().of(LOCAL_OWNER).chat.conversation(conversation_id).path
    assert ways_in.of_turn(turns[-1], turns) == ([Setup(persona_id="ada")] * 2, "Go on")
    assert ways_in.of_turn(turns[2], turns) == ([Setup(persona_id="ada")] * 2, "Go on")
    assert ways_in.of_turn(turns[1], turns) == ([Setup(persona_id="ada")] * 2, "Which bird?")
    assert ways_in.of_persona("ada", drafted=True) == [
        Setup(persona_id="ada"),
        Setup(persona_id="ada", text=""),
    ]
    assert ways_in.of_revisions("ada", 3) == [Setup(persona_id="ada", revision=3), Setup(persona_id="ada")]
    assert not page.exception


def test_several_personas_of_the_list_are_compared(open_home: OpenPage) -> None:
    page = open_home()
    page.switch_page("pages/personas.py").run()
    click(page, "choose_personas")
    click(page, "choose_all")
    click(page, "compare_chosen")
    assert page.query_params["variant"] == ["ada", "bob"]
    assert page.main.header[0].value == "Compare"


def test_what_is_chosen_from_has_the_names_as_they_are(open_home: OpenPage, folder: Path) -> None:
    """Options of a list are no Markdown; tooltips are."""
    (folder / "odd.json").write_text(persona_text("odd", name="C_3*PO*", model="org/llama_3*"))
    page = visit(open_home(), variant=["odd;model=llama_3*", "nobody_*"])
    offered = {each.label: each.options for each in page.main.selectbox}
    assert "C_3*PO*" in offered["Persona"]
    assert "nobody_*" in offered["Persona"]
    chosen = [each.proto.raw_value for each in page.main.selectbox if each.label == "Model"]
    assert chosen or "llama_3*" in str(offered["Model"])
    assert r"nobody\_\*" in page.button(key="begin_comparison").help


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


def test_without_a_message_the_page_says_that_it_did_not_start(open_home: OpenPage) -> None:
    page = visit(open_home(), variant=["ada", "bob"])
    click(page, "begin_comparison")
    (error,) = page.main.error
    assert error.proto.title == "The comparison wasn't started"
    assert "The message is empty." in error.value


def begun_with_six(fake: FakeProvider) -> str:
    models = [f"fake-{number}" for number in range(1, 7)]
    fake.answer_by_model({each: tokens([f"Words of {each}."]) for each in models})
    comparison_id = comparisons().begin([Setup(persona_id="ada", model=each) for each in models], "Hello?")
    ended(comparisons(), comparison_id)
    return comparison_id


def test_more_than_four_variants_are_a_matrix_with_one_reply_in_full(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = open_home()
    comparison_id = begun_with_six(fake)
    comparisons().send(comparison_id, "And now?")
    ended(comparisons(), comparison_id)
    visit(page, comparison=comparison_id)
    assert "You said: And now?" in texts(page)
    cells = {each.key: each.label for each in page.main.button if str(each.key).startswith("cell_")}
    assert list(cells) == [f"cell_{number}_{letter}" for number in (1, 2) for letter in "ABCDEF"]
    assert ", message 2, finished, shown below" in cells["cell_2_A"]
    click(page, "cell_1_C")
    assert "Words of fake-3." in texts(page)
    assert "Words of fake-1." not in texts(page)
    click(page, "matrix_next_reply")
    assert "Words of fake-4." in texts(page)
    for _ in range(3):
        click(page, "matrix_next_reply")
    assert "Words of fake-1." in texts(page)  # round the corner
    assert page.button(key="matrix_previous_message").disabled
    click(page, "matrix_next_message")
    click(page, "vote_2_B")
    assert "your vote" in page.button(key="cell_2_B").label
    page.session_state[f"compare_layout_{comparison_id}"] = "Columns"
    page.run()
    assert not [each for each in page.main.button if str(each.key).startswith("cell_")]
    assert "Words of fake-6." in texts(page)


def test_cells_of_a_blind_matrix_name_nobody(open_home: OpenPage) -> None:
    page = open_home()
    setups = [Setup(persona_id="ada", samples=3), Setup(persona_id="bob", samples=2)]
    comparison_id = comparisons().begin(setups, "Hello?", blind=True)
    ended(comparisons(), comparison_id)
    visit(page, comparison=comparison_id)
    helps = repr([each.help for each in page.main.button])
    sent = without_ids(f"{page.main!r} {texts(page)} {helps}".lower())
    for each in ("ada", "bob", "fake-1", "fake-2"):
        assert each not in sent, each
    assert len([each for each in page.main.button if str(each.key).startswith("cell_")]) == 5


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


def test_the_chat_goes_on_with_the_columns_labelled_revision_or_says_what_differs(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    page = open_home()
    services = get_services()
    number = services.revisions.of("ada")[-1].number
    services.labels.put("ada", "stable", number, author="")
    services.personas.save(persona_text("ada", model="fake-1", systemPrompt="Second."))
    draft = persona_text("bob", model="fake-7", systemPrompt="Not saved.")
    setups = (Setup(persona_id="ada", revision=number), Setup(persona_id="bob", text=draft))
    comparison_id = comparisons().begin(setups, "Which bird?")
    ended(comparisons(), comparison_id)
    visit(page, comparison=comparison_id)
    click(page, "continue_column_A")
    assert page.query_params["persona"] == "ada@stable"
    assert "The saved persona continues" not in texts(page)
    page.chat_input[0].set_value("And now?").run()
    page.run()
    assert "Second." not in fake.wait_for_chats(3)[-1].body["messages"][0]["content"]
    visit(page, comparison=comparison_id)
    click(page, "continue_column_B")
    (told,) = [each.value for each in page.warning]
    assert "The saved persona continues here. The column had another prompt." in told
    assert "fake-7" in page.button(key="chat_settings").label


def test_traits_are_in_the_address_and_in_the_fields(open_home: OpenPage) -> None:
    page = visit(open_home(), variant=["ada;tone=very *dry*", "ada"])
    fields = {each.label: each.value for each in page.main.text_input if str(each.key).endswith("_1")}
    assert fields["Tone"] == "very *dry*"
    page.text_input(key="compare_style_2").set_value("tables").run()
    assert page.query_params["variant"] == ["ada;tone=very %2Adry%2A", "ada;style=tables"]


def test_six_variants_that_are_begun_here_stream_into_the_matrix(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    models = [f"fake-{number}" for number in range(1, 7)]
    fake.answer_by_model({each: tokens([f"Words of {each}."]) for each in models})
    page = visit(open_home(), variant=[f"ada;model={each}" for each in models], message="Hello?")
    click(page, "begin_comparison")
    page.run()
    assert "Words of fake-1." in texts(page)
    click(page, "cell_1_F")
    assert "Words of fake-6." in texts(page)


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
