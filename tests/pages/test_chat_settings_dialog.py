"""The chat's own model and parameters on its page: a dialog, and a line that says what holds here alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from personachat.owners import LOCAL_OWNER
from personachat.personas.chat_settings import ChatSettings
from personachat.services import get_services
from personachat.ui import owner
from personachat.ui.chat.state import TurnDialog
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.pages.conftest import OpenPage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    text = persona_text("default-persona", name="Helper", model="fake-1", temperature=1)
    (made / "default-persona.json").write_text(text)
    return made


@pytest.fixture
def page(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key-of-the-test-that-nobody-may-see")
    monkeypatch.setattr(owner, "_is_near", lambda: True)  # AppTest says nothing of where its browser is
    return open_home()


def run(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception
    return page


def opened(page: AppTest) -> AppTest:
    page.session_state["chat_page"].dialog = TurnDialog("settings")
    return run(page)


def save(page: AppTest) -> AppTest:
    page.button(key="save_chat_settings").click()
    return run(page)


def line(page: AppTest) -> str | None:
    label = next((each.label for each in page.button if each.key == "chat_settings"), None)
    return label and label.replace("\\:", ":")


def test_settings_can_be_chosen_before_the_first_message_and_taken_back(
    page: AppTest, fake: FakeProvider
) -> None:
    assert line(page) is None
    assert get_services().model_names.all(wait_seconds=10).complete
    opened(page)
    model = page.selectbox(key="chat_setting.model")
    model.set_value(next(each for each in model.options if each.endswith("fake-2")))
    page.number_input(key="chat_setting.temperature").set_value(0.0)
    page.text_input(key="chat_setting.tone").set_value(" dry ")
    save(page)
    assert line(page) == "Only in this chat: fake-2 · Temperature 0 · Tone: dry"
    assert any("fake-2" in each.value for each in page.caption)

    page.chat_input[0].set_value("Hello")
    run(page)
    body = fake.chats[-1].body
    assert (body["model"], body["temperature"]) == ("fake-2", 0)
    assert "Tone: dry" in body["messages"][0]["content"]
    assert line(page) == "Only in this chat: fake-2 · Temperature 0 · Tone: dry"

    opened(page)
    assert page.number_input(key="chat_setting.temperature").value == 0
    page.number_input(key="chat_setting.temperature").set_value(1.5)
    page.text_input(key="chat_setting.tone").set_value("")
    save(page)
    assert line(page) == "Only in this chat: fake-2 · Temperature 1.5"
    opened(page)
    page.button(key="reset_chat_settings").click()
    run(page)
    assert line(page) is None
    page.chat_input[0].set_value("And?")
    run(page)
    assert (fake.chats[-1].body["model"], fake.chats[-1].body["temperature"]) == ("fake-1", 1)


def test_a_new_chat_begins_as_the_persona_is(page: AppTest) -> None:
    page.session_state["chat_page"].settings_of_next = ChatSettings(temperature=0)
    run(page)
    assert line(page) == "Only in this chat: Temperature 0"
    page.chat_input[0].set_value("Hello")
    run(page)
    workspace = get_services().of(LOCAL_OWNER)
    (chat,) = workspace.library.list(limit=5).conversations
    assert workspace.chat.conversation(chat.id).settings == {"temperature": 0}
    menu: Any = next(found for found in page.get("menu_button") if found.key == "chat_menu")
    menu.click("New chat").run()
    assert line(page) is None


def test_what_a_model_is_called_is_shown_as_it_is(page: AppTest) -> None:
    page.session_state["chat_page"].settings_of_next = ChatSettings(
        model=":material/bolt: **x** [y](https://z)"
    )
    run(page)
    assert "\\*\\*x\\*\\*" in str(line(page))
    (button,) = (each for each in page.button if each.key == "chat_settings")
    assert ":material/bolt:" not in button.label
