"""The History tab and the deleted personas without a browser: what was saved, and the way back to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from streamlit.testing.v1 import AppTest

from personachat.authoring.library import PersonaLibrary
from personachat.database.connection import Database
from personachat.errors import DatabaseUnavailable
from personachat.owners import LOCAL_OWNER
from personachat.services import get_services
from personachat.ui.session import PersonaDraft
from tests.conftest import persona_text
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local, converse


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "default-persona.json").write_text(persona_text("default-persona", name="Guide"))
    return made


@pytest.fixture
def open_history(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Opens the tab of the persona "tutor" after its versions were saved; query parameters may be given."""
    be_local(monkeypatch)

    def open_it(*versions: dict[str, Any], **query: str) -> AppTest:
        at = open_home()
        for number, keys in enumerate(versions):
            ada().save(persona_text("tutor", name="Tutor", **keys), note=f"Try {number + 1}")
        at.switch_page("pages/personas.py")
        at.query_params["id"] = "tutor"
        for name, value in query.items():
            at.query_params[name] = value
        if not query:
            at.session_state["persona_tab"] = "History"
        at.run()
        assert not at.exception
        return at

    return open_it


def ada() -> PersonaLibrary:
    return get_services().of(LOCAL_OWNER, author="Ada").collection


def words(at: AppTest) -> str:
    kinds = (at.markdown, at.caption, at.info, at.error, at.text)
    shown = [str(each.value) for kind in kinds for each in kind]
    return "\n".join([*shown, *(str(each.proto.body) for each in at.get("html"))])


def listed(at: AppTest) -> list[int]:
    """The numbers of the revisions in the timeline."""
    found = [str(button.key).removeprefix("revision-") for button in at.button]
    return [int(number) for number in found if number.isdecimal()]


def click(at: AppTest, key: str) -> None:
    at.button(key=key).click().run()
    assert not at.exception


def test_every_save_is_listed_with_its_author_and_note(open_history: OpenPage) -> None:
    at = open_history({"temperature": 0.1}, {"temperature": 0.2})
    assert listed(at) == [2, 1]
    assert "just now · Ada · Try 2" in words(at)
    assert "New" in words(at)


def test_the_newest_is_compared_with_the_one_before(open_history: OpenPage) -> None:
    at = open_history({"temperature": 0.1}, {"temperature": 0.2})
    assert "**Temperature**" in words(at)
    assert "<del" in words(at)
    assert ">0.1</del>" in words(at)
    assert ">0.2</ins>" in words(at)
    assert at.button(key="restore_revision").disabled


def test_another_revision_is_chosen_and_compared_with_now(open_history: OpenPage) -> None:
    at = open_history({"temperature": 0.1}, {"temperature": 0.2}, {"temperature": 0.3})
    click(at, "revision-1")
    assert "nothing to compare it with" in words(at)
    at.session_state["revision_against"] = "now"
    at.run()
    assert ">0.1</del>" in words(at)
    assert ">0.3</ins>" in words(at)


def test_restoring_saves_a_new_revision_and_keeps_the_draft(open_history: OpenPage) -> None:
    at = open_history({"temperature": 0.1}, {"temperature": 0.2})
    stored = ada().get("tutor")
    typed = json.dumps(json.loads(stored.text) | {"description": "Unsaved."})
    at.session_state["persona_drafts"] = {"tutor": PersonaDraft(typed, stored.text, stored.etag)}
    click(at, "revision-1")
    assert "Restoring keeps your unsaved edits" in words(at)
    click(at, "restore_revision")
    assert ada().get("tutor").persona.temperature == 0.1
    assert [each.action for each in ada().revisions.of("tutor")] == ["restored", "saved", "created"]
    assert at.session_state["persona_drafts"]["tutor"].text == typed
    assert "Restored revision 1" in at.toast[0].value


