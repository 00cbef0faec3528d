"""The pages while the database cannot be reached: what was shown and typed stays, and all comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest
from streamlit.testing.v1 import AppTest

from personachat.conversations.model import Conversation, Turn
from personachat.database.connection import Database
from personachat.errors import DatabaseUnavailable
from personachat.services import get_services
from personachat.stamps import new_id
from personachat.ui.last_seen import LastSeen
from tests.fake_provider import FakeProvider, tokens
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local

SENTENCE = "can't be used right now: it doesn't answer"


@pytest.fixture
def open_page(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    be_local(monkeypatch)
    return open_home


@pytest.fixture(params=["files", "database"])
def kept_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PERSONACHAT_PERSONA_STORE", request.param)
    return str(request.param)


@contextmanager
def outage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody reaches the database meanwhile."""

    def fail(self: Database, *_: object) -> NoReturn:
        self._outage.note(OSError("silent"), took=0)
        raise DatabaseUnavailable(
            f"The PostgreSQL database {SENTENCE}.",
            hint="Try again in a moment.",
            advice="Check DATABASE_URL.",
        )

    with monkeypatch.context() as patch:
        patch.setattr(Database, "read", fail)
        patch.setattr(Database, "write", fail)
        yield
    get_services().database.check()
    while get_services().checkpoints.trouble:  # it beats once a second
        threading.Event().wait(0.05)


def shown(page: AppTest) -> str:
    """Every word on the page."""
    words = (str(getattr(each, "value", "")) for each in _elements(page._tree))
    return "\n".join(words).replace("\\", "")  # which Markdown does not show


def _elements(block: Any) -> Iterator[Any]:
    for child in getattr(block, "children", {}).values():
        yield child
        yield from _elements(child)


def test_words_sent_in_an_outage_are_back_in_the_box_below_the_chat_as_it_was(
    open_page: OpenPage, kept_in: str, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.enqueue(tokens(["An answer from before."]))
    page = open_page()
    page.chat_input[0].set_value("Said before").run()
    assert "An answer from before." in shown(page)
    with outage(monkeypatch):
        page.chat_input[0].set_value("Words that matter").run()
        assert not page.exception
        assert page.chat_input[0].proto.value == "Words that matter"
        for _ in range(2):
            told = shown(page)
            assert "Said before" in told
            assert "An answer from before." in told
            assert SENTENCE in told
            assert "DATABASE_URL" not in told
            page.run()
    fake.enqueue(tokens(["An answer from after."]))
    page.chat_input[0].set_value("Words that matter").run()
    told = shown(page)
    assert "An answer from after." in told
    assert SENTENCE not in told


def test_the_first_words_of_a_chat_are_not_lost_either(
    open_page: OpenPage, kept_in: str, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page()
    with outage(monkeypatch):
        page.chat_input[0].set_value("First words").run()
        assert not page.exception
        assert page.chat_input[0].proto.value == "First words"
        assert page.chat_input[0].placeholder == "Message Guide"
        assert SENTENCE in shown(page)
    fake.enqueue(tokens(["Here you are."]))
    page.chat_input[0].set_value("First words").run()
    assert "Here you are." in shown(page)


def test_a_page_that_opens_in_an_outage_says_so_and_has_everything_after(
    open_page: OpenPage, kept_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_services().database.check()
    with outage(monkeypatch):
        page = open_page()
        assert not page.exception
        if kept_in == "database":
            assert SENTENCE in shown(page)
        assert "DATABASE_URL" not in shown(page)
    page.run()
    assert page.chat_input[0].placeholder == "Message Guide"
    assert SENTENCE not in shown(page)


def test_another_persons_chat_is_not_shown_in_an_outage() -> None:
    seen = LastSeen()
    seen.keep(conversation("ada", "one", 10))
    assert seen.find("ada", "one")
    assert seen.find("bob", "one") is None
    seen.forget("ada", "one")
    assert seen.find("ada", "one") is None


def test_what_was_seen_takes_only_so_much_memory() -> None:
    seen = LastSeen(most_characters=100)
    for name in ("one", "two", "three"):
        seen.keep(conversation("ada", name, 40))
    seen.keep(conversation("ada", "three", 45))
    assert [bool(seen.find("ada", name)) for name in ("one", "two", "three")] == [False, True, True]
    seen.keep(conversation("ada", "large", 101))
    assert not any(seen.find("ada", name) for name in ("two", "three", "large"))
    assert seen._characters == 0


def conversation(owner: str, name: str, characters: int) -> Conversation:
    turn = Turn(new_id(), None, "user", "x" * characters, "tester", "Tester")
    return Conversation(id=name, owner=owner, path=(turn,))


@pytest.fixture
def edited(open_page: OpenPage, kept_in: str) -> Callable[[], AppTest]:
    def open_it() -> AppTest:
        page = open_page()
        page.switch_page("pages/personas.py").run()
        return page

    return open_it


def test_the_personas_page_keeps_what_was_typed_and_says_that_it_is_not_saved(
    edited: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch, kept_in: str
) -> None:
    if kept_in == "files":
        pytest.skip("files need no database")
    page = edited()
    from personachat.ui.session import PersonaDraft

    stored = get_services().personas.get("default-persona")
    text = stored.text.replace("You are a test.", "You are a better test.")
    page.session_state["persona_drafts"] = {"default-persona": PersonaDraft(text, stored.text, stored.etag)}
    page.query_params["id"] = "default-persona"
    page.run()
    with outage(monkeypatch):
        save = next(button for button in page.button if button.label.startswith("Save"))
        save.click().run()
        assert not page.exception
        assert SENTENCE in shown(page)
        assert "DATABASE_URL" not in shown(page)
        assert page.session_state["persona_drafts"]["default-persona"].text == text
    next(button for button in page.button if button.label.startswith("Save")).click().run()
    assert "better" in get_services().personas.get("default-persona").text


@pytest.mark.parametrize("name", ["insights", "compare"])
def test_insights_and_comparisons_come_back_after_an_outage(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    page = open_page()
    page.switch_page(f"pages/{name}.py").run()
    with outage(monkeypatch):
        page.run()
        assert not page.exception
        assert SENTENCE in shown(page)
        assert "DATABASE_URL" not in shown(page)
    page.run()
    assert SENTENCE not in shown(page)


def test_history_comes_back_after_an_outage(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    page = open_page()
    page.switch_page("pages/history.py").run()
    with outage(monkeypatch):
        page.run()
        assert SENTENCE in shown(page)
        assert "DATABASE_URL" not in shown(page)
    page.run()
    assert SENTENCE not in shown(page)
