"""What the linter finds, on the personas page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from personachat.ui.session import PersonaDraft
from tests.pages.conftest import OpenPage


def text_of(**keys: Any) -> str:
    base = {"id": "one", "name": "One", "systemPrompt": "Be brief.", "model": "fake-1"}
    return json.dumps(base | keys, indent=2) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "one.json").write_text(
        text_of(systemPrompt="Greet {{usr}} *kindly*.", stop=["a"], starters=["x", "x"])
    )
    return made


def opened(open_home: OpenPage) -> AppTest:
    page = open_home()
    page.switch_page("pages/personas.py")
    page.query_params["id"] = "one"
    page.session_state["persona_tab"] = "JSON"
    page.run()
    assert not page.exception
    return page


def write(page: AppTest, text: str) -> None:
    page.session_state[page.session_state["persona_desk"].mount.key] = text
    page.run()
    assert not page.exception


def rows(page: AppTest) -> list[str]:
    return [str(button.label) for button in page.button if str(button.key).startswith("finding-")]


def captions(page: AppTest) -> str:
    return "\n".join(str(caption.value) for caption in page.caption)


def test_a_finding_is_a_row_with_its_line_and_words_as_they_are(open_home: OpenPage) -> None:
    page = opened(open_home)
    assert rows(page) == ["Line 4", "Line 11"]
    assert any(r"\{\{usr\}\} stays as written" in str(text.value) for text in page.markdown)


def test_a_click_on_a_finding_shows_its_line(open_home: OpenPage) -> None:
    page = opened(open_home)
    page.button(key="finding-1").click().run()
    assert page.session_state["persona_desk"].line == 11


def test_beside_the_prompt_its_findings_name_its_own_lines(open_home: OpenPage) -> None:
    page = opened(open_home)
    page.session_state["persona_tab"] = "Prompt"
    page.run()
    written = text_of(systemPrompt="One.\nTwo.\n\nGreet {{usr}}.", stop=["a"], starters=["x", "x"])
    page.session_state["persona_drafts"] = {"one": PersonaDraft(written, "", None)}
    page.run()
    assert not page.exception
    keys = [str(button.key) for button in page.button if "Line " in str(button.label)]
    assert keys == ["prompt_line-4-0", "finding-1"]
    assert [button.label for button in page.button if str(button.key) in keys] == ["Line 4", "Line 11"]
    page.button(key="prompt_line-4-0").click().run()
    assert page.session_state["persona_tab"] == "Prompt"
    page.button(key="finding-1").click().run()
    assert page.session_state["persona_tab"] == "JSON"


def test_what_a_message_takes_is_one_line(open_home: OpenPage) -> None:
    assert "tokens per message, up to 1,000 in the reply" in captions(opened(open_home))


def test_findings_follow_what_is_typed_and_give_way_to_problems(open_home: OpenPage) -> None:
    page = opened(open_home)
    write(page, text_of())
    assert rows(page) == []
    write(page, text_of(personality={"tone": "dry", "style": ""}))
    assert rows(page) == ["Line 8"]
    write(page, "{")
    assert rows(page) == []
    assert "tokens a message" not in captions(page)


def test_a_fix_mends_the_draft_with_one_click(open_home: OpenPage) -> None:
    page = opened(open_home)
    page.session_state["persona_tab"] = "Prompt"
    page.run()
    assert page.button(key="fix-0").label == r"Write \{\{user\}\}"
    page.button(key="fix-0").click().run()
    assert not page.exception
    draft = page.session_state["persona_drafts"]["one"].text
    assert draft == text_of(systemPrompt="Greet {{user}} *kindly*.", stop=["a"], starters=["x", "x"])
    assert page.text_area[0].value == "Greet {{user}} *kindly*."
    page.button(key="fix-0").click().run()
    assert json.loads(page.session_state["persona_drafts"]["one"].text)["starters"] == ["x"]
    assert rows(page) == []


def test_what_is_found_in_many_places_is_one_row_and_one_click(open_home: OpenPage) -> None:
    page = opened(open_home)
    lines = [f"{n}. Greet {{{{usr}}}} and {{{{usr}}}}." for n in range(20)]
    write(page, text_of(systemPrompt="\n".join(lines), starters=["{{usr}}?"]))
    assert rows(page) == ["Line 4", "Line 7"]
    assert "In 40 places" in captions(page)

    page.button(key="fix-0").click().run()
    assert not page.exception
    written = json.loads(page.session_state["persona_drafts"]["one"].text)
    assert written["systemPrompt"] == "\n".join(lines).replace("usr", "user")
    assert written["starters"] == ["{{usr}}?"]
    assert rows(page) == ["Line 7"]
