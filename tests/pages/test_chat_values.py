"""The chat with a persona that has variables: a form before the first message, values kept by the chat."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.errors import MessageInvalid
from personachat.owners import LOCAL_OWNER
from personachat.personas.persona import parse_persona
from personachat.services import get_services
from personachat.ui import owner
from personachat.ui.chat import menu, values
from personachat.ui.chat.state import TurnDialog
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.pages.conftest import OpenPage

VARIABLES = {"company": "", "Role": {"default": "clerk", "description": "Who answers."}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    helper = persona_text(
        "default-persona",
        name="Helper",
        systemPrompt="You are the {{role}} of {{company}}.",
        greeting="Welcome to {{company}}.",
        starters=["Where is the exit?"],
        extensions={"variables": VARIABLES},
    )
    (made / "default-persona.json").write_text(helper)
    (made / "plain.json").write_text(persona_text("plain", greeting="Hello."))
    return made


@pytest.fixture
def page(open_home: OpenPage, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-key-of-the-test-that-nobody-may-see")
    monkeypatch.setattr(owner, "_is_near", lambda: True)  # AppTest says nothing of where its browser is
    return open_home()


def fill(page: AppTest, label: str, value: str) -> AppTest:
    (field,) = (each for each in page.text_input if each.label == label)
    field.set_value(value).run()
    assert not page.exception
    return page


def say(page: AppTest, words: str) -> AppTest:
    page.chat_input[0].set_value(words).run()
    assert not page.exception
    return page


def labels(page: AppTest) -> list[str]:
    return [each.label for each in page.text_input if each.label in {"company", "Role"}]


def sent(fake: FakeProvider) -> list[str]:
    return [message["content"] for message in fake.chats[-1].body["messages"]]


def ask_for_values(page: AppTest) -> AppTest:
    page.session_state["chat_page"].dialog = TurnDialog("values")
    page.run()
    assert not page.exception
    return page


def test_the_first_message_takes_the_forms_values_and_the_chat_keeps_them(
    page: AppTest, fake: FakeProvider
) -> None:
    assert labels(page) == ["company", "Role"]
    fill(page, "company", "Initech")
    assert any("Welcome to Initech." in str(each.value) for each in page.chat_message[0].markdown)
    say(page, "Hi")
    assert sent(fake)[:2] == ["You are the clerk of Initech.", "Welcome to Initech."]
    assert labels(page) == []

    say(page, "And?")
    assert sent(fake)[0] == "You are the clerk of Initech."


def test_an_empty_value_without_a_default_keeps_a_message_from_being_sent(
    page: AppTest, fake: FakeProvider
) -> None:
    say(page, "Hi")
    assert not fake.chats
    assert "Helper needs a value for “company”." in page.warning[0].value
    assert page.chat_input[0].value == "Hi"
    fill(page, "company", "   ")
    say(page, "Hi")
    assert not fake.chats
    fill(page, "company", "Initech")
    say(page, "Hi")
    assert sent(fake)[0] == "You are the clerk of Initech."


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("a", "Helper needs a value for “a”. Fill it in, then"),
        ("ab", "Helper needs values for “a” and “b”. Fill them in, then"),
        ("abc", "Helper needs values for “a”, “b” and “c”. Fill them in, then"),
        ("abcd", "Helper needs values for “a”, “b”, “c” and 1 more value. Fill them in, then"),
    ],
)
def test_what_is_to_be_filled_in_is_said_as_one_says_it(names: str, sentence: str) -> None:
    variables = dict.fromkeys(names, "")
    helper = persona_text(
        "helper", name="Helper", systemPrompt="{{a}} {{b}}", extensions={"variables": variables}
    )
    with pytest.raises(MessageInvalid) as lacking:
        values.check(parse_persona(helper), None)
    assert f"{lacking.value} {lacking.value.hint}".startswith(sentence)


def test_a_book_for_a_default_and_a_description_is_sent_to_the_model_and_shown_by_its_beginning(
    page: AppTest, folder: Path, fake: FakeProvider
) -> None:
    written = {"company": {"default": "d" * 8_000, "description": "e" * 100_000}}
    text = persona_text("default-persona", systemPrompt="{{company}}", extensions={"variables": written})
    (folder / "default-persona.json").write_text(text)
    page.run()
    (field,) = (each for each in page.text_input if each.label == "company")

    assert field.placeholder == f"{'d' * 299}…"
    assert field.help == f"{'e' * 299}…"
    say(page, "Hello")
    assert sent(fake)[0] == "d" * 8_000


def test_the_next_chat_begins_with_empty_fields(page: AppTest) -> None:
    fill(page, "company", "Initech")
    say(page, "Hi")
    page.query_params.clear()
    page.session_state["remembered_chat"] = None
    page.run()
    assert [each.value for each in page.text_input if each.label == "company"] == [""]


def test_values_change_later_in_a_dialog(page: AppTest, fake: FakeProvider) -> None:
    fill(page, "company", "Initech")
    say(page, "Hi")
    ask_for_values(page)
    assert [each.value for each in page.text_input if each.label in {"company", "Role"}] == ["Initech", ""]
    fill(page, "Role", "janitor")
    page.button(key="save_values").click().run()
    assert labels(page) == []
    say(page, "And?")
    assert sent(fake)[0] == "You are the janitor of Initech."


def test_what_another_tab_changed_stays_where_this_one_changed_something_else(
    page: AppTest, fake: FakeProvider
) -> None:
    fill(page, "company", "Initech")
    say(page, "Hi")
    ask_for_values(page)
    other = get_services().of(LOCAL_OWNER).chat
    other.give(page.session_state["remembered_chat"], {"company": "Globex"})
    fill(page, "Role", "janitor")
    page.button(key="save_values").click().run()
    say(page, "And?")
    assert sent(fake)[0] == "You are the janitor of Globex."


def test_a_persona_without_variables_asks_nothing(page: AppTest, fake: FakeProvider) -> None:
    page.selectbox(key="persona_choice").set_value("plain").run()
    assert labels(page) == []
    say(page, "Hi")
    assert fake.chats


def test_switching_to_a_persona_that_lacks_a_value_asks_for_it(page: AppTest, fake: FakeProvider) -> None:
    page.selectbox(key="persona_choice").set_value("plain").run()
    say(page, "Hi")
    page.selectbox(key="persona_choice").set_value("default-persona").run()
    asked = len(fake.chats)
    say(page, "And?")
    assert len(fake.chats) == asked
    assert labels(page) == ["company", "Role"]
    fill(page, "company", "Initech")
    page.button(key="save_values").click().run()
    say(page, "And?")
    assert sent(fake)[0] == "You are the clerk of Initech."


def test_the_menu_leads_to_the_values(page: AppTest) -> None:
    fill(page, "company", "Initech")
    say(page, "Hi")
    assert menu.VALUES in page.get("menu_button")[0].proto.options
