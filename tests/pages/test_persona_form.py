"""The form without a browser: it and the JSON are one text, whichever of them was changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from personachat.providers.catalogue import KnownModels
from personachat.ui.personas.form import model_picker
from tests.pages.conftest import OpenPage

WRITTEN = """{
    "id": "ada",
    "name": "Ada",    "systemPrompt": "Be brief.",

    "tags": ["maths", "history"],
    "starters": [ "One?", "Two?" ],
    "temperature": 0.333,
    "extensions": {"theirs": {"odd" :[1,2.50]}}
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "ada.json").write_text(WRITTEN)
    (made / "bob.json").write_text('{"id": "bob", "name": "Bob", "systemPrompt": "Hi.", "tags": ["golf"]}')
    return made


@pytest.fixture
def at(open_home: OpenPage) -> AppTest:
    """The form of the persona "ada"."""
    page = open_home()
    page.switch_page("pages/personas.py")
    page.query_params["id"] = "ada"
    page.run()
    return open_tab(page, "Prompt")


def open_tab(at: AppTest, name: str) -> AppTest:
    at.session_state["persona_tab"] = name
    at.run()
    assert not at.exception
    return at


def text_of(at: AppTest) -> str:
    draft = at.session_state["persona_drafts"].get("ada")
    return draft.text if draft else WRITTEN


def field(at: AppTest, kind: str, label: str) -> Any:
    elements: Any = at.get(kind)
    [found] = [each for each in elements if each.label == label]
    return found


def fill(at: AppTest, kind: str, label: str, value: Any) -> None:
    field(at, kind, label).set_value(value).run()
    assert not at.exception


def write(at: AppTest, text: str) -> None:
    """What the editor reports after typing, late: when the form is on the screen already."""
    at.session_state[at.session_state["persona_desk"].mount.key] = text
    at.run()
    assert not at.exception


def click(at: AppTest, label: str) -> None:
    field(at, "button", label).click().run()
    assert not at.exception


def words(at: AppTest) -> str:
    return " ".join(str(each.value) for each in (*at.markdown, *at.warning, *at.caption))


@pytest.mark.parametrize(
    ("kind", "label", "value", "before", "after"),
    [
        ("text_input", "Name", "Grace", '"name": "Ada"', '"name": "Grace"'),
        ("text_area", "System prompt", 'Say "hi".\nBye.', '"Be brief."', '"Say \\"hi\\".\\nBye."'),
        ("slider", "Temperature", 1.0, "0.333", "1"),
        ("slider", "Temperature", 0.15, "0.333", "0.15"),
        ("multiselect", "Tags", ["maths", "new"], '["maths", "history"]', '["maths", "new"]'),
        ("text_input", "Starter 2", "Three?", '"Two?"', '"Three?"'),
        ("text_input", "Starter 3", "Three?", '"Two?"', '"Two?", "Three?"'),
        ("text_input", "Description", "D", '"name": "Ada",', '"name": "Ada",    "description": "D",'),
        ("number_input", "Maximum reply length, in tokens", 9, "0.333,", '0.333,    "maxTokens": 9,'),
        ("checkbox", "Leave it to the model", False, "0.333,", '0.333,    "topP": 1,'),
        ("toggle", "Summarize messages that no longer fit", True, "0.333,", '0.333,    "summarize": true,'),
        ("number_input", "Context, in tokens", 512, "0.333,", '0.333,    "contextTokens": 512,'),
        ("text_input", "Tone", "dry", "0.333,", '0.333,    "personality": {\n        "tone": "dry"\n    },'),
        ("selectbox", "Avatar", "🧭", "0.333,", '0.333,    "avatar": "🧭",'),
    ],
)
def test_a_field_changes_its_own_value_and_not_another_character(
    at: AppTest, kind: str, label: str, value: Any, before: str, after: str
) -> None:
    fill(at, kind, label, value)

    assert text_of(at) == WRITTEN.replace(before, after)
    assert field(at, kind, label).value == value


def test_a_change_that_is_taken_back_leaves_nothing_to_save(at: AppTest) -> None:
    fill(at, "text_input", "Name", "Grace")
    assert not at.button(key="save").disabled
    fill(at, "text_input", "Name", "Ada")

    assert at.button(key="save").disabled


