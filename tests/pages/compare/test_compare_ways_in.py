"""Where a comparison begins: a turn of a chat, several personas of the list, an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from personachat.lab.comparisons.model import Setup
from personachat.owners import LOCAL_OWNER
from personachat.services import get_services
from personachat.ui.compare import ways_in
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.lab.comparisons.conftest import ended
from tests.pages.compare.compare_page import begun, comparisons, texts, visit
from tests.pages.conftest import OpenPage
from tests.pages.conversing import click, converse

pytestmark = pytest.mark.usefixtures("local")


def test_one_column_goes_on_as_a_chat(open_home: OpenPage) -> None:
    page = open_home()
    visit(page, comparison=begun("Which bird?"))
    click(page, "continue_column_A")
    assert page.query_params["chat"]
    assert "You said: Which bird?" in texts(page)


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
