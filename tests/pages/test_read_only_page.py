"""The personas page for a visitor who may not change what everybody has."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.services import get_services
from personachat.ui import session
from tests.conftest import persona_text
from tests.pages.conftest import OpenPage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "tester.json").write_text(persona_text(), "utf-8")
    return made


@pytest.fixture
def page(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("PERSONACHAT_PUBLIC_EDITING", "no")
    at = open_home()
    at.switch_page("pages/personas.py")
    at.query_params["id"] = "tester"
    at.session_state["persona_tab"] = "JSON"
    at.run()
    assert not at.exception
    return at


def write(at: AppTest, text: str) -> None:
    at.session_state[at.session_state["persona_desk"].mount.key] = text
    at.run()
    assert not at.exception


def test_it_says_why_and_offers_nothing_that_would_be_refused(page: AppTest) -> None:
    assert any("Visitors can't change" in shown.value for shown in page.info)
    for key in ("save", "import_personas"):
        assert page.button(key=key).disabled
        assert "Visitors" in page.button(key=key).help


def test_a_draft_is_ones_own_and_can_be_taken_along(page: AppTest) -> None:
    mine = persona_text(name="Mine")
    write(page, mine)
    assert page.button(key="save").disabled
    assert page.session_state["persona_drafts"]["tester"].text == mine
    assert len(page.get("download_button")) == 1
    assert get_services().personas.get("tester").persona.name == "Tester"


def test_a_save_that_the_page_lets_through_is_refused_below_it(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "why_not_edit", lambda *_: None)
    mine = persona_text(name="Mine")
    write(page, mine)
    page.button(key="save").click().run()
    assert not page.exception
    assert any("You can't change personas here" in shown.value for shown in page.error)
    assert get_services().personas.get("tester").persona.name == "Tester"
    assert page.session_state["persona_drafts"]["tester"].text == mine