def test_a_save_from_the_form_keeps_the_layout(at: AppTest, folder: Path) -> None:
    fill(at, "text_input", "Name", "Grace")
    at.button(key="save").click().run()

    assert (folder / "ada.json").read_text() == WRITTEN.replace('"Ada"', '"Grace"')
    fill(at, "text_input", "Name", "Grace H.")
    at.button(key="save").click().run()
    assert (folder / "ada.json").read_text() == WRITTEN.replace('"Ada"', '"Grace H."')


def test_the_form_shows_what_is_typed_in_the_json_and_back(at: AppTest) -> None:
    open_tab(at, "JSON")
    write(at, WRITTEN.replace("Ada", "Typed").replace("0.333", "1.9").replace('"Two?"', '"2?"'))
    open_tab(at, "Prompt")
    assert field(at, "text_input", "Name").value == "Typed"
    assert field(at, "slider", "Temperature").value == 1.9
    assert field(at, "text_input", "Starter 2").value == "2?"

    fill(at, "slider", "Temperature", 0.5)
    open_tab(at, "JSON")
    assert at.session_state["persona_desk"].mount.text == text_of(at)
    assert '"temperature": 0.5' in text_of(at)


def test_a_key_that_was_still_on_its_way_from_the_editor_is_not_lost(at: AppTest) -> None:
    open_tab(at, "JSON")
    open_tab(at, "Prompt")
    write(at, WRITTEN.replace("Ada", "Ada!"))
    assert field(at, "text_input", "Name").value == "Ada!"

    fill(at, "text_area", "System prompt", "Be long.")
    assert text_of(at) == WRITTEN.replace("Ada", "Ada!").replace("Be brief.", "Be long.")


def test_what_the_editor_held_before_the_form_was_used_is_not_taken_for_typed(at: AppTest) -> None:
    open_tab(at, "JSON")
    write(at, WRITTEN.replace("Ada", "Typed"))
    open_tab(at, "Prompt")
    fill(at, "text_input", "Name", "From the form")
    at.run()

    assert text_of(at) == WRITTEN.replace("Ada", "From the form")


def test_a_key_that_comes_after_a_change_in_the_form_leaves_both(at: AppTest) -> None:
    open_tab(at, "JSON")
    open_tab(at, "Prompt")
    fill(at, "text_area", "System prompt", "Be long.")
    write(at, WRITTEN.replace("Ada", "Ada!"))

    assert text_of(at) == WRITTEN.replace("Ada", "Ada!").replace("Be brief.", "Be long.")


def test_an_emptied_text_that_need_not_be_there_goes(at: AppTest) -> None:
    fill(at, "text_area", "Greeting", "Hello")
    assert '"greeting": "Hello"' in text_of(at)
    fill(at, "text_area", "Greeting", "")

    assert text_of(at) == WRITTEN


def test_an_avatar_is_chosen_and_taken_away_again(at: AppTest) -> None:
    fill(at, "selectbox", "Avatar", "🎓")
    assert '"avatar": "🎓"' in text_of(at)
    fill(at, "selectbox", "Avatar", "")

    assert text_of(at) == WRITTEN


def test_a_number_is_left_to_the_model_again(at: AppTest) -> None:
    fill(at, "checkbox", "Leave it to the model", False)
    fill(at, "slider", "Top-p", 0.25)
    assert '"topP": 0.25' in text_of(at)
    fill(at, "checkbox", "Leave it to the model", True)

    assert field(at, "slider", "Top-p").disabled
    assert text_of(at) == WRITTEN


def test_entries_are_moved_and_removed_as_they_are_written(at: AppTest) -> None:
    at.menu_button(key="form-menu-starters-0").set_value("Move down").run()
    assert text_of(at) == WRITTEN.replace('"One?", "Two?"', '"Two?", "One?"')
    assert [field(at, "text_input", f"Starter {n}").value for n in (1, 2, 3)] == ["Two?", "One?", ""]

    at.menu_button(key="form-menu-starters-0").set_value("Remove").run()
    assert text_of(at) == WRITTEN.replace('"One?", "Two?"', '"One?"')
    at.menu_button(key="form-menu-starters-0").set_value("Remove").run()
    assert "starters" not in json.loads(text_of(at))


