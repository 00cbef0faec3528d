"""The personas page without a browser: what it shows and what it stores. Ace itself is tested in e2e."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from personachat.ui.chat import storage_notice
from tests.fake_provider import FakeProvider
from tests.pages.conftest import OpenPage


def text_of(persona_id: str, name: str, **keys: Any) -> str:
    keys = {"systemPrompt": "Be brief.", "temperature": 0.7} | keys
    return json.dumps({"id": persona_id, "name": name} | keys, indent=2) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A personas folder with three personas and a broken file."""
    made = tmp_path / "personas"
    made.mkdir()
    (made / "analyst.json").write_text(
        text_of("analyst", "Data analyst", description="Explains numbers", tags=["statistics"])
    )
    (made / "tutor.json").write_text(text_of("tutor", "Socratic tutor", description="Asks questions"))
    (made / "bold.json").write_text(text_of("bold", "**Bold** [name]"))
    (made / "cracked.json").write_text('{\n  "id": "cracked",\n  "name": "Cracked"\n}\n')
    return made


@pytest.fixture
def open_page(open_home: OpenPage) -> OpenPage:
    """Opens the page in a new session; `persona_id` goes into its address."""

    def open_it(persona_id: str | None = None) -> AppTest:
        at = open_home()
        at.switch_page("pages/personas.py")
        if persona_id is not None:
            at.query_params["id"] = persona_id
        at.session_state["persona_tab"] = "JSON"
        at.run()
        assert not at.exception
        return at

    return open_it


def write(at: AppTest, text: str) -> None:
    """What the editor reports after typing."""
    at.session_state[at.session_state["persona_desk"].mount.key] = text
    at.run()
    assert not at.exception


def open_tab(at: AppTest, name: str) -> None:
    at.session_state["persona_tab"] = name
    at.run()
    assert not at.exception


def rows(at: AppTest) -> list[str]:
    return [str(button.label) for button in at.button if str(button.key).startswith("persona-")]


def badges(at: AppTest) -> str:
    return " ".join(str(mark.value) for mark in at.markdown if "-badge[" in str(mark.value))


def test_all_personas_are_listed_and_the_broken_file_is_marked(open_page: OpenPage) -> None:
    at = open_page()

    assert len(rows(at)) == 4
    assert [label.split("  ")[0] for label in rows(at) if "broken" in label] == [
        "**cracked.json** :red[broken]"
    ]


def test_a_name_is_shown_as_it_is_written(open_page: OpenPage) -> None:
    assert any(r"\*\*Bold\*\* \[name\]" in label for label in rows(open_page("analyst")))


@pytest.mark.parametrize("query", ["DATA", "numbers", "statistics", "analyst", "explains data"])
def test_the_search_looks_at_name_description_tags_and_id(open_page: OpenPage, query: str) -> None:
    at = open_page()
    at.text_input(key="persona_search").set_value(query).run()

    assert len(rows(at)) == 1
    assert "Data analyst" in rows(at)[0]


def test_a_search_without_a_hit_says_so(open_page: OpenPage) -> None:
    at = open_page()
    at.text_input(key="persona_search").set_value("nobody").run()

    assert rows(at) == []
    assert any("No persona matches “nobody”" in caption.value for caption in at.caption)


