"""Rows that an import left before it was checked: every page still opens, and nothing they name is read."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from streamlit.elements.lib import image_utils
from streamlit.testing.v1 import AppTest

from personachat.conversations.tables import turns
from personachat.history.sharing import SharedConversations
from personachat.services import get_services
from tests.pages.conftest import OpenPage
from tests.pages.conversing import converse, library

pytestmark = pytest.mark.usefixtures("local")

NO_AVATARS = [
    "/etc/hostname",
    "/dev/zero",
    "http://evil.example/pixel.png",
    "//evil.example/x",
    "data:image/png;base64,AAAA",
    ":material/no_such_icon:",
    ":material/../x:",
    ":smile:",
    "spinner",
    "assistant",
    "no avatar at all",
    " 🧭",
    "🧭🧭",
    " ",
]


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What Streamlit was made to take for a picture."""
    opened: list[object] = []

    def image_to_url(image: object, *_: object, **__: object) -> str:
        opened.append(image)
        return ""

    monkeypatch.setattr(image_utils, "image_to_url", image_to_url)
    return opened


def store(avatar: str) -> str:
    """A shared, pinned conversation whose every turn has this avatar; returns its id."""
    conversation_id = converse("On fruit")
    library().share(conversation_id)
    library().pin(conversation_id, True)
    with get_services().database.write() as connection:
        connection.execute(update(turns).values(avatar=avatar))
    return conversation_id


def see(page: AppTest, name: str, **query: str) -> None:
    for key, value in query.items():
        page.query_params[key] = value
    page.switch_page(f"pages/{name}.py").run()
    assert not page.exception


@pytest.mark.parametrize("avatar", NO_AVATARS)
def test_an_owner_locked_out_by_a_stored_avatar_gets_back_in(
    open_home: OpenPage, pictures: list[object], avatar: str
) -> None:
    page = open_home()
    conversation_id = store(avatar)
    share = library().share_of(conversation_id)
    assert share is not None
    see(page, "chat", chat=conversation_id)
    assert "Indeed." in [text.value for text in page.main.markdown]
    see(page, "history")
    see(page, "history", q="Indeed")
    see(page, "personas")
    see(page, "shared", token=share.token)
    assert pictures == []


def test_a_stored_avatar_that_can_be_none_is_in_no_answer_and_no_file(open_home: OpenPage) -> None:
    open_home()
    conversation_id = store("/etc/hostname")
    share = library().share_of(conversation_id)
    assert share is not None
    here = get_services().of("local")
    turns_now = here.chat.conversation(conversation_id).path
    shown = SharedConversations(get_services().database).read(share.token)
    assert {turn.avatar for turn in turns_now} == {None}
    assert {turn.avatar for turn in shown.turns} == {None}
    assert library().summary(conversation_id).avatar is None
    assert b"hostname" not in library().export([conversation_id], "markdown").content
    exported = library().export([conversation_id], "json").content
    assert b"hostname" not in exported
    assert library().import_json(exported)