def test_a_removed_entry_is_put_back_where_it_stood_also_the_only_one(at: AppTest) -> None:
    for _ in range(2):
        at.menu_button(key="form-menu-starters-0").set_value("Remove").run()
    fill(at, "text_input", "Name", "Ada L.")
    click(at, "Undo")

    assert json.loads(text_of(at))["starters"] == ["Two?"]
    assert json.loads(text_of(at))["name"] == "Ada L."
    assert not [each for each in at.button if each.label == "Undo"]


def test_an_example_is_added_side_by_side(at: AppTest) -> None:
    click(at, "Add example")
    fill(at, "text_area", "Example 1: the user says", "Why?")
    assert "Invalid" in words(at)
    fill(at, "text_area", "Example 1: the answer", "Because.")

    assert json.loads(text_of(at))["examples"] == [{"user": "Why?", "assistant": "Because."}]
    assert "Invalid" not in words(at)


def test_a_suggestion_is_added_to_what_stands_there(at: AppTest) -> None:
    for suggestion in ("warm", "dry"):
        [menu] = [each for each in at.menu_button if "tone" in str(each.key)]
        menu.set_value(suggestion).run()

    assert field(at, "text_input", "Tone").value == "warm, dry"


def test_the_models_of_the_providers_are_offered_and_a_silent_one_is_said(
    at: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = KnownModels(("aa/one", "zz-two"), complete=True, faults=("local is silent.",))
    monkeypatch.setattr(model_picker, "known_models", lambda: known)
    at.run()

    assert field(at, "selectbox", "Model").options == ["aa/one", "zz-two"]
    assert "local is silent" in words(at)
    fill(at, "selectbox", "Model", "zz-two")
    assert json.loads(text_of(at))["model"] == "zz-two"


def test_tags_of_other_personas_are_suggested(at: AppTest) -> None:
    assert "golf" in field(at, "multiselect", "Tags").options


def test_a_problem_stands_under_its_field(at: AppTest) -> None:
    fill(at, "text_input", "Name", "n" * 81)

    assert any("name" in str(each.value) and ":material/error:" in str(each.value) for each in at.markdown)
    assert at.button(key="save").disabled


def test_broken_json_leads_to_the_json(at: AppTest) -> None:
    open_tab(at, "JSON")
    write(at, WRITTEN.replace('"Ada",', '"Ada"'))
    open_tab(at, "Prompt")
    assert "needs valid JSON" in words(at)
    assert not [each for each in at.text_input if each.label == "Name"]

    click(at, "Go to the JSON")
    assert at.session_state["persona_tab"] == "JSON"
    assert '"Ada"' in at.session_state["persona_desk"].mount.text


ODD = """{"id": "ada", "name": ["Ada"], "systemPrompt": "\\ud800", "temperature": "hot", "maxTokens": 0,
"topP": NaN, "contextTokens": 1e999, "summarize": 1, "model": null, "personality": "dry", "tags": ["a", 1],
"starters": "none", "examples": [1], "stop": [2], "avatar": {}, "colour": "blue"}"""


def test_values_that_no_field_can_show_are_shown_as_they_are_and_can_be_replaced(at: AppTest) -> None:
    open_tab(at, "JSON")
    write(at, ODD)
    open_tab(at, "Prompt")
    assert '["Ada"]' in [code.value for code in at.code]
    assert "colour" in words(at)

    for _ in range(20):
        replace = [each for each in at.button if each.label in ("Replace it", "Remove it")]
        if not replace:
            break
        before = text_of(at)
        replace[0].click().run()
        assert not at.exception
        click(at, "Undo")
        assert text_of(at) == before
        next(each for each in at.button if each.label == replace[0].label).click().run()

    assert json.loads(text_of(at)) == {
        "id": "ada",
        "name": "",
        "systemPrompt": "",
        "temperature": 0.7,
        "maxTokens": 1000,
        "topP": 1,
        "summarize": False,
        "model": "",
        "personality": {},
        "tags": [],
        "starters": [],
        "examples": [{"user": "", "assistant": ""}],
        "stop": [""],
        "avatar": "",
        "colour": "blue",
    }


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "{}"])
def test_a_text_that_is_no_persona_at_all_is_no_crash(at: AppTest, text: str) -> None:
    open_tab(at, "JSON")
    write(at, text)
    open_tab(at, "Prompt")

    assert "Invalid" in words(at)


