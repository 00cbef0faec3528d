"""The page of a shared persona without a browser: a preview to be accepted, and nothing before that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from personachat.authoring.library import PersonaLibrary
from personachat.errors import PersonaNotFound
from personachat.owners import LOCAL_OWNER
from personachat.personas.formats import links
from personachat.services import get_services
from tests.conftest import persona_text
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local

HOSTILE = "**Bold** <img src=x> [link](https://example.org) www.example.org $x$"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "default-persona.json").write_text(persona_text("default-persona", name="Guide"))
    return made


@pytest.fixture
def open_link(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    be_local(monkeypatch)

    def open_it(**query: str) -> AppTest:
        at = open_home()
        at.switch_page("pages/received.py")
        for name, value in query.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception
        return at

    return open_it


def mine() -> PersonaLibrary:
    return get_services().of(LOCAL_OWNER, author="Me").collection


def words(at: AppTest) -> str:
    kinds = (at.title, at.markdown, at.caption, at.info, at.warning, at.success, at.code)
    return "\n".join(str(each.value) for kind in kinds for each in kind)


def click(at: AppTest, key: str) -> None:
    at.button(key=key).click().run()
    assert not at.exception


def packed(persona_id: str, **keys: object) -> str:
    found = links.packed(persona_text(persona_id, **keys))
    assert found
    return found


def test_a_link_shows_the_persona_and_saves_nothing_before_it_is_accepted(open_link: OpenPage) -> None:
    at = open_link(persona=packed("nell", name="Nell", greeting="Good morning.", starters=["Bread?"]))
    for text in ("Nell", "You are a test.", "Good morning.", "Bread?", "Nothing has been saved or sent"):
        assert text in words(at)
    with pytest.raises(PersonaNotFound):
        mine().get("nell")
    click(at, "accept_received")
    assert mine().get("nell").persona.greeting == "Good morning."
    assert "one of your personas now" in words(at)
    assert "Nothing is saved" not in words(at)
    assert mine().revisions.of("nell")[0].action == "imported"


def test_what_somebody_wrote_is_shown_as_plain_text(open_link: OpenPage) -> None:
    at = open_link(persona=packed("odd", name=HOSTILE[:80], description=HOSTILE, starters=[HOSTILE]))
    shown = "\n".join(str(each.value) for kind in (at.title, at.markdown, at.caption) for each in kind)
    assert "**Bold**" not in shown
    assert "](https" not in shown
    assert "https://" not in shown.replace("\\:", ":")
    assert "www.example" not in shown
    assert "<img" not in shown.replace("\\<img", "")


def test_one_that_differs_from_yours_asks_what_to_do(open_link: OpenPage) -> None:
    at = open_link(persona=packed("nell", temperature=0.9))
    mine().create(persona_text("nell", temperature=0.1))
    at.run()
    assert "a different persona" in words(at)
    assert at.button(key="accept_received").disabled
    at.session_state["import_choice_received_nell"] = "both"
    at.run()
    assert at.button(key="accept_received").label == "Keep both"
    click(at, "accept_received")
    assert mine().get("nell").persona.temperature == 0.1
    assert mine().get("nell-2").persona.temperature == 0.9


def test_one_that_you_have_is_not_saved_again(open_link: OpenPage) -> None:
    at = open_link()
    mine().create(persona_text("nell"))
    at.query_params["persona"] = packed("nell")
    at.run()
    assert "You already have this persona" in words(at)
    assert not [button for button in at.button if button.key == "accept_received"]


@pytest.mark.parametrize("link", ["", "1abc", "x" * 7_000, "2" + "A" * 50, "<script>"])
def test_a_link_that_is_none_is_one_sentence(open_link: OpenPage, link: str) -> None:
    at = open_link(**({"persona": link} if link else {}))
    assert at.info[0].value
    assert not [button for button in at.button if button.key == "accept_received"]


def test_a_cut_off_link_says_so(open_link: OpenPage) -> None:
    assert "cut off" in words(open_link(persona=packed("nell")[:-8]))


def test_a_short_link_works_until_it_is_revoked(open_link: OpenPage) -> None:
    at = open_link()
    mine().create(persona_text("nell", name="Nell"))
    token = mine().share("nell").token
    mine().delete("nell")
    at.query_params["token"] = token
    at.run()
    assert "Nell" in words(at)
    mine().revoke("nell")
    at.run()
    assert "is invalid or was revoked" in words(at)


def test_what_is_saved_can_be_read_to_the_last_word_before(open_link: OpenPage) -> None:
    keys = {
        "examples": [{"user": "Say", "assistant": "hidden in an example"}],
        "alternateGreetings": ["hidden in a greeting"],
        "extensions": {"elsewhere": "hidden in an extension"},
    }
    shown = words(open_link(persona=packed("nell", **keys)))
    for place in ("an example", "a greeting", "an extension"):
        assert f"hidden in {place}" in shown


def test_theirs_takes_the_place_of_yours_where_you_say_so(open_link: OpenPage) -> None:
    at = open_link(persona=packed("nell", temperature=0.9))
    mine().create(persona_text("nell", temperature=0.1))
    at.session_state["import_choice_received_nell"] = "theirs"
    at.run()
    assert at.button(key="accept_received").label == "Replace mine"
    click(at, "accept_received")
    assert mine().get("nell").persona.temperature == 0.9
    assert [found.action for found in mine().revisions.of("nell")] == ["imported", "created"]


def test_what_was_changed_while_you_looked_is_not_replaced(
    open_link: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_link(persona=packed("nell", temperature=0.9))
    accept = PersonaLibrary.carry_out

    def too_late(self: PersonaLibrary, *args: Any) -> Any:
        monkeypatch.undo()
        mine().create(persona_text("nell", temperature=0.5))
        return accept(self, *args)

    monkeypatch.setattr(PersonaLibrary, "carry_out", too_late)
    click(at, "accept_received")
    assert at.error[0].value
    assert mine().get("nell").persona.temperature == 0.5
    assert "one of your personas now" not in words(at)


def test_a_damaged_database_is_a_sentence(open_link: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "personachat.sqlite3").write_bytes(b"this is no database" * 500)
    at = open_link(token="x" * 43)
    assert at.error
    assert "Traceback" not in at.error[0].value
