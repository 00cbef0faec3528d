"""Whatever a provider does, the page says in a sentence what it was, offers a way out and goes on working."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from personachat.replies.engine import ReplyLimits
from personachat.services import get_services
from tests.conftest import local, persona_text
from tests.fake_provider import FakeProvider, Gate, Reset, tokens
from tests.pages.conftest import OpenPage
from tests.pages.conversing import be_local, wait_for_end
from tests.provider_faults import FAULTS, HALF, Fault

KEY = "sk-key-of-the-test-that-nobody-may-see"

each_fault = pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "personas"
    made.mkdir()
    (made / "default-persona.json").write_text(persona_text("default-persona", name="Guide"))
    return made


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    be_local(monkeypatch)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def say(page: AppTest, words: str, *, box: str = "message") -> None:
    next(each for each in page.chat_input if each.key == box).set_value(words).run()
    assert not page.exception


def shown(page: AppTest) -> str:
    """All that can be read, without Markdown's escapes."""
    kinds = (page.markdown, page.text, page.caption, page.error, page.warning, page.info)
    said = "\n".join(str(element.value) for kind in kinds for element in kind)
    assert KEY not in said
    assert "secret" not in said
    return said.replace("\\", "")


def wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no slowness of this machine is taken for the provider's silence."""
    monkeypatch.setattr(get_services().answers.replies, "_limits", ReplyLimits())


def keys(page: AppTest) -> set[str]:
    return {button.key for button in page.button if button.key}


@each_fault
def test_each_fault_is_a_sentence_with_a_way_out_and_the_next_message_works(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    for name, value in fault.settings.items():
        monkeypatch.setenv(name, value)
    page = open_home()
    fake.enqueue(fault.reply())
    say(page, "Words to keep")
    assert fault.says in shown(page)
    assert fault.kept in shown(page)
    assert "Words to keep" in shown(page)
    assert fault.ways_on <= keys(page)
    assert len([*page.error, *page.warning]) <= 1

    again = open_home(chat=page.query_params["chat"])
    assert fault.says in shown(again)
    assert fault.kept in shown(again)
    assert "Words to keep" in shown(again)
    assert fault.ways_on <= keys(again)

    wait_longer(monkeypatch)
    fake.enqueue(tokens(["Now it works."]))
    say(again, "Another message")
    assert "Now it works." in shown(again)


@each_fault
def test_each_fault_is_told_where_a_draft_is_tried_out(
    open_home: OpenPage, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    for name, value in fault.settings.items():
        monkeypatch.setenv(name, value)
    page = open_home()
    page.switch_page("pages/personas.py")
    page.query_params["id"] = "default-persona"
    page.session_state["persona_tab"] = "Try out"
    page.run()
    fake.enqueue(fault.reply())
    say(page, "Words to keep", box="try_out_message")
    assert fault.says in shown(page)
    assert fault.kept in shown(page)
    assert not page.button(key="try_out_retry").disabled
    wait_longer(monkeypatch)
    fake.enqueue(tokens(["Now it works."]))
    page.button(key="try_out_retry").click().run()
    assert "Now it works." in shown(page)


TOLD_TO_READERS = {
    "refusal as a reason": "The model declined to answer.",
    "refusal in a field": "The model declined to answer.",
    "limit": "This reply was cut off at its limit.",
    "filter": "This reply was cut off by a content filter.",
    "an error object": "This reply failed before it was complete.",
    "a refused key": "This reply failed before it was complete.",
    "a reset": "This reply failed before it was complete.",
}


@pytest.mark.parametrize("name", TOLD_TO_READERS)
def test_readers_of_a_shared_conversation_and_of_a_file_learn_that_a_reply_is_not_whole(
    open_home: OpenPage, fake: FakeProvider, name: str
) -> None:
    page = open_home()
    fault = FAULTS[name]
    fake.enqueue(fault.reply())
    say(page, "A question")
    library, conversation_id = local(get_services()).library, page.query_params["chat"]
    visitor = open_home()
    visitor.query_params["token"] = library.share(conversation_id).token
    visitor.switch_page("pages/shared.py").run()
    assert TOLD_TO_READERS[name] in shown(visitor)
    assert fault.kept in shown(visitor)
    for internal in ("127.0.0.1", "OPENAI", "gpt-4", "maxTokens", "API key", "Overheated"):
        assert internal not in shown(visitor)

    text = library.export([conversation_id], "markdown").content.decode()
    sentence = fault.says.split(". ")[0]
    assert sentence in text
    assert fault.kept in text


def test_a_reply_that_was_shared_while_it_grew_is_not_said_to_have_failed_later(
    open_home: OpenPage, fake: FakeProvider
) -> None:
    open_home()
    here, gate = local(get_services()), Gate()
    fake.enqueue(tokens([HALF, gate, " it all", Reset()]))
    live_reply = here.chat.begin("A question", persona_id="default-persona")
    while not live_reply.snapshot().text:
        live_reply.wait(1, timeout_seconds=10)
    assert get_services().checkpoints.flush(timeout_seconds=10)
    token = here.library.share(live_reply.conversation_id).token
    gate.open()
    wait_for_end(live_reply)

    visitor = open_home()
    visitor.query_params["token"] = token
    visitor.switch_page("pages/shared.py").run()
    assert HALF in shown(visitor)
    assert "it all" not in shown(visitor)
    assert "This reply" not in shown(visitor)