def test_another_persona_has_its_own_values_in_the_form(at: AppTest) -> None:
    fill(at, "text_input", "Name", "Grace")
    at.button(key="persona-bob").click().run()
    assert field(at, "text_input", "Name").value == "Bob"
    at.button(key="persona-ada").click().run()

    assert field(at, "text_input", "Name").value == "Grace"


MORE = "More parameters, as JSON"


def test_parameters_of_the_models_server_are_written_as_json(at: AppTest) -> None:
    fill(at, "text_area", MORE, '{"top_k": 40, "chat_template_kwargs": {"enable_thinking": false}}')
    extensions = json.loads(text_of(at))["extensions"]
    assert extensions["parameters"] == {"top_k": 40, "chat_template_kwargs": {"enable_thinking": False}}
    assert extensions["theirs"] == {"odd": [1, 2.5]}
    fill(at, "text_area", MORE, "")
    assert json.loads(text_of(at))["extensions"] == {"theirs": {"odd": [1, 2.5]}}


@pytest.mark.parametrize("typed", ["{", "[1]", "7", '{"top_k": NaN}', "[" * 5000])
def test_what_is_no_object_stays_in_the_field_and_out_of_the_persona(at: AppTest, typed: str) -> None:
    fill(at, "text_area", MORE, typed)
    assert text_of(at) == WRITTEN
    assert field(at, "text_area", MORE).value == typed
    assert "must be a JSON object" in words(at)
    fill(at, "text_area", MORE, '{"top_k": 1}')
    assert json.loads(text_of(at))["extensions"]["parameters"] == {"top_k": 1}
    assert "must be a JSON object" not in words(at)


def test_parameters_of_another_shape_are_shown_and_can_be_replaced(at: AppTest) -> None:
    open_tab(at, "JSON")
    open_tab(at, "Prompt")
    write(at, WRITTEN.replace('{"theirs"', '{"parameters": [1], "theirs"'))
    click(at, "Replace it")
    assert json.loads(text_of(at))["extensions"]["parameters"] == {}


def test_the_first_tab_is_the_prompt_with_its_size_and_warnings(open_home: OpenPage) -> None:
    page = open_home()
    page.switch_page("pages/personas.py")
    page.query_params["id"] = "ada"
    page.run()
    assert page.tabs[0].label == "Prompt"
    assert page.tabs[0].text_area[0].label == "System prompt"
    field(page, "text_area", "System prompt").set_value("Ask {{usr}} thrice.").run()

    captions = [str(caption.value) for caption in page.tabs[0].caption]
    assert "3 words, about 5 tokens in the prompt" in captions
    assert any(caption.startswith("About ") and "per message" in caption for caption in captions)
    assert any("did you mean {{user}}" in str(row.value).replace("\\", "") for row in page.tabs[0].markdown)


def test_the_open_tab_outlasts_a_visit_to_another_page(open_home: OpenPage) -> None:
    page = open_home()
    page.switch_page("pages/personas.py")
    page.query_params["id"] = "ada"
    page.session_state["persona_tab"] = "Preview"
    page.run()
    page.switch_page("pages/history.py").run()
    page.switch_page("pages/personas.py").run()
    assert not page.exception
    assert page.session_state["persona_tab"] == "Preview"


def test_a_text_that_no_form_can_show_opens_with_its_json(open_home: OpenPage, folder: Path) -> None:
    (folder / "cracked.json").write_text('{"id": "cracked",')
    page = open_home()
    page.switch_page("pages/personas.py")
    page.query_params["id"] = "cracked"
    page.run()
    assert page.session_state["persona_tab"] == "JSON"
    open_tab(page, "Prompt")
    assert any("Fix the JSON first" in str(warning.proto.title) for warning in page.warning)


def test_no_help_shows_how_an_icon_is_written(at: AppTest) -> None:
    helps = [str(field.help) for kind in (at.selectbox, at.text_input, at.text_area) for field in kind]
    assert not [each for each in helps if ":material/" in each.replace("\\", "")]
