"""What the menu of a persona offers as it stands, and what it leads to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.services import get_services
from personachat.ui.personas import merging
from personachat.ui.personas.desk import OpenQuestion
from personachat.ui.personas.menu import (
    COMPARE,
    DELETE,
    DISCARD,
    DUPLICATE,
    EXPORT,
    NOTED,
    RENAME,
    RENAME_FILE,
    SHARE,
    SNIPPET,
    TEMPLATE,
)
from personachat.ui.session import PersonaDraft
from tests.conftest import persona_text
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local

NELL = persona_text("nell", name="Nell *the* baker")
EDITED = persona_text("nell", name="Nell", temperature=0.2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "nell.json").write_text(NELL)
    (made / "cracked.json").write_text('{"id": "cracked"')
    return made


@pytest.fixture
def open_persona(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Opens the page with that persona, and with a draft of it where a text is given."""
    be_local(monkeypatch)

    def open_it(persona_id: str, draft: str = "") -> AppTest:
        at = open_home()
        at.switch_page("pages/personas.py")
        at.query_params["id"] = persona_id
        at.run()
        if draft:
            keep_draft(at, persona_id, draft)
        assert not at.exception
        return at

    return open_it


def keep_draft(at: AppTest, persona_id: str, text: str) -> None:
    stored = {entry.id: entry for entry in get_services().personas.all()}.get(persona_id)
    before = (stored.text, stored.etag) if stored else ("", None)
    at.session_state["persona_drafts"] = {persona_id: PersonaDraft(text, *before)}
    at.query_params["id"] = persona_id
    at.run()


def offered(at: AppTest) -> list[str]:
    [menu] = [menu for menu in at.menu_button if menu.key == "persona_menu"]
    return [option.partition(" ")[2] for option in menu.options]


def choose(at: AppTest, action: str) -> AppTest:
    menu = at.menu_button(key="persona_menu")
    [option] = [option for option in menu.options if option.endswith(f" {action}")]
    menu.set_value(option).run()
    assert not at.exception
    return at


def question(at: AppTest) -> OpenQuestion | None:
    found: OpenQuestion | None = at.session_state["persona_desk"].question
    return found


def test_a_saved_persona_can_leave_in_every_way(open_persona: OpenPage) -> None:
    assert offered(open_persona("nell")) == [
        DUPLICATE,
        TEMPLATE,
        COMPARE,
        EXPORT,
        SHARE,
        SNIPPET,
        RENAME,
        DELETE,
    ]


def test_unsaved_edits_can_be_saved_with_a_note_or_thrown_away(open_persona: OpenPage) -> None:
    everything = [NOTED, DUPLICATE, TEMPLATE, COMPARE, EXPORT, SHARE, SNIPPET, RENAME, DISCARD, DELETE]
    assert offered(open_persona("nell", EDITED)) == everything


def test_a_note_outlasts_its_dialog_until_it_is_saved(open_persona: OpenPage) -> None:
    at = choose(open_persona("nell", EDITED), NOTED)
    at.text_input(key="save_note.nell").set_value("Cooler").run()
    at.session_state["persona_desk"].question = None  # as Escape does, which AppTest has not
    at.run()
    choose(at, NOTED)
    assert at.text_input(key="save_note.nell").value == "Cooler"

    at.button(key="save_noted").click().run()
    revisions = get_services().revisions
    assert revisions.of("nell", limit=1)[0].note == "Cooler"
    keep_draft(at, "nell", persona_text("nell", name="Nell", temperature=0.3))
    choose(at, NOTED)
    assert at.text_input(key="save_note.nell").value == ""


def test_a_note_that_was_not_saved_is_no_other_saves(open_persona: OpenPage) -> None:
    at = choose(open_persona("nell", EDITED), NOTED)
    at.text_input(key="save_note.nell").set_value("Cooler").run()
    at.session_state["persona_desk"].question = None
    at.run()

    at.button(key="save").click().run()
    assert get_services().revisions.of("nell", limit=1)[0].note == ""


def test_a_note_stays_with_its_save_when_a_question_comes_first(open_persona: OpenPage) -> None:
    at = choose(open_persona("nell", EDITED), NOTED)
    get_services().personas.save(persona_text("nell", name="Nell", temperature=0.9))
    at.text_input(key="save_note.nell").set_value("Cooler")
    at.button(key="save_noted").click().run()
    asked = question(at)
    assert asked is not None
    assert asked.kind == "merge"

    for field in [each for each in at.button_group if str(each.key).startswith(merging.CHOICE)]:
        field.set_value(merging.MINE).run()
    at.button(key="save_merged").click().run()
    assert not at.exception
    assert get_services().revisions.of("nell", limit=1)[0].note == "Cooler"


def test_edits_with_problems_are_neither_saved_nor_in_the_way_of_the_saved_version(
    open_persona: OpenPage,
) -> None:
    at = open_persona("nell", '{"id": "nell", "name": 3}')
    assert offered(at) == [DUPLICATE, TEMPLATE, COMPARE, EXPORT, SHARE, SNIPPET, RENAME, DISCARD, DELETE]


def test_what_was_never_saved_cannot_be_shared_yet(open_persona: OpenPage) -> None:
    at = open_persona("fresh", persona_text("fresh"))
    assert offered(at) == [NOTED, DUPLICATE, TEMPLATE, DELETE]


def test_a_broken_file_can_only_be_renamed_and_deleted_until_it_is_mended(open_persona: OpenPage) -> None:
    at = open_persona("cracked")
    options = at.menu_button(key="persona_menu").options
    assert [each.split(" ", 1)[1] for each in options] == ["Rename the file…", "Delete"]
    keep_draft(at, "cracked", persona_text("cracked"))
    assert offered(at) == [NOTED, DUPLICATE, TEMPLATE, DISCARD, RENAME_FILE, DELETE]


def test_an_action_asks_first_and_changes_nothing(open_persona: OpenPage, folder: Path) -> None:
    at = open_persona("nell", EDITED)
    for action, kind in {EXPORT: "export", SHARE: "share", SNIPPET: "snippet", DELETE: "delete"}.items():
        asked = question(choose(at, action))
        assert asked is not None
        assert (asked.kind, asked.persona_id) == (kind, "nell")
    assert (folder / "nell.json").read_text() == NELL
    assert at.session_state["persona_drafts"]["nell"].text == EDITED


def test_a_copy_is_a_draft_of_its_own(open_persona: OpenPage, folder: Path) -> None:
    at = choose(open_persona("nell"), DUPLICATE)
    [copy] = at.session_state["persona_drafts"].values()
    assert json.loads(copy.text)["name"] == "Nell *the* baker (copy)"
    assert sorted(path.name for path in folder.glob("*.json")) == ["cracked.json", "nell.json"]


def test_a_template_is_found_among_the_others(open_persona: OpenPage) -> None:
    at = choose(open_persona("nell"), TEMPLATE)
    assert [found.persona.name for found in get_services().gallery.all() if found.own] == ["Nell *the* baker"]
    assert r"Nell \*the\* baker" in at.toast[0].value


def test_dropped_edits_leave_the_saved_version(open_persona: OpenPage, folder: Path) -> None:
    at = choose(open_persona("nell", EDITED), DISCARD)
    assert not at.session_state["persona_drafts"]
    assert offered(at) == [DUPLICATE, TEMPLATE, COMPARE, EXPORT, SHARE, SNIPPET, RENAME, DELETE]
    assert (folder / "nell.json").read_text() == NELL
