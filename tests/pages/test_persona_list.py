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
from personachat.ui.personas import list as persona_list
from personachat.ui.personas import list_choices, rows
from personachat.ui.session import PersonaDraft
from tests.conftest import persona_text
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local, click
from tests.pages.persona_list import listed, put, said, search


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
