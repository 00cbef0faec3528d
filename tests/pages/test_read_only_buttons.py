"""Whatever a visitor presses, and whatever the pages let through, nobody's personas change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from personachat.personas.formats.links import packed
from personachat.services import get_services
from personachat.ui import session
from tests.conftest import persona_text
from tests.pages.conftest import OpenPage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    for name in ("tester", "another"):
        (made / f"{name}.json").write_text(persona_text(name), "utf-8")
    (made / "broken.json").write_text("{", "utf-8")
    return made


def everybodys(folder: Path) -> dict[str, Any]:
    """All that visitors share: files, revisions, labels, templates and what was deleted."""
    here = get_services()
    return {
        "files": {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()},
        "revisions": {name: here.revisions.of(name) for name in ("tester", "another", "broken")},
        "deleted": here.revisions.count_deleted(),
        "labels": [here.labels.of(name) for name in ("tester", "another")],
        "templates": here.gallery.all(),
    }


def press_everything(at: AppTest) -> list[str]:
    """Press each button once, in whatever state the one before left the page."""
    pressed: list[str] = []
    while True:
        waiting = [each for each in at.button if each.key not in pressed and not each.disabled]
        if not waiting:
            return pressed
        pressed.append(str(waiting[0].key))
        waiting[0].click().run()


@pytest.fixture
def home(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """For a visitor, with all that an editor would see: as if values came for widgets never drawn."""
    monkeypatch.setenv("PERSONACHAT_PUBLIC_EDITING", "no")
    at = open_home()
    monkeypatch.setattr(session, "why_not_edit", lambda *_: None)
    return at


def test_no_button_of_the_personas_page_changes_what_is_everybodys(home: AppTest, folder: Path) -> None:
    home.switch_page("pages/personas.py")
    home.query_params["id"] = "tester"
    home.session_state["persona_tab"] = "JSON"
    home.run()
    before = everybodys(folder)
    home.session_state[home.session_state["persona_desk"].mount.key] = persona_text(name="Mine")
    assert {"save", "choose_all", "apply_tags"} <= set(press_everything(home))
    assert everybodys(folder) == before


def test_no_button_of_a_received_persona_changes_what_is_everybodys(home: AppTest, folder: Path) -> None:
    before = everybodys(folder)
    for text in (persona_text("new"), persona_text("tester", name="Theirs")):
        home.switch_page("pages/received.py")
        home.query_params["persona"] = packed(text)
        home.run()
        assert press_everything(home)
        assert everybodys(folder) == before
