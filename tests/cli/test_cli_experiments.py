"""`personachat test sweep`, `adherence` and `stress`: what they ask, what they say, and their exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from personachat.cli import app
from personachat.owners import LOCAL_OWNER
from personachat.services import build_services
from personachat.settings import load_settings
from tests.conftest import persona_text
from tests.lab.scripted import ScriptedProvider, is_judging, last_words, verdict
from tests.migrated import put_database_in
from tests.pages.conversing import wait_for_end

SUITE = "persona: tester\nrepeat: 1\ncases: [{ name: greets, say: Hi, check: [{ contains: You said }] }]\n"
KIND = "Is the reply kind?"


@pytest.fixture
def fake() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as provider:
        provider.script = lambda body: (
            verdict("yes" if "Sun" in last_words(body) else "no", "You said")
            if is_judging(body)
            else f"You said: {last_words(body)}"
        )
        yield provider


@pytest.fixture(autouse=True)
def _here(fake: ScriptedProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "personas"
    folder.mkdir()
    said = {"tests": {"questions": [KIND]}}
    (folder / "tester.json").write_text(persona_text(extensions=said), "utf-8")
    (folder / "sweep.json").write_text(persona_text("sweep"), "utf-8")
    (folder / "tester.tests.yaml").write_text(SUITE, "utf-8")
    (folder / "sweep.tests.yaml").write_text(SUITE.replace("tester", "sweep"), "utf-8")
    put_database_in(tmp_path / "data")
    for name, value in {
        "PERSONACHAT_PERSONAS_DIR": str(folder),
        "PERSONACHAT_DATA_DIR": str(tmp_path / "data"),
        "OPENAI_BASE_URL": fake.base_url,
        "OPENAI_API_KEY": "sk-test-key-that-nobody-may-see",
        "PERSONACHAT_JUDGE_MODEL": "fake-2",
    }.items():
        monkeypatch.setenv(name, value)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["test", *arguments])


def spoken(*said: str) -> list[str]:
    """Conversations in which this was said; their ids."""
    services = build_services(load_settings())
    try:
        chat = services.of(LOCAL_OWNER).chat
        found = []
        for words in said:
            live = chat.begin(words, persona_id="tester")
            wait_for_end(live)
            found.append(live.conversation_id)
        return found
    finally:
        services.close()


def test_a_persona_may_be_called_as_a_command_is() -> None:
    result = run("tester", "--repeat", "1")
    assert (result.exit_code, "pass   1/1  greets" in result.output) == (0, True)
    result = run("run", "sweep")
    assert (result.exit_code, result.output.count("greets")) == (0, 2)
    result = run("--repeat", "1")
    assert result.exit_code == 0
    assert "tester (" in result.output


def test_help_tells_of_suites_and_of_the_commands() -> None:
    said = run("--help").output
    assert all(word in said for word in ("sweep", "adherence", "stress", "--against", "--junit"))


def test_a_sweep_asks_in_every_combination(tmp_path: Path, fake: ScriptedProvider) -> None:
    document = tmp_path / "sweep.json"
    values = ("--tone", "dry", "--tone", "warm", "--temperature", "0.2", "--temperature", "1")
    result = run("sweep", "tester", *values, "--message", "Hello", "--json", str(document))
    assert (result.exit_code, len(fake.chats)) == (0, 4)
    assert {chat.body["temperature"] for chat in fake.chats} == {0.2, 1}
    assert "1. tone dry, temperature 0.2: Message" in result.output
    (found,) = json.loads(document.read_text("utf-8"))["runs"]
    assert (found["kind"], len(found["cases"])) == ("sweep", 4)


def test_a_sweep_fails_with_its_cases_and_says_what_it_cannot_ask(fake: ScriptedProvider) -> None:
    fake.script = lambda _: "Goodbye"
    assert run("sweep", "tester", "--tone", "dry", "--case", "greets").exit_code == 1
    fake.forget()
    for arguments, told in (
        (("--tone", "dry"), "There is nothing to send."),
        (("--case", "nobody's"), 'has no case "nobody\'s"'),
        (("--message", "Hi", *(f"--tone={n}" for n in range(97))), "97 replies"),
    ):
        result = run("sweep", "tester", *arguments)
        assert (result.exit_code, told in result.output) == (2, True)
    assert fake.chats == []


def test_recorded_replies_are_measured(fake: ScriptedProvider, tmp_path: Path) -> None:
    sun, rain = spoken("Sun", "Rain")
    fake.forget()
    document = tmp_path / "adherence.json"
    result = run("adherence", "tester", "--json", str(document))
    assert (result.exit_code, len(fake.chats)) == (1, 2)
    assert f"1 of 2 (9 to 91 %): {KIND} (openai/fake-2)" in result.output
    assert json.loads(document.read_text("utf-8"))["runs"][0]["kind"] == "adherence"
    assert run("adherence", "tester", "--conversation", sun).exit_code == 0
    assert run("adherence", "tester", "--conversation", rain, "--question", "Is it Sun?").exit_code == 0


def test_what_cannot_be_measured_says_why(fake: ScriptedProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("adherence", "tester")
    assert (result.exit_code, "There are no replies to measure." in result.output) == (2, True)
    spoken("Sun")
    fake.forget()
    assert run("adherence", "nobody").exit_code == 2
    assert run("adherence", "tester", "--conversation", "nothing").exit_code == 2
    monkeypatch.delenv("PERSONACHAT_JUDGE_MODEL")
    result = run("adherence", "tester")
    assert (result.exit_code, "No judge is set." in result.output) == (2, True)
    assert fake.chats == []


def test_an_answer_that_cannot_be_read_is_an_error(fake: ScriptedProvider) -> None:
    spoken("Sun")
    fake.script = lambda _: "verdict: yes"
    assert run("adherence", "tester").exit_code == 3


def test_a_simulated_user_talks(fake: ScriptedProvider, tmp_path: Path) -> None:
    rounds = iter(range(100))

    def script(body: object) -> str:
        assert isinstance(body, dict)
        if is_judging(body):
            return verdict("yes", "reply")
        if body["model"] == "user-1":
            return json.dumps({"message": f"Sun number {next(rounds)} of quite another kind", "done": False})
        return f"A reply to: {last_words(body)}"

    fake.script = script
    document = tmp_path / "stress.json"
    options = ("--user-model", "user-1", "--rounds", "3", "--probe", "2", "--json", str(document))
    result = run("stress", "tester", *options)
    assert result.exit_code == 0, result.output
    assert sum(is_judging(chat.body) for chat in fake.chats) == 1
    assert "3 of 3 (44 to 100 %) cases pass in every repeat" in result.output
    (found,) = json.loads(document.read_text("utf-8"))["runs"]
    assert [case["replies"][0]["userMessage"][:5] for case in found["cases"]] == ["Sun n"] * 3
    assert run("stress", "sweep").exit_code == 2  # it has no questions