def test_a_link_opens_the_history_at_its_revision(open_history: OpenPage) -> None:
    at = open_history({"temperature": 0.1}, {"temperature": 0.2}, {"temperature": 0.3}, revision="2")
    assert ">0.1</del>" in words(at)
    assert ">0.2</ins>" in words(at)
    assert "revision" not in at.query_params


def test_a_link_far_down_shows_its_neighbours_and_the_way_to_the_newest(open_history: OpenPage) -> None:
    versions = ({"temperature": number / 100} for number in range(40))
    at = open_history(*versions, revision="5")
    assert listed(at) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert ">0.03</del>" in words(at)
    click(at, "newest_revisions")
    assert listed(at)[0] == 40
    assert ">0.39</ins>" in words(at)


@pytest.mark.parametrize("revision", ["0", "99", "x", "-1", "9" * 30])
def test_a_link_to_no_revision_does_no_harm(open_history: OpenPage, revision: str) -> None:
    open_history({"temperature": 0.1}, revision=revision)


def test_a_long_history_comes_in_parts(open_history: OpenPage) -> None:
    at = open_history(*({"temperature": number / 100} for number in range(25)))
    assert listed(at) == list(range(25, 5, -1))
    click(at, "earlier_revisions")
    assert listed(at) == list(range(25, 0, -1))


def test_a_persona_that_was_never_saved_says_so(open_history: OpenPage) -> None:
    at = open_history({})
    at.session_state["persona_drafts"] = {"fresh": PersonaDraft(persona_text("fresh"), "", None)}
    at.query_params["id"] = "fresh"
    at.run()
    assert "Nothing has been saved yet" in words(at)


def test_notes_and_authors_bring_no_links_and_no_markup(open_history: OpenPage) -> None:
    at = open_history({"temperature": 0.1})
    mallory = get_services().of(LOCAL_OWNER, author="mallory@evil.example").collection
    mallory.save(persona_text("tutor", name="Tutor"), note="See https://evil.example **now** :material/home:")
    at.run()
    assert "mallory@evil" not in words(at)
    assert "https://" not in words(at)
    assert "**now**" not in words(at)


def test_without_a_database_the_history_says_so_and_the_editor_stays(
    open_history: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_history({"temperature": 0.1})

    @contextmanager
    def refuse(database: Database) -> Iterator[Connection]:
        raise DatabaseUnavailable("The database cannot be reached.", hint="Is it running?")
        yield

    monkeypatch.setattr(Database, "read", refuse)
    at.run()
    assert not at.exception
    assert "The database cannot be reached" in words(at)
    at.session_state["persona_tab"] = "Prompt"
    at.run()
    assert not at.exception
    assert at.text_input


def test_an_edit_made_outside_is_a_revision_too(open_history: OpenPage, folder: Path) -> None:
    at = open_history({"temperature": 0.1})
    (folder / "tutor.json").write_text(persona_text("tutor", name="Tutor", temperature=0.9))
    at.run()
    assert "Edited outside PersonaChat" in words(at)
    assert ">0.9</ins>" in words(at)


def test_a_deleted_persona_is_listed_and_comes_back(open_history: OpenPage) -> None:
    at = open_history({"temperature": 0.1})
    ada().delete("tutor")
    at.query_params["id"] = "default-persona"
    at.run()
    click(at, "bring-back-tutor")
    assert ada().get("tutor").persona.temperature == 0.1
    assert at.query_params["id"] in ("tutor", ["tutor"])
    assert "Tutor is restored" in at.toast[0].value
    assert not [button for button in at.button if str(button.key).startswith("bring-back-")]


def test_every_reply_says_which_revision_spoke(open_history: OpenPage, open_home: OpenPage) -> None:
    open_history({"temperature": 0.1}, {"temperature": 0.2})
    conversation_id = converse("Versions", persona_id="tutor")
    at = open_home(chat=conversation_id, persona="tutor")
    assert "[revision 2](personas?id=tutor&revision=2)" in words(at)