def test_without_any_persona_the_page_says_what_to_do_first(open_page: OpenPage, folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    at = open_page()

    assert "Create the first one" in at.info[0].value
    assert at.button(key="create").proto.type == "primary"


def test_an_unknown_id_in_the_address_is_said_and_the_list_is_there(open_page: OpenPage) -> None:
    at = open_page("nobody-there")

    assert "nobody-there" in at.warning[0].value
    assert len(rows(at)) == 4


def test_the_id_in_the_address_opens_that_persona(open_page: OpenPage) -> None:
    at = open_page("tutor")

    assert "Socratic tutor" in at.subheader[0].value
    assert "Saved" in badges(at)
    assert at.button(key="save").disabled


def test_another_persona_has_an_editor_of_its_own(open_page: OpenPage) -> None:
    at = open_page("analyst")
    first = at.session_state["persona_desk"].mount
    at.button(key="persona-tutor").click().run()
    second = at.session_state["persona_desk"].mount

    assert first.key != second.key
    assert "Socratic tutor" in second.text
    assert at.query_params["id"] == "tutor"


def test_an_edit_is_a_draft_until_it_is_saved_and_the_word_says_what_changed(
    open_page: OpenPage, folder: Path
) -> None:
    at = open_page("analyst")
    before = (folder / "analyst.json").read_bytes()
    longer = text_of("analyst", "Data analyst", systemPrompt="Be brief." + "!" * 120, temperature=0.2)
    write(at, longer)
    assert "Unsaved" in badges(at)
    assert any("Data analyst" in label and "●" in label for label in rows(at))
    assert (folder / "analyst.json").read_bytes() == before

    at.button(key="save").click().run()

    assert (folder / "analyst.json").read_text() == longer
    assert "temperature 0.7 → 0.2" in at.toast[0].value.replace("\\", "")
    assert "system prompt +120 characters" in at.toast[0].value.replace("\\", "")
    assert "●" not in "".join(rows(at))


def test_typing_the_stored_text_again_leaves_nothing_to_save(open_page: OpenPage, folder: Path) -> None:
    at = open_page("analyst")
    write(at, text_of("analyst", "Another name"))
    write(at, (folder / "analyst.json").read_text())

    assert "Saved" in badges(at)
    assert at.button(key="save").disabled


def test_an_invalid_text_cannot_be_saved_and_each_problem_is_a_row(open_page: OpenPage) -> None:
    at = open_page("analyst")
    write(at, '{\n"id": "analyst",\n"name": "A",\n"systemPrompt": "x",\n"temprature": 1,\n"topP": 7\n}')

    assert "Invalid (2)" in badges(at)
    assert at.button(key="save").disabled
    assert "2 problems" in at.button(key="save").help
    assert [at.button(key=f"problem-{number}").label for number in (0, 1)] == ["Line 5", "Line 6"]
    assert any("temprature" in caption.value for caption in at.caption)

    at.button(key="problem-1").click().run()
    assert at.session_state["persona_desk"].line == 6


def test_a_changed_id_saves_a_new_persona_and_keeps_the_old_one(open_page: OpenPage, folder: Path) -> None:
    at = open_page("analyst")
    before = (folder / "analyst.json").read_bytes()
    write(at, text_of("analyst-2", "Analyst two"))
    assert at.button(key="save").label == "Save as new"
    assert "analyst-2" in at.info[0].value

    at.button(key="save").click().run()

    assert (folder / "analyst.json").read_bytes() == before
    assert json.loads((folder / "analyst-2.json").read_text())["name"] == "Analyst two"
    assert at.query_params["id"] == "analyst-2"
    assert "Analyst two" in at.subheader[0].value


def test_a_changed_id_never_overwrites_the_persona_that_has_it(open_page: OpenPage, folder: Path) -> None:
    at = open_page("analyst")
    before = (folder / "tutor.json").read_bytes()
    write(at, text_of("tutor", "Not the tutor"))

    at.button(key="save").click().run()

    assert (folder / "tutor.json").read_bytes() == before
    assert "tutor" in at.error[0].value
    assert "Unsaved" in badges(at)


def test_a_file_that_changed_on_disk_is_shown_at_once_where_nothing_was_edited(
    open_page: OpenPage, folder: Path
) -> None:
    at = open_page("analyst")
    number = at.session_state["persona_desk"].mount.number
    (folder / "analyst.json").write_text(text_of("analyst", "Renamed on disk"))
    at.run()

    mount = at.session_state["persona_desk"].mount
    assert mount.number > number
    assert "Renamed on disk" in mount.text
    assert "Saved" in badges(at)


def test_a_file_that_changed_on_disk_leaves_the_edits_and_says_so(open_page: OpenPage, folder: Path) -> None:
    at = open_page("analyst")
    write(at, text_of("analyst", "Mine"))
    (folder / "analyst.json").write_text(text_of("analyst", "Theirs"))
    at.run()
    assert "Changed elsewhere" in badges(at)

    at.button(key="save").click().run()

    assert json.loads((folder / "analyst.json").read_text())["name"] == "Theirs"
    assert at.button(key="save_merged").disabled
    assert any("1 field" in each.value for each in at.markdown)


def test_a_file_that_was_broken_on_disk_is_asked_about_as_a_whole(open_page: OpenPage, folder: Path) -> None:
    at = open_page("analyst")
    write(at, text_of("analyst", "Mine"))
    (folder / "analyst.json").write_text('{"name": "Theirs"')
    at.run()

    at.button(key="save").click().run()

    assert at.button(key="conflict_mine").label.startswith("Overwrite with mine")
    assert any('"Theirs"' in code.value for code in at.code)


def test_a_draft_of_a_persona_that_was_deleted_on_disk_is_kept(open_page: OpenPage, folder: Path) -> None:
    at = open_page("analyst")
    write(at, text_of("analyst", "Mine"))
    (folder / "analyst.json").unlink()
    at.run()

    assert "Deleted elsewhere" in badges(at)
    at.button(key="save").click().run()
    assert not (folder / "analyst.json").exists()
    assert at.button(key="conflict_mine").label == "Save mine again"


def test_a_duplicate_is_a_draft_with_an_id_of_its_own(open_page: OpenPage, folder: Path) -> None:
    at = open_page("analyst")
    at.menu_button(key="persona_menu").set_value(":material/content_copy: Duplicate").run()

    assert "Unsaved" in badges(at)
    assert "Data analyst (copy)" in at.session_state["persona_desk"].mount.text
    assert at.query_params["id"] == "data-analyst-copy"
    assert not (folder / "data-analyst-copy.json").exists()


def test_the_preview_is_the_system_message_with_its_size(open_page: OpenPage) -> None:
    at = open_page("analyst")
    write(at, text_of("analyst", "Ada", systemPrompt="I am {{char}}.", personality={"tone": "dry"}))

    open_tab(at, "Preview")

    preview = at.tabs[2]
    assert preview.code[0].value.startswith("I am Ada.")
    assert "dry" in preview.code[0].value
    assert "tokens" in preview.caption[0].value


def test_the_preview_shows_the_request_as_a_chat_sends_it(open_page: OpenPage, fake: FakeProvider) -> None:
    examples = [{"user": "One?", "assistant": "1"}]
    at = open_page("analyst")
    write(at, text_of("analyst", "Ada", greeting="Hi, I am {{char}}.", examples=examples, model="mock-7"))
    open_tab(at, "Preview")

    preview = at.tabs[2]
    captions = [each.value for each in preview.caption]
    assert "to mock-7 from openai" in captions[0]
    assert captions[1] == "System message"
    assert captions[-3:-1] == ["Greeting", "Your message"] or captions[-2:] == ["Greeting", "Your message"]
    shown = [each.value for each in preview.code]
    body = json.loads(next(each for each in shown if each.startswith("{")))
    assert body["model"] == "mock-7"
    assert [message["content"] for message in body["messages"]] == shown[: len(body["messages"])]
    assert body["messages"][-2:] == [
        {"role": "assistant", "content": "Hi, I am Ada."},
        {"role": "user", "content": "Hello"},
    ]
    assert any(each.startswith("curl ") for each in shown)
    assert not any("pinned" in each for each in shown)


def test_only_the_open_tab_is_drawn_and_the_editor_stays_behind_it(open_page: OpenPage) -> None:
    at = open_page("analyst")
    assert not at.tabs[0].children
    number = at.session_state["persona_desk"].mount.number
    open_tab(at, "Preview")

    assert at.tabs[1].get("component_instance")
    assert not at.tabs[0].children
    open_tab(at, "JSON")
    assert at.session_state["persona_desk"].mount.number == number


def test_an_editor_is_not_made_behind_another_tab(open_page: OpenPage) -> None:
    at = open_page("analyst")
    open_tab(at, "Preview")
    at.button(key="persona-tutor").click().run()
    assert not at.tabs[0].get("component_instance")

    open_tab(at, "JSON")
    assert at.session_state["persona_desk"].mount.persona_id == "tutor"


def test_the_last_keys_in_an_editor_that_was_left_are_kept(open_page: OpenPage) -> None:
    at = open_page("analyst")
    left = at.session_state["persona_desk"].mount
    at.button(key="persona-tutor").click().run()
    at.session_state[left.key] = text_of("analyst", "Late")
    at.run()

    assert at.session_state["persona_drafts"]["analyst"].text == text_of("analyst", "Late")
    assert "tutor" not in at.session_state["persona_drafts"]


def test_a_click_on_a_problem_leads_to_the_json(open_page: OpenPage) -> None:
    at = open_page("analyst")
    write(at, '{"id": "analyst", "name": "A", "systemPrompt": "x", "colour": 1}')
    open_tab(at, "Prompt")
    [problem] = [each for each in at.button if each.label == "Line 1"]
    problem.click().run()

    assert at.session_state["persona_tab"] == "JSON"
    assert at.session_state["persona_desk"].line == 1


def test_a_store_that_cannot_be_read_is_one_sentence_and_the_text_is_kept(
    open_page: OpenPage, folder: Path
) -> None:
    at = open_page("analyst")
    mine = text_of("analyst", "Half written")
    write(at, mine)
    away = folder.rename(folder.with_name("away"))
    folder.write_text("a file where the folder was")
    at.run()
    assert not at.exception
    assert len(at.error) == 1
    assert at.session_state["persona_drafts"]["analyst"].text == mine

    folder.unlink()
    away.rename(folder)
    at.run()
    mount = at.session_state["persona_desk"].mount
    assert at.session_state.get(mount.key, mount.text) == mine
    assert "Unsaved" in badges(at)


def test_of_a_thousand_personas_a_page_is_shown_and_the_rest_is_found(
    open_page: OpenPage, folder: Path
) -> None:
    for number in range(1000):
        (folder / f"p{number:04}.json").write_text(text_of(f"p{number:04}", f"Persona {number:04}"))
    at = open_page("analyst")

    assert len(rows(at)) == 50
    assert any("1 to 50 of 1,004" in caption.value for caption in at.caption)
    at.text_input(key="persona_search").set_value("0999").run()
    assert len(rows(at)) == 1


@pytest.mark.parametrize("kept", [True, False])
def test_saved_claims_no_more_than_the_host_keeps(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, *, kept: bool
) -> None:
    monkeypatch.setattr(storage_notice, "disk_is_kept", lambda: kept)
    page = open_page("tutor")
    badges = [str(each.value) for each in page.markdown if "-badge[" in str(each.value)]
    assert any("Saved until the restart" in badge for badge in badges) != kept
    said = " ".join(str(caption.value) for caption in page.caption)
    assert ("Saved personas and chats disappear when this app restarts" in said) != kept
