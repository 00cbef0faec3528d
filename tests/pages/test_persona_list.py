"""The list of personas without a browser: searched, filtered, sorted, liked, and several changed at once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import unquote

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from personachat.services import get_services
from personachat.ui import session
from personachat.ui.personas import bulk_work, list_choices, rows
from personachat.ui.personas import list as persona_list
from personachat.ui.personas.state import PersonasState
from personachat.ui.session import PersonaDraft
from tests.conftest import persona_text
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local, click


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three personas and a broken file; their names are in the order of their ids."""
    made = tmp_path / "personas"
    made.mkdir()
    put(made, "bard", name="Bard", tags=["fun", "verse"])
    put(made, "analyst", name="Data analyst", description="Explains numbers", tags=["work"])
    put(made, "tutor", name="Socratic tutor", tags=["work", "fun"])
    (made / "cracked.json").write_text('{\n  "id": "cracked"\n}\n')
    return made


@pytest.fixture
def open_page(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Opens the page in a new session of the same person."""
    be_local(monkeypatch)

    def open_it() -> AppTest:
        at = open_home()
        at.switch_page("pages/personas.py").run()
        assert not at.exception
        return at

    return open_it


@pytest.fixture
def at(open_page: OpenPage) -> AppTest:
    return open_page()


def put(folder: Path, persona_id: str, **keys: object) -> None:
    (folder / f"{persona_id}.json").write_text(persona_text(persona_id, **keys))


def listed(at: AppTest) -> list[str]:
    """Ids in the list, from the top."""
    return [
        str(each.key).removeprefix("persona-") for each in at.button if str(each.key).startswith("persona-")
    ]


def choosable(at: AppTest) -> list[str]:
    """Ids that can be chosen now."""
    boxes = [each for each in at.checkbox if str(each.key).startswith("chosen-persona-")]
    return [str(each.key).removeprefix("chosen-persona-") for each in boxes if not each.disabled]


def said(at: AppTest) -> str:
    return "\n".join(str(each.value) for each in [*at.markdown, *at.caption])


def search(at: AppTest, words: str) -> AppTest:
    at.text_input(key="persona_search").set_value(words).run()
    assert not at.exception
    return at


def choose(at: AppTest, *ids: str) -> AppTest:
    """Begin to choose, and choose these."""
    click(at, "choose_personas")
    for persona_id in ids:
        at.checkbox(key=f"chosen-persona-{persona_id}").check().run()
        assert not at.exception
    return at


def tags_in(folder: Path, persona_id: str) -> list[str]:
    return list(json.loads((folder / f"{persona_id}.json").read_text()).get("tags", []))


def test_the_session_is_asked_as_often_whether_there_are_few_personas_or_many(
    open_page: OpenPage, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_page()
    asked: list[int] = []
    drafts = session.drafts

    def counted() -> dict[str, session.PersonaDraft]:
        asked[-1] += 1
        return drafts()

    monkeypatch.setattr(session, "drafts", counted)
    asked.append(0)
    at.run()
    for number in range(60):
        put(folder, f"more-{number}")
    for _ in range(2):  # the first look takes the new ones in
        asked.append(0)
        at.run()
    assert len(listed(at)) > 40
    assert asked[-1] <= asked[0]


# --- what is shown --------------------------------------------------------------------------------


def test_only_personas_with_all_of_the_chosen_tags_stay(at: AppTest) -> None:
    at.multiselect(key="persona_tags").select("fun").run()
    assert listed(at) == ["bard", "tutor"]

    at.multiselect(key="persona_tags").select("work").run()
    assert listed(at) == ["tutor"]


def test_search_and_filters_work_together_and_stay_when_another_page_was_open(at: AppTest) -> None:
    at.multiselect(key="persona_tags").select("fun").run()
    search(at, "bar")
    at.switch_page("pages/chat.py").run()
    at.switch_page("pages/personas.py").run()

    assert listed(at) == ["bard"]
    assert at.text_input(key="persona_search").value == "bar"
    assert at.multiselect(key="persona_tags").value == ["fun"]


def test_where_the_filters_leave_none_one_click_clears_them(at: AppTest) -> None:
    at.toggle(key="persona_only_favourites").set_value(True).run()
    assert listed(at) == []
    assert "No persona matches these filters" in said(at)

    click(at, "clear_persona_filters")
    assert len(listed(at)) == 4


def test_a_tag_that_no_persona_has_any_more_stays_a_filter_that_can_be_cleared(
    at: AppTest, folder: Path
) -> None:
    at.multiselect(key="persona_tags").select("verse").run()
    put(folder, "bard", name="Bard")
    at.run()
    assert not at.exception
    assert listed(at) == []

    click(at, "clear_persona_filters")
    assert len(listed(at)) == 4


def test_the_last_changed_come_first_if_that_is_asked_for(at: AppTest, folder: Path) -> None:
    put(folder, "tutor", name="Socratic tutor", description="New")
    os.utime(
        folder / "tutor.json", (1, 1)
    )  # the history knows when it was changed, the file may say anything
    at.selectbox(key="persona_order").select("changed").run()

    assert listed(at)[0] == "tutor"


def test_many_personas_come_in_pages(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persona_list, "PAGE_ROWS", 3)
    at.run()
    assert listed(at) == ["bard", "cracked", "analyst"]
    assert "1 to 3 of 4" in said(at)
    assert at.button(key="persona_page_chevron_left").disabled

    click(at, "persona_page_chevron_right")
    assert listed(at) == ["tutor"]
    assert at.button(key="persona_page_chevron_right").disabled

    search(at, "a")
    assert listed(at)[0] == "bard"


def test_the_page_of_the_persona_in_the_address_is_shown(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_local(monkeypatch)
    monkeypatch.setattr(persona_list, "PAGE_ROWS", 3)
    at = open_home()
    at.switch_page("pages/personas.py")
    at.query_params["id"] = "tutor"
    at.run()

    assert listed(at) == ["tutor"]
    assert at.button(key="persona-tutor").proto.type == "secondary"


def test_a_row_tells_model_time_and_description_and_the_id_of_a_namesake(at: AppTest, folder: Path) -> None:
    name = "A name that is far too long to be shown in twenty-two characters"
    put(folder, "one", name=name, model="gpt-6", description="Says *this*")
    put(folder, "two", name=name, model="gpt-6", description="Says that")
    at.run()

    one, two = (str(at.button(key=f"persona-{each}").label) for each in ("one", "two"))
    assert one.startswith(f"**{name}**")
    assert "one · gpt-6 · just now · Says" in one
    assert "two · gpt-6 · just now · Says that" in two


def test_the_search_looks_into_prompts_after_all_else(at: AppTest, folder: Path) -> None:
    put(folder, "aaa", name="Aaa", systemPrompt="You love STATISTICS.")
    put(folder, "zzz", name="Zzz statistics")
    search(at, "statistics")
    assert listed(at) == ["zzz", "aaa"]


def test_an_unsaved_persona_says_so_in_words(at: AppTest) -> None:
    at.session_state["persona_drafts"] = {"mine": PersonaDraft(persona_text("mine"), "", None)}
    at.run()
    assert "Unsaved" in at.button(key="persona-mine").label


def test_tags_are_folders_where_that_is_wanted(at: AppTest) -> None:
    at.toggle(key="persona_folders").set_value(True).run()
    folders = [str(each.label) for each in at.button if str(each.key).startswith("folder-")]
    assert folders == [
        "**fun** :small[2 personas]",
        "**verse** :small[1 persona]",
        "**work** :small[2 personas]",
        "**No tags** :small[1 persona]",
    ]
    assert listed(at) == []

    click(at, "folder-2")
    assert listed(at) == ["analyst", "tutor"]
    click(at, "leave_folder")
    click(at, "folder-3")
    assert listed(at) == ["cracked"]
    search(at, "bard")
    assert listed(at) == ["bard"]


def test_order_folders_and_tab_are_remembered_by_the_browser(
    at: AppTest, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.selectbox(key="persona_order").select("changed").run()
    at.session_state["persona_tab"] = "Preview"
    at.run()
    scripts = [str(each.proto.body) for each in at.get("html") if "personachat_personas=" in str(each.proto)]
    [cookie] = [script.split("personachat_personas=")[1].split(";")[0] for script in scripts]
    monkeypatch.setattr(list_choices, "_remembered", lambda: json.loads(unquote(cookie)))

    later = open_page()
    assert later.selectbox(key="persona_order").value == "changed"
    assert later.session_state["persona_tab"] == "Preview"


@pytest.mark.parametrize("cookie", ["", "{", "[]", "%7B%22persona_order%22%3A3%7D", '{"persona_order":"no"}'])
def test_a_cookie_that_is_none_of_ours_changes_nothing(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, cookie: str
) -> None:
    cookies = {list_choices.COOKIE: cookie}
    monkeypatch.setattr(type(st.context), "cookies", property(lambda _: cookies))
    assert open_page().selectbox(key="persona_order").value == "name"


def test_of_many_tags_only_the_commonest_are_offered(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_TAGS", 2)
    at.run()

    assert at.multiselect(key="persona_tags").options == ["fun", "work"]


# --- favourites -----------------------------------------------------------------------------------


def test_a_favourite_comes_first_and_is_one_in_a_new_session_too(at: AppTest, open_page: OpenPage) -> None:
    click(at, "persona-tutor")
    click(at, "favourite")
    assert "⭐" in at.button(key="persona-tutor").label

    later = open_page()
    later.selectbox(key="persona_order").select("favourites").run()
    assert listed(later)[0] == "tutor"
    later.toggle(key="persona_only_favourites").set_value(True).run()
    assert listed(later) == ["tutor"]


def test_a_second_click_makes_it_none_any_more(at: AppTest) -> None:
    click(at, "persona-tutor")
    click(click(at, "favourite"), "favourite")

    assert "⭐" not in at.button(key="persona-tutor").label
    assert get_services().of("local").collection.favourites() == frozenset()


# --- several at once ------------------------------------------------------------------------------


def test_a_broken_file_is_deleted_among_others_and_comes_back(at: AppTest, folder: Path) -> None:
    text = (folder / "cracked.json").read_text()
    delete(at, "cracked", "tutor")
    assert sorted(each.stem for each in folder.glob("*.json")) == ["analyst", "bard"]
    assert "Deleted **2 personas**" in said(at)
    click(at, "undo_bulk")
    assert (folder / "cracked.json").read_text() == text
    assert (folder / "tutor.json").exists()


def test_what_was_never_saved_cannot_be_chosen(at: AppTest) -> None:
    at.session_state["persona_drafts"] = {"mine": PersonaDraft(persona_text("mine"), "", None)}
    choose(at)

    assert "chosen-persona-mine" in [each.key for each in at.checkbox]

    assert choosable(at) == ["bard", "cracked", "analyst", "tutor"]
    click(at, "choose_all")
    assert "4 selected" in said(at)


def test_the_choice_outlasts_a_search_and_all_chooses_what_it_leaves(at: AppTest) -> None:
    choose(at, "tutor")
    search(at, "bard")
    assert "1 selected" in said(at)

    click(at, "choose_all")
    search(at, "")
    assert "2 selected" in said(at)
    assert not at.checkbox(key="chosen-persona-analyst").value
    assert at.checkbox(key="chosen-persona-tutor").value

    click(at, "choose_none")
    assert "0 selected" in said(at)
    assert at.button(key="delete_chosen").disabled


def test_a_choice_is_forgotten_with_the_end_of_choosing(at: AppTest) -> None:
    choose(at, "tutor")
    click(click(at, "choose_personas"), "choose_personas")

    assert "0 selected" in said(at)


def test_tags_are_added_and_removed_and_undo_puts_them_back(at: AppTest, folder: Path) -> None:
    before = {each: (folder / f"{each}.json").read_text() for each in ("bard", "tutor")}
    choose(at, "bard", "tutor")
    at.session_state["tags_to_add"] = [" new "]
    at.session_state["tags_to_remove"] = ["fun"]
    at.run()
    click(at, "apply_tags")

    assert (tags_in(folder, "bard"), tags_in(folder, "tutor")) == (["verse", "new"], ["work", "new"])
    assert "Changed the tags of **2 personas**" in said(at)
    assert at.multiselect(key="tags_to_remove").value == []

    click(at, "undo_bulk")
    assert {each: (folder / f"{each}.json").read_text() for each in before} == before
    click(at, "dismiss_bulk")
    assert "Undid" not in said(at)


def test_personas_that_have_the_tag_already_do_not_count(at: AppTest) -> None:
    choose(at, "bard", "tutor")
    at.session_state["tags_to_add"] = ["work"]
    at.run()
    click(at, "apply_tags")

    assert "Changed the tags of **Bard**" in said(at)


def delete(at: AppTest, *ids: str) -> None:
    click(choose(at, *ids), "delete_chosen")
    click(at, "confirm_delete_many")


def test_deleting_several_asks_with_their_number_and_names(at: AppTest, folder: Path) -> None:
    click(choose(at, "bard", "tutor"), "delete_chosen")

    assert len(list(folder.glob("*.json"))) == 4
    assert at.button(key="confirm_delete_many").label == "Delete 2 personas"
    assert "- Bard\n- Socratic tutor" in said(at)
    click(at, "cancel_delete_many")
    assert len(list(folder.glob("*.json"))) == 4


def test_undo_of_several_is_there_after_a_reload(at: AppTest, folder: Path, open_page: OpenPage) -> None:
    text = (folder / "bard.json").read_text()
    delete(at, "bard", "tutor")
    new = open_page()

    assert "Deleted **2 personas**" in said(new)
    click(new, "undo_delete")
    assert (folder / "bard.json").read_text() == text
    assert "Restored **2 personas**" in said(new)
    click(new, "dismiss_bulk")
    assert "Deleted" not in said(open_page())


def test_all_that_were_deleted_are_counted_searched_and_brought_back_together(
    at: AppTest, folder: Path
) -> None:
    delete(at, "analyst", "bard", "tutor")
    click(at, "dismiss_bulk")
    assert any(each.label == "Recently deleted (3)" for each in at.expander)

    at.text_input(key="deleted_search").set_value("BARD").run()
    brought = [str(each.key) for each in at.button if str(each.key).startswith("bring-back-")]
    assert brought == ["bring-back-bard"]
    at.text_input(key="deleted_search").set_value("nobody").run()
    assert "No deleted persona matches" in said(at)
    at.text_input(key="deleted_search").set_value("").run()
    click(at, "bring_back_all")
    assert sorted(each.stem for each in folder.glob("*.json")) == ["analyst", "bard", "cracked", "tutor"]
    assert not any("Recently deleted" in each.label for each in at.expander)


def test_several_are_deleted_and_undo_brings_them_back(at: AppTest, folder: Path) -> None:
    text = (folder / "bard.json").read_text()
    click(at, "persona-bard")
    delete(at, "bard", "tutor")

    assert sorted(each.stem for each in folder.glob("*.json")) == ["analyst", "cracked"]
    assert "Deleted **2 personas**" in said(at)
    assert not any("There is no persona" in each.value for each in at.warning)  # another one is open

    click(at, "undo_bulk")
    assert (folder / "bard.json").read_text() == text
    assert "Restored **2 personas**" in said(at)


def test_one_that_cannot_be_changed_is_said_and_does_not_stop_the_others(at: AppTest, folder: Path) -> None:
    click(choose(at, "analyst", "bard", "tutor"), "delete_chosen")
    (folder / "bard.json").write_text("{")
    click(at, "confirm_delete_many")  # the click came before the page knew

    assert sorted(each.stem for each in folder.glob("*.json")) == ["bard", "cracked"]
    assert "Deleted **2 personas**" in said(at)
    assert "bard" in "\n".join(each.value for each in at.caption if ":material/error:" in each.value)


def test_undo_leaves_what_somebody_changed_meanwhile(at: AppTest, folder: Path) -> None:
    choose(at, "bard", "tutor")
    at.session_state["tags_to_remove"] = ["fun"]
    at.run()
    click(at, "apply_tags")
    put(folder, "bard", name="Theirs")
    click(at, "undo_bulk")

    assert json.loads((folder / "bard.json").read_text())["name"] == "Theirs"
    assert tags_in(folder, "tutor") == ["work", "fun"]
    assert "Undid the change to **Socratic tutor**" in said(at)
    assert any(":material/error:" in each.value for each in at.caption)


def test_what_takes_several_steps_is_done_to_the_last_one(
    at: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_work, "STEP", 1)
    delete(at, "analyst", "bard", "tutor")

    assert [each.stem for each in folder.glob("*.json")] == ["cracked"]
    assert "Deleted **3 personas**" in said(at)


def test_what_was_opened_while_several_steps_deleted_it_is_not_missed_at_the_end(
    at: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_work, "STEP", 1)
    (folder / "cracked.json").unlink()
    delete(at, "bard", "analyst")

    assert [each.stem for each in folder.glob("*.json")] == ["tutor"]
    assert at.session_state["remembered_id"] == "tutor"


def test_work_that_a_click_cut_short_goes_on_with_what_is_left(at: AppTest, folder: Path) -> None:
    work = bulk_work.delete(["analyst", "bard", "tutor"])
    work.left, later = ["analyst"], ["bard", "tutor"]
    work.go_on(get_services().of("local").collection)
    work.left = later
    at.session_state["personas_page"] = PersonasState(bulk_work=work)
    at.run()
    assert listed(at) == ["cracked"]

    click(at, "undo_bulk")
    assert set(listed(at)) == {"analyst", "bard", "cracked", "tutor"}
