"""The shared page without a browser: what somebody with a link sees, who is nobody here."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.messages import ChatMessage
from personachat.services import get_services
from personachat.ui import session
from tests.conftest import local
from tests.pages.conftest import OpenPage
from tests.pages.conversing import converse, library, wait_for_end

pytestmark = pytest.mark.usefixtures("local")

GONE = "This link is invalid or was revoked. Ask the sender for a new one."


@pytest.fixture
def visit(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    """Opens the link with this token as somebody from elsewhere."""

    def open_it(**query: str) -> AppTest:
        page = open_home()
        for name, value in query.items():
            page.query_params[name] = value
        with monkeypatch.context() as here:
            here.setattr(session, "current_owner", nobody)
            page.switch_page("pages/shared.py").run()
        assert not page.exception
        return page

    return open_it


def nobody() -> str:
    raise AssertionError("a shared page needs no owner")


def words(page: AppTest) -> str:
    elements = [*page.title, *page.markdown, *page.text, *page.caption]
    return "\n".join(str(element.value) for element in elements)


def test_a_link_shows_title_and_turns_and_nothing_to_do(open_home: OpenPage, visit: OpenPage) -> None:
    open_home()
    shared = library().share(converse("On fruit", said="What is *a* quince?"))
    page = visit(token=shared.token)
    assert page.title[0].value == "On fruit"
    assert "What is *a* quince?" in [text.value for text in page.text]
    assert "Indeed." in words(page)
    assert "Shared from PersonaChat" in words(page)
    assert not page.chat_input
    assert not page.button


def test_unknown_and_revoked_links_say_the_same(open_home: OpenPage, visit: OpenPage) -> None:
    open_home()
    conversation_id = converse("On fruit")
    token = library().share(conversation_id).token
    library().revoke(conversation_id)
    for query in ({}, {"token": token}, {"token": "x" * 43}, {"token": "../[x](y)\x00"}):
        page = visit(**query)
        assert [info.value for info in page.info] == [GONE]
        assert not page.title


def test_a_long_conversation_comes_in_parts(open_home: OpenPage, visit: OpenPage) -> None:
    open_home()
    chat = local(get_services()).chat
    conversation = chat.start()
    history = [ChatMessage("user" if i % 2 == 0 else "assistant", f"turn {i}") for i in range(120)]
    wait_for_end(chat.send(conversation.id, "last", persona_id="default-persona", history=history))
    page = visit(token=library().share(conversation.id).token)
    assert len(page.chat_message) == 30
    (more,) = page.button
    assert "left" in more.label
    more.click().run()
    assert len(page.chat_message) == 60


def test_a_damaged_database_is_a_sentence(visit: OpenPage, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "personachat.sqlite3").write_bytes(b"this is no database" * 500)
    page = visit(token="x" * 43)
    (error,) = page.error
    assert "Traceback" not in error.value
