"""The lore of the open persona: listed, searched, edited in its text, added to from files, and tried."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import OpenPage
from tests.personas.lorebook.books import book, entry

WORLD = {
    "0": {"uid": 0, "key": ["anchor"], "comment": "Anchor", "content": "Cursed.", "order": 7, "disable": True}
}


def text_of(persona_id: str, lore: Any = None) -> str:
    extensions = {} if lore is None else {"extensions": {"character_book": lore}}
    base = {
        "id": persona_id,
        "name": persona_id.title(),
        "systemPrompt": "You are {{char}}.",
        "model": "fake-1",
    }
    return json.dumps(base | extensions, indent=2) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    many = book(
        entry("The mill *burnt* down.", "mill", comment="Mill"),
        entry("She limps.", constant=True, position="before_char"),
        *(entry(f"Filler {number}.", f"key{number}") for number in range(40)),
    )
    (made / "one.json").write_text(text_of("one", many))
    (made / "two.json").write_text(text_of("two"))
    (made / "three.json").write_text(text_of("three", {"entries": WORLD}))
    (made / "odd.json").write_text(text_of("odd", {"entries": [7, {"content": [1]}, {"keys": {"a": 1}}]}))
    return made


def opened(open_home: OpenPage, persona_id: str) -> AppTest:
    page = open_home()
    page.switch_page("pages/personas.py")
    page.query_params["id"] = persona_id
    page.run()
    page.session_state["persona_tab"] = "Lore"
    page.run()
    assert not page.exception
    return page


def shown(page: AppTest) -> str:
    tab = page.tabs[5]
    texts = [*tab.markdown, *tab.caption, *tab.code, *tab.info]
    return "\n".join([*(str(each.value) for each in texts), *(str(each.label) for each in tab.expander)])


def draft(page: AppTest) -> dict[str, Any]:
    page.session_state["persona_tab"] = "JSON"
    page.run()
    assert not page.exception
    persona = json.loads(page.session_state["persona_desk"].mount.text)
    found: dict[str, Any] = persona["extensions"]["character_book"]
    return found


def open_entry(page: AppTest, persona_id: str, number: str) -> None:
    page.session_state[f"lore-open-{persona_id}-{number}"] = True
    page.run()
    assert not page.exception


def test_entries_are_listed_and_searched(open_home: OpenPage) -> None:
    page = opened(open_home, "one")
    assert "42 entries" in shown(page)
    assert "… and 17 more. Search to find them." in shown(page)
    page.text_input(key="lore_sought").set_value("filler 39").run()
    assert "1 of 42 entries" in shown(page)
    assert [str(each.label) for each in page.tabs[5].expander] == ["key39", "Add a lore book"]


def test_a_sentence_shows_what_it_brings_up_and_why(open_home: OpenPage) -> None:
    page = opened(open_home, "one")
    page.text_input(key="lore_tried").set_value("At the Mill").run()
    assert "**Mill** :gray[mill · after]" in shown(page)
    assert ":gray[always · before]" in shown(page)
    page.text_input(key="lore_tried").set_value("key3").run()
    assert "Filler 3." in shown(page)
    assert ":gray[key3 · after]" in shown(page)


def test_an_entry_is_edited_in_the_text(open_home: OpenPage) -> None:
    page = opened(open_home, "one")
    open_entry(page, "one", "0")
    by_label = {str(each.label): each for each in page.tabs[5].text_area}
    by_label["Keys"].set_value("mill\n/flou?r/i\n").run()
    page.tabs[5].number_input[0].set_value(9).run()
    page.tabs[5].toggle[0].set_value(False).run()
    found = draft(page)["entries"][0]
    assert (found["keys"], found["insertion_order"], found["enabled"]) == (["mill", "/flou?r/i"], 9, False)
    assert found["content"] == "The mill *burnt* down."


def test_the_field_for_keys_stays_while_the_next_one_is_typed(open_home: OpenPage) -> None:
    page = opened(open_home, "one")
    open_entry(page, "one", "0")
    for typed in ("mill", "mill\n", "mill\n ri", "mill\n river"):
        field = next(each for each in page.tabs[5].text_area if each.label == "Keys")
        field.set_value(typed).run()
        after = next(each for each in page.tabs[5].text_area if each.label == "Keys")
        assert (after.value, after.key) == (typed, field.key)
    assert draft(page)["entries"][0]["keys"] == ["mill", "river"]


def test_entries_of_world_info_keep_their_form(open_home: OpenPage) -> None:
    page = opened(open_home, "three")
    assert ":gray[Anchor (off)]" in shown(page)
    open_entry(page, "three", "0")
    page.tabs[5].toggle[0].set_value(True).run()
    assert draft(page) == {"entries": {"0": WORLD["0"] | {"disable": False}}}


def test_an_entry_is_added_and_deleted(open_home: OpenPage) -> None:
    page = opened(open_home, "two")
    page.button(key="lore_new").click().run()
    assert "1 entry" in shown(page)
    open_entry(page, "two", "0")
    page.button(key="lore-delete-0").click().run()
    assert draft(page)["entries"] == []


def test_a_deleted_entry_comes_back_also_after_other_edits(open_home: OpenPage) -> None:
    page = opened(open_home, "one")
    open_entry(page, "one", "0")
    open_entry(page, "one", "1")
    page.button(key="lore-delete-0").click().run()
    assert "Removed the entry “Mill”." in shown(page)
    assert not page.tabs[5].text_area  # the entry behind it is not open in its place
    open_entry(page, "one", "0")
    next(each for each in page.tabs[5].text_area if each.label == "Text").set_value("She runs.").run()
    page.button(key="undo_removal").click().run()

    assert not page.exception
    assert "Removed" not in shown(page)
    entries = draft(page)["entries"]
    assert [each["content"] for each in entries[:3]] == ["The mill *burnt* down.", "She runs.", "Filler 0."]
    assert len(entries) == 42


def test_nonsense_in_a_book_does_no_harm(open_home: OpenPage) -> None:
    page = opened(open_home, "odd")
    open_entry(page, "odd", "1")
    page.text_input(key="lore_tried").set_value("x").run()
    assert not page.exception
    assert "No entry is included." in shown(page)


def test_a_broken_text_has_no_lore_to_edit(open_home: OpenPage) -> None:
    page = opened(open_home, "one")
    page.session_state["persona_tab"] = "JSON"
    page.run()
    page.session_state[page.session_state["persona_desk"].mount.key] = "{"
    page.run()
    page.session_state["persona_tab"] = "Lore"
    page.run()
    assert not page.exception
    assert "Fix the problems first" in shown(page)
