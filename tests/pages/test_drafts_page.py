"""Unsaved texts of personas over sessions: kept, listed, discarded and brought back, seen in other tabs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.errors import DatabaseUnavailable
from personachat.owners import LOCAL_OWNER
from personachat.personas.store.drafts import DraftText, PersonaDrafts
from personachat.services import get_services
from tests.conftest import persona_text
from tests.pages.conftest import OpenPage

pytestmark = pytest.mark.usefixtures("local")

BROKEN = '{"id": "other-name", "name": 3}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "ada.json").write_text(persona_text("ada", name="Ada", systemPrompt="Be brief."))
    (made / "bob.json").write_text(persona_text("bob", name="Bob"))
    (made / "cracked.json").write_text(BROKEN)
    return made


def open_at(open_home: OpenPage, persona_id: str = "ada", tab: str = "Prompt") -> AppTest:
    page = open_home()
    page.switch_page("pages/personas.py")
    page.query_params["id"] = persona_id
    page.run()
    page.session_state["persona_tab"] = tab
    return run(page)


def run(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception
    return at


def click(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click()
    return run(at)


def choose(at: AppTest, label: str) -> AppTest:
    [option] = [each for each in at.menu_button(key="persona_menu").options if each.endswith(label)]
    at.menu_button(key="persona_menu").set_value(option)
    return run(at)


def prompt(at: AppTest) -> str:
    [found] = [each for each in at.text_area if each.label == "System prompt"]
    return str(found.value)


def write(at: AppTest, words: str, label: str = "System prompt") -> AppTest:
    [found] = [each for each in (*at.text_area, *at.text_input) if each.label == label]
    found.set_value(words)
    return run(at)


def said(at: AppTest) -> str:
    return "\n".join(
        str(each.value) for each in [*at.markdown, *at.caption, *at.info, *at.warning, *at.toast]
    )


def folded(at: AppTest) -> list[str]:
    return [each.label for each in at.expander]


def test_a_draft_is_there_in_a_new_session_and_listed(open_home: OpenPage) -> None:
    at = open_at(open_home)
    write(at, "Be long.")
    click(at, "persona-bob")
    write(at, "Robert", "Name")

    new = open_at(open_home)
    assert prompt(new) == "Be long."
    assert "2 drafts" in folded(new)
    click(new, "open-draft-bob")
    assert new.query_params["id"] == "bob"


def test_a_draft_is_gone_in_every_session_once_it_is_saved(open_home: OpenPage, folder: Path) -> None:
    at, other = open_at(open_home), open_at(open_home)
    write(at, "Be long.")
    assert prompt(run(other)) == "Be long."
    click(at, "save")

    assert json.loads((folder / "ada.json").read_text())["systemPrompt"] == "Be long."
    run(other)
    assert "1 draft" not in folded(other)
    assert "Saved" in said(other)
    assert "1 draft" not in folded(open_at(open_home))


def test_a_discarded_draft_comes_back_in_a_later_session(open_home: OpenPage) -> None:
    at = write(open_at(open_home), "Be long.")
    choose(at, "Discard edits")
    assert prompt(at) == "Be brief."

    new = open_at(open_home)
    assert "Discarded the edits to **Ada**." in said(new)
    click(new, "undo_delete")
    assert prompt(new) == "Be long."
    assert "Discarded" not in said(open_at(open_home))


def test_what_was_dismissed_is_still_among_the_discarded_ones(open_home: OpenPage) -> None:
    at = write(open_at(open_home), "Be long.")
    click(at, "discard-draft-ada")
    click(at, "dismiss_undo")
    write(at, "Be something else.")

    new = open_at(open_home)
    [key] = [str(each.key) for each in new.button if str(each.key).startswith("reopen-draft-")]
    click(new, key)
    assert prompt(new) == "Be long."
    [aside] = kept_drafts_of()
    assert "Be something else." in aside  # it made room and is not lost


def kept_drafts_of() -> list[str]:
    """The texts that were set aside; they no longer are."""
    drafts = get_services().drafts
    taken = [drafts.take_back(LOCAL_OWNER, each.aside) for each in drafts.asides(LOCAL_OWNER)]
    return [each.draft.text for each in taken if each and each.draft]


def test_a_deleted_persona_comes_back_with_its_draft_in_a_later_session(
    open_home: OpenPage, folder: Path
) -> None:
    at = write(open_at(open_home), "Be long.")
    choose(at, "Delete")
    click(at, "confirm_delete")
    assert not (folder / "ada.json").exists()

    new = open_at(open_home, "bob")
    click(new, "undo_delete")
    assert (folder / "ada.json").exists()
    assert prompt(new) == "Be long."
    assert "Unsaved" in said(new)


def test_two_tabs_on_one_draft_keep_both_changes_and_say_so(open_home: OpenPage) -> None:
    one, other = open_at(open_home), open_at(open_home)
    write(one, "Be long.")
    write(other, "Adele", "Name")

    draft = other.session_state["persona_drafts"]["ada"]
    assert (json.loads(draft.text)["systemPrompt"], json.loads(draft.text)["name"]) == ("Be long.", "Adele")
    run(one)
    assert "is also open in another tab" in said(one)
    assert one.session_state["persona_drafts"]["ada"] == draft


def test_two_tabs_that_change_fields_among_each_other_keep_all_of_them(open_home: OpenPage) -> None:
    one, other = open_at(open_home), open_at(open_home)
    write(write(one, "Adele", "Name"), "Good day.", "Greeting")
    write(other, "Be long.")

    draft = json.loads(other.session_state["persona_drafts"]["ada"].text)
    assert (draft["name"], draft["systemPrompt"], draft["greeting"]) == ("Adele", "Be long.", "Good day.")
    assert kept_drafts_of() == []


def test_of_two_tabs_that_change_the_same_words_none_is_lost(open_home: OpenPage) -> None:
    one, other = open_at(open_home), open_at(open_home)
    write(one, "Be long.")
    write(other, "Be loud.")

    assert prompt(other) == "Be loud."
    [aside] = kept_drafts_of()
    assert "Be long." in aside


def test_a_draft_of_a_persona_that_changed_meanwhile_says_so(open_home: OpenPage, folder: Path) -> None:
    write(open_at(open_home), "Be long.")
    (folder / "ada.json").write_text(persona_text("ada", name="Theirs"))

    new = open_at(open_home)
    assert "Changed elsewhere" in said(new)
    assert prompt(new) == "Be long."


def test_what_is_typed_while_the_database_is_away_is_said_and_kept_later(
    open_home: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_at(open_home)

    def refuse(*_: object, **__: object) -> None:
        raise DatabaseUnavailable("Away.")

    with monkeypatch.context() as away:
        away.setattr(PersonaDrafts, "put", refuse)
        write(at, "Be long.")
        assert "only in this page" in said(at)
        assert prompt(at) == "Be long."
    run(at)
    assert "only in this page" not in said(at)
    assert prompt(open_at(open_home)) == "Be long."


def test_drafts_that_an_earlier_version_kept_in_files_are_taken_over(
    open_home: OpenPage, tmp_path: Path
) -> None:
    left = tmp_path / "data" / "drafts" / hashlib.sha256(LOCAL_OWNER.encode()).hexdigest()[:32]
    left.mkdir(parents=True)
    text = persona_text("new-one", name="New one")
    (left / "session.json").write_text(json.dumps({"new-one": asdict(DraftText(text, "", None))}))
    (left / "torn.json").write_text("{")

    at = open_at(open_home, "new-one", tab="JSON")
    assert at.session_state["persona_drafts"]["new-one"].text == text
    assert not list(left.glob("session.json"))
    assert open_at(open_home, "new-one").session_state["persona_drafts"]["new-one"].text == text


def test_a_draft_of_another_owner_is_not_seen(open_home: OpenPage) -> None:
    get_services().drafts.put("somebody", "ada", DraftText("theirs", "", None), version=0, writer="x")
    assert "1 draft" not in folded(open_at(open_home))


def test_the_first_click_on_save_takes_what_is_in_the_field(open_home: OpenPage, folder: Path) -> None:
    at = write(open_at(open_home), "Be long.")
    before = set(json.loads((folder / "ada.json").read_text()))
    [found] = [each for each in at.text_area if each.label == "System prompt"]
    found.set_value("Be longer.")
    click(at, "save")

    written = json.loads((folder / "ada.json").read_text())
    assert written["systemPrompt"] == "Be longer."
    assert set(written) == before
    assert "Saved" in said(at)
    assert not at.session_state["persona_drafts"]


def test_what_nobody_touched_adds_no_key(open_home: OpenPage, folder: Path) -> None:
    at = open_at(open_home)
    for each in (*at.text_area, *at.text_input, *at.toggle, *at.slider, *at.number_input, *at.checkbox):
        if str(each.key).startswith("form-") and not each.disabled:
            at.session_state[str(each.key)] = each.value  # reported, and the same
    write(at, "Be long.")
    click(at, "save")
    written = json.loads((folder / "ada.json").read_text())
    assert set(written) == {"id", "name", "systemPrompt"}


def test_a_broken_file_is_deleted_and_comes_back_in_a_later_session(
    open_home: OpenPage, folder: Path
) -> None:
    at = open_at(open_home, "cracked", tab="JSON")
    choose(at, "Delete")
    click(at, "confirm_delete")
    assert not (folder / "cracked.json").exists()

    click(open_at(open_home, "bob"), "undo_delete")
    assert (folder / "cracked.json").read_text() == BROKEN


def test_a_broken_file_is_renamed(open_home: OpenPage, folder: Path) -> None:
    at = open_at(open_home, "cracked", tab="JSON")
    choose(at, "Rename the file…")
    assert at.text_input(key="new_file_id").value == "other-name"
    at.text_input(key="new_file_id").set_value("mended")
    click(at, "confirm_rename")
    assert (folder / "mended.json").read_text() == BROKEN
    assert at.query_params["id"] == "mended"
