"""The Try out tab without a browser: the draft answers on the page, and what is in its way is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Node

from personachat.chat.turns import MAX_MESSAGE_CHARACTERS
from personachat.services import get_services
from personachat.ui.session import PersonaDraft
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, failure, tokens
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    keys: dict[str, Any] = {"greeting": "Good morning.", "starters": ["What now?"]}
    (made / "tutor.json").write_text(persona_text("tutor", name="Tutor", **keys))
    return made


@pytest.fixture
def open_tab(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenPage:
    be_local(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key-of-the-test-that-nobody-may-see")

    def open_it() -> AppTest:
        at = open_home()
        at.switch_page("pages/personas.py")
        at.query_params["id"] = "tutor"
        at.session_state["persona_tab"] = "Try out"
        at.run()
        assert not at.exception
        return at

    return open_it


def write(at: AppTest, **keys: Any) -> None:
    """Change the draft."""
    stored = get_services().personas.get("tutor")
    changed = json.dumps(json.loads(stored.text) | keys)
    at.session_state["persona_drafts"] = {"tutor": PersonaDraft(changed, stored.text, stored.etag)}
    at.run()
    assert not at.exception


def words(at: AppTest) -> str:
    return " ".join(str(each.value) for kind in (at.markdown, at.text, at.caption, at.info) for each in kind)


def keyed(block: Block, key: str) -> Block:
    """The container of that key."""
    for child in block.children.values():
        if isinstance(child, Block):
            if str(getattr(child.proto, "id", "")).endswith(f"-{key}"):
                return child
            try:
                return keyed(child, key)
            except LookupError:
                continue
    raise LookupError(key)


def words_in(node: Node) -> str:
    if not isinstance(node, Block):
        return str(getattr(node, "value", ""))
    return " ".join(map(words_in, node.children.values()))


def say(at: AppTest, text: str) -> None:
    box = next(box for box in at.chat_input if box.key == "try_out_message")
    box.set_value(text).run()
    assert not at.exception


def test_it_begins_with_the_greeting_and_says_that_nothing_is_stored(open_tab: OpenPage) -> None:
    at = open_tab()
    assert "Good morning." in words(at)
    assert "This chat is not stored" in words(at)
    assert at.button(key="try_out_stop").disabled
    assert at.button(key="try_out_clear").disabled


def test_the_draft_answers_and_a_change_is_told(open_tab: OpenPage, fake: FakeProvider) -> None:
    at = open_tab()
    write(at, systemPrompt="You are the draft.")
    say(at, "Hello there")
    assert "You said: Hello there" in words(at)
    assert fake.chats[-1].body["messages"][0]["content"] == "You are the draft."
    assert "The draft has changed since" not in words(at)
    write(at, systemPrompt="You are another draft.")
    assert "The draft has changed since" in words(at)
    at.button(key="try_out_retry").click().run()
    assert fake.chats[-1].body["messages"][0]["content"] == "You are another draft."
    assert "The draft has changed since" not in words(at)


def test_a_starter_begins_the_chat(open_tab: OpenPage) -> None:
    at = open_tab()
    at.button_group(key="try_out_starters").set_value(["What now?"]).run()
    assert not at.exception
    assert "You said: What now?" in words(at)


@pytest.mark.parametrize("tab", ["Prompt", "JSON", "Preview", "History"])
def test_the_chat_stands_beside_every_tab(open_tab: OpenPage, tab: str) -> None:
    at = open_tab()
    say(at, "Hello there")
    at.session_state["persona_tab"] = tab
    at.run()
    assert not at.exception
    assert "You said: Hello there" in words(at)


def test_each_reply_says_which_draft_it_came_from_and_the_former_one_stays(
    open_tab: OpenPage, fake: FakeProvider
) -> None:
    at = open_tab()
    say(at, "Hello there")
    assert "Draft 1, as saved" in words(at)
    write(at, systemPrompt="You are another draft.")
    fake.enqueue(tokens(["A second answer."]))
    at.button(key="try_out_retry").click().run()
    assert "A second answer." in words(at)
    assert "Draft 2 ·" in words(at)
    assert "Before: draft 1, as saved" in words(at)
    (new, former) = keyed(at.main, "try_out_compared").children.values()
    assert "A second answer." in words_in(new)
    assert "You said: Hello there" in words_in(former)
    assert "You said: Hello there" in words(at)
    write(at, systemPrompt="You are the third.")
    box = next(box for box in at.chat_input if box.key == "try_out_message")
    assert box.placeholder == "Message draft 3"
    at.button(key="try_out_clear").click().run()
    assert "Before:" not in words(at)


def test_the_chat_outlasts_a_draft_with_problems(open_tab: OpenPage) -> None:
    at = open_tab()
    say(at, "Hello there")
    write(at, temperature=9)
    assert "You said: Hello there" in words(at)
    assert "Fix the problems first" in words(at)
    assert at.button(key="try_out_retry").disabled
    assert next(box for box in at.chat_input if box.key == "try_out_message").disabled
    write(at, temperature=1)
    say(at, "And now?")
    assert "You said: And now?" in words(at)


def test_a_failed_reply_says_why_and_offers_to_ask_again(open_tab: OpenPage, fake: FakeProvider) -> None:
    at = open_tab()
    fake.enqueue(failure(401, "Nobody may see this."))
    say(at, "Hello there")
    assert [error.title for error in at.error] == ["The API key was rejected"]
    at.button(key="try_out_retry").click().run()
    assert "You said: Hello there" in words(at)
    assert not at.error


def test_words_that_cannot_be_sent_are_told(open_tab: OpenPage) -> None:
    at = open_tab()
    say(at, "x" * (MAX_MESSAGE_CHARACTERS + 1))
    assert [warning.title for warning in at.warning] == ["Not sent"]


def test_clearing_begins_anew(open_tab: OpenPage) -> None:
    at = open_tab()
    say(at, "Hello there")
    at.button(key="try_out_clear").click().run()
    assert "You said" not in words(at)
    assert "Good morning." in words(at)


def test_an_invalid_draft_cannot_answer(open_tab: OpenPage) -> None:
    at = open_tab()
    write(at, temperature=9)
    assert "Fix the problems first" in words(at)
    assert next(box for box in at.chat_input if box.key == "try_out_message").disabled


def test_test_values_are_filled_in_for_this_chat_alone(open_tab: OpenPage, fake: FakeProvider) -> None:
    at = open_tab()
    variables = {"company": {"default": "ACME", "description": "Where they work"}}
    write(
        at, systemPrompt="Help {{user}} at {{company}} with {{topic}}.", extensions={"variables": variables}
    )
    fields = [str(field.label) for field in at.text_input if str(field.key).startswith("try_value.")]
    assert fields == ["user", "company", "topic"]
    say(at, "Hello")
    assert fake.chats[-1].body["messages"][0]["content"] == "Help User at ACME with {{topic}}."
    at.text_input(key="try_value.tutor.user").set_value("Ada")
    at.text_input(key="try_value.tutor.topic").set_value("SQL {{user}}").run()
    assert not at.exception
    at.button(key="try_out_retry").click().run()
    assert fake.chats[-1].body["messages"][0]["content"] == "Help Ada at ACME with SQL {{user}}."
    draft = json.loads(at.session_state["persona_drafts"]["tutor"].text)
    assert draft["extensions"] == {"variables": variables}
