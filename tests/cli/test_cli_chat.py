"""`personachat chat` with one message: the reply goes to stdout, all else to stderr."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cli.conftest import WAIT, Run, said, started
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, Reset, failure, tokens


def test_chat_writes_the_reply_to_stdout_and_everything_else_to_stderr(run: Run, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["Hel", "lo ", "there"], usage=(3, 3)))
    done = run("chat", "--persona", "tester", "Hi")
    assert (done.returncode, done.stdout) == (0, "Hello there\n")
    assert "fake-1" in done.stderr
    assert "3 tokens" in done.stderr
    assert said(fake) == ["Hi"]


def test_chat_streams_each_piece_as_it_comes(environment: dict[str, str], fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(["first", gate, " second"]))
    with started(environment, "chat", "--persona", "tester", "Hi") as process:
        assert process.stdout is not None
        assert process.stdout.read(5) == "first"
        gate.open()
        assert process.communicate(timeout=WAIT)[0] == " second\n"
        assert process.returncode == 0


def test_chat_adds_what_is_piped_in_to_the_message(run: Run, fake: FakeProvider) -> None:
    assert run("chat", "--persona", "tester", "Sum this up:", piped="one\ntwo\n").returncode == 0
    assert said(fake) == ["Sum this up:\n\none\ntwo"]


def test_chat_takes_the_message_from_a_pipe_alone(run: Run, fake: FakeProvider) -> None:
    done = run("chat", "--persona", "tester", piped="\ufeffgrüß dich\n")
    assert done.stdout == "You said: grüß dich\n"


def test_chat_without_anything_to_send_is_a_usage_error(run: Run, fake: FakeProvider) -> None:
    done = run("chat", "--persona", "tester", piped=" \n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing to send" in done.stderr
    assert fake.chats == []


def test_chat_with_an_unknown_persona_names_the_nearest(run: Run, fake: FakeProvider) -> None:
    done = run("chat", "--persona", "testr", "Hi")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Did you mean tester?" in done.stderr
    assert done.stderr.count("\n") == 1
    assert fake.chats == []


def test_chat_needs_a_persona(run: Run) -> None:
    done = run("chat", "Hi")
    assert done.returncode == 2
    assert "--persona" in done.stderr


def test_a_failed_reply_keeps_its_text_tells_why_and_exits_with_1(run: Run, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["half of", Reset()]))
    done = run("chat", "--persona", "tester", "Hi")
    assert (done.returncode, done.stdout) == (1, "half of\n")
    assert done.stderr.strip().splitlines()[-1].startswith("personachat: ")


def test_a_refused_key_is_one_sentence(run: Run, fake: FakeProvider) -> None:
    fake.enqueue(failure(401, "Incorrect API key provided: sk-test-key-that-nobody-may-see"))
    done = run("chat", "--persona", "tester", "Hi")
    assert (done.returncode, done.stdout) == (1, "")
    assert "key" in done.stderr


def test_a_reply_cut_at_the_token_limit_says_so(run: Run, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["and then"], finish="length"))
    done = run("chat", "--persona", "tester", "Hi")
    assert (done.returncode, done.stdout) == (0, "and then\n")
    assert "maxTokens" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals are another matter there")
def test_ctrl_c_stops_the_reply_and_keeps_its_text(environment: dict[str, str], fake: FakeProvider) -> None:
    fake.enqueue(tokens(["first words", Gate(), "never"]))
    with started(environment, "chat", "--persona", "tester", "Hi") as process:
        assert process.stdout is not None
        assert process.stdout.read(11) == "first words"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=WAIT)
    assert out == "\n"
    assert "[stopped]" in err
    assert "Traceback" not in err
    assert process.returncode == 130
    assert fake.wait_for_disconnect()


def test_a_reader_that_goes_away_ends_the_reply_in_silence(
    environment: dict[str, str], fake: FakeProvider
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["first", gate, *["more"] * 1000, Gate()]))
    with started(environment, "chat", "--persona", "tester", "Hi") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(5) == "first"
        process.stdout.close()
        gate.open()
        err = process.stderr.read()
        process.wait(WAIT)
    assert "Error" not in err
    assert "Traceback" not in err
    assert "Exception" not in err
    assert fake.wait_for_disconnect()


def test_offline_answers_without_the_provider(run: Run, fake: FakeProvider) -> None:
    pytest.importorskip("xllamacpp")
    done = run("chat", "--offline", "--persona", "tester", "Say hello.")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert fake.requests == []


@pytest.fixture
def guide(environment: dict[str, str]) -> None:
    text = persona_text(
        id="guide",
        model="fake-1",
        systemPrompt="You work for {{company}} in {{city}}.",
        extensions={"variables": {"company": "", "city": {"default": "Bonn"}}},
    )
    Path(environment["PERSONACHAT_PERSONAS_DIR"], "guide.json").write_text(text, "utf-8")


@pytest.mark.usefixtures("guide")
def test_values_stand_for_the_personas_variables_and_stay_with_the_chat(run: Run, fake: FakeProvider) -> None:
    assert run("chat", "-p", "guide", "--value", "Company=A=B", "Hi").returncode == 0
    assert run("chat", "--continue", "--value", "city=Rome", "And now?").returncode == 0
    prompts = [chat.body["messages"][0]["content"] for chat in fake.chats]
    assert prompts == ["You work for A=B in Bonn.", "You work for A=B in Rome."]


@pytest.mark.usefixtures("guide")
def test_a_missing_value_is_asked_for_and_no_chat_is_left_behind(run: Run, fake: FakeProvider) -> None:
    done = run("chat", "-p", "guide", "Hi")
    assert (done.returncode, done.stdout) == (2, "")
    assert "needs a value for company. Add --value company=TEXT." in done.stderr
    assert fake.chats == []
    assert "no conversation" in run("chat", "--continue", "Hi").stderr


@pytest.mark.parametrize("value", ["company", "=Acme", "1st=Acme", f"company={'x' * 20_000}"])
def test_a_malformed_value_is_a_usage_error(run: Run, value: str) -> None:
    done = run("chat", "-p", "tester", "--value", value, "Hi")
    assert done.returncode == 2
    assert "--value" in done.stderr
