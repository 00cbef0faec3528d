"""What was open on a page whose session is lost, if only the end of a run that was cut off is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.services import get_services
from personachat.ui.history.state import OpenDialog
from tests.conftest import persona_text
from tests.pages.conftest import OpenPage
from tests.pages.conversing import converse, library
from tests.pages.lost_sessions import (
    click,
    come_back,
    conversation,
    converse_here,
    lose_session,
    open_personas,
    said,
    stored,
    type_prompt,
    unsent,
    write,
)

pytestmark = pytest.mark.usefixtures("local")


def cut_off(at: AppTest) -> AppTest:
    """The page as a browser comes back with it that asks for its last run again, and for nothing else."""
    at.run()
    states = at._tree.get_widget_states()
    states.widgets.extend(unsent(at))
    return come_back(at, states)


def buttons(at: AppTest) -> set[str]:
    return {str(each.key) for each in at.button}


def stays_and_is_done(at: AppTest, key: str) -> AppTest:
    """The button is there after the first loss, and does what it says after another one."""
    new = cut_off(at)
    assert key in buttons(new)
    click(new, key)
    done = lose_session(new)
    assert "was not carried out" not in said(done)
    return done


def test_the_question_before_a_persona_is_deleted_stays_open(open_home: OpenPage, folder: Path) -> None:
    at = open_personas(open_home, "second")
    at.menu_button(key="persona_menu").set_value(":material/delete: Delete").run()
    stays_and_is_done(at, "confirm_delete")

    assert not (folder / "second.json").exists()


def test_the_question_before_several_are_deleted_names_all_of_them_also_those_out_of_sight(
    open_home: OpenPage, folder: Path
) -> None:
    at = open_personas(open_home, "default-persona")
    at.button(key="choose_personas").click().run()
    at.checkbox(key="chosen-persona-second").check().run()
    at.button(key="delete_chosen").click().run()
    at.text_input(key="persona_search").set_value("default").run()
    stays_and_is_done(at, "confirm_delete_many")

    assert [each.stem for each in folder.glob("*.json")] == ["default-persona"]


def test_which_version_to_keep_stays_asked(open_home: OpenPage, folder: Path) -> None:
    stays_and_is_done(in_conflict(open_home, folder), "conflict_mine")

    assert stored("second") == "Mine."


def test_a_version_that_nobody_was_shown_is_not_overwritten(open_home: OpenPage, folder: Path) -> None:
    at = in_conflict(open_home, folder)
    click(at, "conflict_mine")
    (folder / "second.json").write_text(persona_text("second", name="Second", systemPrompt="Newer still."))
    new = lose_session(at)

    assert stored("second") == "Newer still."
    assert "Please do it again" in said(new)
    assert "Mine." in new.session_state["persona_drafts"]["second"].text


def test_what_was_chosen_of_two_changes_stays_chosen(open_home: OpenPage, folder: Path) -> None:
    at = in_conflict(open_home, folder, theirs=persona_text("second", name="Second", systemPrompt="Theirs."))
    (choice,) = (each for each in at.segmented_control if str(each.key).startswith("merge_choice_"))
    choice.set_value("Keep mine").run()
    stays_and_is_done(at, "save_merged")

    assert stored("second") == "Mine."


def in_conflict(open_home: OpenPage, folder: Path, *, theirs: str = '{"name": "Theirs"') -> AppTest:
    """What is theirs cannot be merged where it is no JSON."""
    at = open_personas(open_home, "second")
    write(at, persona_text("second", name="Second", systemPrompt="Mine."))
    (folder / "second.json").write_text(theirs)
    at.button(key="save").click().run()
    return at


@pytest.mark.parametrize("page", ["chat", "history"])
def test_a_dialog_about_a_conversation_stays_open_wherever_it_was_opened(
    open_home: OpenPage, page: str
) -> None:
    chat = converse_here(open_home)
    here = converse("The one that is open")
    at = open_home(chat=here)
    if page == "history":
        at.query_params.clear()  # as a link to another page does
        at.session_state["remembered_chat"] = here
        at.switch_page("pages/history.py").run()
    at.session_state["history_page"].dialog = OpenDialog("share", chat, here)
    stays_and_is_done(at.run(), "create_link")

    assert library().share_of(chat)


def test_who_is_to_answer_instead_stays_asked(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    reply = conversation(chat).path[-1]
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{reply.id}").set_value(":material/swap_horiz: Regenerate with…").run()
    stays_and_is_done(at, f"regenerate_for_{reply.id}")

    assert conversation(chat).path[-1].id != reply.id


@pytest.mark.parametrize("item", ["Delete", "Archive"])
def test_the_way_back_to_a_conversation_stays_offered(open_home: OpenPage, item: str) -> None:
    chat = converse_here(open_home)
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{chat}").set_value(item).run()
    stays_and_is_done(at, "undo_put_away")

    assert [each.id for each in library().list().conversations] == [chat]


def test_the_way_back_to_a_turn_and_to_a_chat_stays_offered(open_home: OpenPage) -> None:
    chat = converse_here(open_home)
    before = [turn.id for turn in conversation(chat).path]
    at = open_home(chat=chat)
    at.menu_button(key=f"menu_{before[-2]}").set_value(":material/delete: Delete").run()
    stays_and_is_done(at, "undelete")
    assert [turn.id for turn in conversation(chat).path] == before

    at = open_home(chat=chat)
    at.menu_button(key="chat_menu").set_value("Clear this chat").run()
    stays_and_is_done(at, "undo_clear")
    assert [turn.id for turn in conversation(chat).path] == before


def test_a_deleted_template_comes_back(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    at.menu_button(key="persona_menu").set_value(":material/bookmark_add: Save as template").run()
    [own] = [each for each in get_services().gallery.all() if each.own]
    at.button(key="create").click().run()
    at.button(key=f"delete-{own.id}").click().run()
    assert not [each for each in get_services().gallery.all() if each.own]
    stays_and_is_done(at, "undo_template")

    assert [each.persona for each in get_services().gallery.all() if each.own] == [own.persona]


def test_a_template_is_saved(open_home: OpenPage) -> None:
    at = open_personas(open_home, "second")
    type_prompt(at, "After.")
    at.menu_button(key="persona_menu").set_value(":material/bookmark_add: Save as template")
    lose_session(at)

    assert [each.persona.system_prompt for each in get_services().gallery.all() if each.own] == ["After."]


@pytest.mark.parametrize("loses", [lose_session, cut_off])
def test_a_change_of_tags_is_undone(open_home: OpenPage, loses: Callable[[AppTest], AppTest]) -> None:
    before = get_services().personas.get("second").text
    at = open_personas(open_home, "default-persona")
    at.button(key="choose_personas").click().run()
    for persona_id in ("second", "default-persona"):
        at.checkbox(key=f"chosen-persona-{persona_id}").check().run()
    at.multiselect(key="tags_to_add").set_value(["new"])
    at.button(key="apply_tags").click().run()
    assert get_services().personas.get("second").persona.tags == ("new",)
    if loses is cut_off:
        at = cut_off(at)
        assert "Changed the tags of **2 personas**" in said(at)
        click(at, "undo_delete")
    else:
        click(at, "undo_bulk")
    lose_session(at)

    assert get_services().personas.get("second").text == before
    assert not get_services().personas.get("default-persona").persona.tags


def test_undoing_a_change_of_tags_spares_what_somebody_changed_since(
    open_home: OpenPage, folder: Path
) -> None:
    at = open_personas(open_home, "default-persona")
    at.button(key="choose_personas").click().run()
    at.checkbox(key="chosen-persona-second").check().run()
    at.multiselect(key="tags_to_add").set_value(["new"])
    at.button(key="apply_tags").click().run()
    (folder / "second.json").write_text(persona_text("second", name="Second", systemPrompt="Theirs."))
    click(at, "undo_bulk")
    new = lose_session(at)

    assert stored("second") == "Theirs."
    assert "Undid the change to no persona" in said(new)


def test_several_deleted_personas_come_back(open_home: OpenPage, folder: Path) -> None:
    at = open_personas(open_home, "default-persona")
    at.button(key="choose_personas").click().run()
    at.checkbox(key="chosen-persona-second").check().run()
    at.button(key="delete_chosen").click().run()
    at.button(key="confirm_delete_many").click().run()
    assert not (folder / "second.json").exists()
    click(at, "undo_bulk")
    lose_session(at)

    assert (folder / "second.json").exists()


@pytest.mark.parametrize(
    "words", ["", "not valid JSON", "[]", '{"kind": "delete"}', '{"kind": "rm", "persona_id": 1}']
)
def test_a_mark_that_is_none_opens_nothing(open_home: OpenPage, words: str) -> None:
    at = open_personas(open_home, "second")
    at.menu_button(key="persona_menu").set_value(":material/delete: Delete").run()
    states = at._tree.get_widget_states()
    for state in states.widgets:
        if "-mark-" in state.id:
            state.string_value = words
    new = come_back(at, states)

    assert "confirm_delete" not in buttons(new)
    assert words not in said(new) or not words
