"""What the tests of the library's pages share: somebody at this machine, with conversations."""

from __future__ import annotations

import re
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from personachat.history.library import ConversationLibrary
from personachat.messages import ChatMessage
from personachat.owners import LOCAL_OWNER
from personachat.replies.live import LiveReply
from personachat.services import get_services
from personachat.ui import owner as owners
from personachat.ui.chat import actions
from tests.conftest import persona_text


def make_personas(folder: Path) -> Path:
    folder.mkdir()
    (folder / "default-persona.json").write_text(persona_text("default-persona", name="Guide"))
    (folder / "second.json").write_text(persona_text("second", name="Second"))
    return folder


def be_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest says nothing of where its browser is."""
    monkeypatch.setattr(owners, "_is_near", lambda: True)
    close_side_door(monkeypatch)


def close_side_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest opens it before every run: pages run without Home.py where that draws none."""
    begin = PagesManager.__init__

    def begin_closed(manager: PagesManager, *args: Any, **kwargs: Any) -> None:
        PagesManager.uses_pages_directory = False
        begin(manager, *args, **kwargs)

    monkeypatch.setattr(PagesManager, "__init__", begin_closed)


def library(owner: str = LOCAL_OWNER) -> ConversationLibrary:
    return get_services().of(owner).library


def converse(
    title: str, *, said: str = "", persona_id: str = "default-persona", owner: str = LOCAL_OWNER
) -> str:
    """A conversation of four turns with that title; returns its id."""
    here = get_services().of(owner)
    conversation = here.chat.start()
    history = [ChatMessage("user", said or f"About {title}"), ChatMessage("assistant", "Indeed.")]
    wait_for_end(here.chat.send(conversation.id, "Go on", persona_id=persona_id, history=history))
    here.library.rename(conversation.id, title)
    return conversation.id


def wait_for_end(live_reply: LiveReply) -> None:
    while live_reply.live:
        live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=10)


def click(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception
    return page


def own_menu(bubble: Block) -> tuple[str, list[str]]:
    """Of the menu that the page itself adds to a turn: whose it is, and what is in it."""
    for block in bubble.children.values():
        key = re.search(r"-(?:said|actions)_([a-z]+)_(\w+)$", str(getattr(block.proto, "id", "")))
        if key:
            labels = list(actions.MENU)
            return key[2], [labels[ascii_lowercase.index(place)].rpartition(": ")[2] for place in key[1]]
    return "", []
