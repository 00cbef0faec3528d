"""Several personas changed at once from the list: chosen, tagged, deleted, and undone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.services import get_services
from personachat.ui.personas import bulk_steps, bulk_work
from personachat.ui.personas.state import PersonasState
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


def choosable(at: AppTest) -> list[str]:
    """Ids that can be chosen now."""
    boxes = [each for each in at.checkbox if str(each.key).startswith("chosen-persona-")]
    return [str(each.key).removeprefix("chosen-persona-") for each in boxes if not each.disabled]


def choose(at: AppTest, *ids: str) -> AppTest:
    """Begin to choose, and choose these."""
    click(at, "choose_personas")
    for persona_id in ids:
        at.checkbox(key=f"chosen-persona-{persona_id}").check().run()
        assert not at.exception
    return at


def tags_in(folder: Path, persona_id: str) -> list[str]:
    return list(json.loads((folder / f"{persona_id}.json").read_text()).get("tags", []))


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


def test_namesakes_that_are_deleted_are_told_apart_by_their_ids(at: AppTest, folder: Path) -> None:
    put(folder, "bard-2", name="Bard")
    click(choose(at.run(), "bard", "bard-2", "tutor"), "delete_chosen")
    assert "- Bard (bard)\n- Bard (bard-2)\n- Socratic tutor" in said(at).replace("\\", "")

    click(at, "confirm_delete_many")
    labels = {str(each.key): each.label.replace("\\", "") for each in at.button}
    assert "Restore Bard (bard)" in labels["bring-back-bard"]
    assert "Restore Bard (bard-2)" in labels["bring-back-bard-2"]
    assert labels["bring-back-tutor"].endswith("Restore Socratic tutor]")


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
    monkeypatch.setattr(bulk_steps, "STEP", 1)
    delete(at, "analyst", "bard", "tutor")

    assert [each.stem for each in folder.glob("*.json")] == ["cracked"]
    assert "Deleted **3 personas**" in said(at)


def test_what_was_opened_while_several_steps_deleted_it_is_not_missed_at_the_end(
    at: AppTest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_steps, "STEP", 1)
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
