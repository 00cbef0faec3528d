"""The command line as a shell sees it: real processes, real pipes, a provider on loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from personachat import __version__
from personachat.persona import parse_persona
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, Reset, failure, tokens

START = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # as from a shell, whatever runs the tests
if os.isatty(0):
    import fcntl, termios
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C typed into this terminal is a signal
from personachat.cli import main
main()
"""
COMMAND = [sys.executable, "-W", "error", "-c", START]
WAIT = 60

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(fake: FakeProvider, tmp_path: Path) -> dict[str, str]:
    """The environment of a person with one persona, "tester", and a key for `fake`."""
    folder = tmp_path / "personas"
    folder.mkdir()
    (folder / "tester.json").write_text(persona_text(model="fake-1"), "utf-8")
    (tmp_path / "home").mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    return {
        **kept,
        "HOME": str(tmp_path / "home"),
        "OPENAI_BASE_URL": fake.base_url,
        "OPENAI_API_KEY": "sk-test-key-that-nobody-may-see",
        "PERSONACHAT_PERSONAS_DIR": str(folder),
        "PYTHONUTF8": "1",
    }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Runs `personachat` to its end, with the given text piped in and more environment by name."""

    def run(*arguments: str, piped: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=piped,
            env=environment | more,
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=WAIT,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert "nobody-may-see" not in done.stdout + done.stderr
        return done

    return run


@contextmanager
def started(environment: dict[str, str], *arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        [*COMMAND, *arguments], env=environment, encoding="utf-8", **(pipes | options)
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(fake: FakeProvider, number: int = -1) -> list[str]:
    """What the user has said, as the provider got it."""
    return [
        message["content"] for message in fake.chats[number].body["messages"] if message["role"] == "user"
    ]


# --- chat: one message ----------------------------------------------------------------------------


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


# --- chat: in a terminal --------------------------------------------------------------------------


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Terminal]:
    """`personachat chat --persona tester` in a terminal of its own."""
    if os.name == "nt":
        pytest.skip("needs a pseudo terminal")
    import pty

    ours, theirs = pty.openpty()
    environment |= {"TERM": "dumb", "NO_COLOR": "1"}
    options: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    with started(environment, "chat", "--persona", "tester", **options, start_new_session=True) as process:
        os.close(theirs)
        yield Terminal(ours, process)
    os.close(ours)


class Terminal:
    """The other side of a terminal: type into it, wait for what it shows."""

    def __init__(self, descriptor: int, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.shown = ""
        self._descriptor = descriptor

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until the terminal shows this; what comes after it stays to be waited for."""
        while text not in self.shown:
            self.shown += os.read(self._descriptor, 4096).decode()
        self.shown = self.shown.partition(text)[2]

    def press_ctrl_c_at_the_prompt(self) -> None:
        """Until the process ends: readline misses a signal between its prompt and its wait for a key."""
        for _ in range(10):
            self.type("\x03")
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(3)
                return
        raise TimeoutError("Ctrl-C at the prompt was never heard")

    def read_to_the_end(self) -> str:
        try:
            while data := os.read(self._descriptor, 4096):
                self.shown += data.decode()
        except OSError:  # how Linux tells that the other side has closed
            pass
        return self.shown


def test_a_terminal_talks_turn_by_turn_with_the_history_sent_along(
    terminal: Terminal, fake: FakeProvider
) -> None:
    terminal.wait_for("> ")
    terminal.type("one\n")
    terminal.wait_for("You said: one")
    terminal.wait_for("> ")
    terminal.type("two\n")
    terminal.wait_for("You said: two")
    terminal.wait_for("> ")
    assert said(fake) == ["one", "two"]
    assert {"role": "assistant", "content": "You said: one"} in fake.chats[-1].body["messages"]
    terminal.type("\x04")
    assert "Traceback" not in terminal.read_to_the_end()
    assert terminal.process.wait(WAIT) == 0


def test_ctrl_c_stops_a_reply_and_at_the_prompt_leaves(terminal: Terminal, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["so far", Gate()]))
    terminal.wait_for("> ")
    terminal.type("go on\n")
    terminal.wait_for("so far")
    terminal.type("\x03")
    terminal.wait_for("[stopped]")
    terminal.wait_for("> ")
    terminal.type("still there?\n")
    terminal.wait_for("You said: still there?")
    terminal.wait_for("> ")
    terminal.press_ctrl_c_at_the_prompt()
    assert terminal.process.returncode == 0
    assert "Traceback" not in terminal.read_to_the_end()


def test_a_failed_reply_leaves_the_conversation_open(terminal: Terminal, fake: FakeProvider) -> None:
    fake.enqueue(failure(401, "no"))
    terminal.wait_for("> ")
    terminal.type("one\n")
    terminal.wait_for("personachat: ")
    terminal.wait_for("> ")
    terminal.type("two\n")
    terminal.wait_for("You said: two")


def test_a_model_cannot_send_control_sequences_to_the_terminal(
    terminal: Terminal, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["safe\x1b]0;renamed\x07 and\x9b2Jsound"]))
    terminal.wait_for("> ")
    terminal.type("hi\n")
    terminal.wait_for("safe]0;renamed and2Jsound")


# --- personas -------------------------------------------------------------------------------------


def broken(environment: dict[str, str], name: str, text: str) -> Path:
    file = Path(environment["PERSONACHAT_PERSONAS_DIR"]) / name
    file.write_text(text, "utf-8")
    return file


def test_list_shows_each_persona_and_what_is_wrong_with_a_broken_one(
    run: Run, environment: dict[str, str]
) -> None:
    broken(environment, "half.json", '{\n  "id": "half",\n')
    done = run("personas", "list")
    assert done.returncode == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "fake-1" in lines["tester"]
    assert "Tester" in lines["tester"]
    assert re.search(r"\(broken\).*line \d", lines["half"])


def test_show_prints_the_text_as_it_was_saved(run: Run, environment: dict[str, str]) -> None:
    text = '{"name":"Odd",   "id":"odd","systemPrompt":"Grüße"}\n'
    broken(environment, "odd.json", text)
    done = run("personas", "show", "odd")
    assert (done.returncode, done.stdout) == (0, text)


def test_show_of_a_broken_persona_names_the_fault(run: Run, environment: dict[str, str]) -> None:
    broken(environment, "half.json", '{\n  "id": "half",\n')
    done = run("personas", "show", "half")
    assert (done.returncode, done.stdout) == (1, "")
    assert "half.json:3:1: " in done.stderr


def test_show_of_an_unknown_persona_names_the_nearest(run: Run) -> None:
    done = run("personas", "show", "tster")
    assert done.returncode == 1
    assert "Did you mean tester?" in done.stderr


def test_validate_without_files_checks_the_store(run: Run, environment: dict[str, str]) -> None:
    assert run("personas", "validate").returncode == 0
    file = broken(environment, "bad.json", '{\n  "id": "bad",\n  "temprature": 3\n}\n')
    done = run("personas", "validate")
    assert done.returncode == 1
    assert re.search(rf'^{re.escape(str(file))}:3:3: .*"temprature".*temperature', done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "1:1"),
        (b'{"id": "x",\n "name": "X"', "2:13"),
        (b'{"id": "x", "name": "X",\n "systemPrompt": "\xff"}', "2:19"),
        (b'{"id": "other", "name": "X", "systemPrompt": "p"}', "1:8"),
        (b'{\n"id": "x", "id": "x", "name": "X", "systemPrompt": "p"}', "2:12"),
    ],
)
def test_validate_points_at_the_fault(data: bytes, place: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(data)
    done = run("personas", "validate", "x.json")
    assert done.returncode == 1
    assert done.stdout.startswith(f"x.json:{place}: ")
    assert "1 file, " in done.stderr


def test_validate_names_a_file_that_is_not_there(run: Run) -> None:
    done = run("personas", "validate", "missing.json")
    assert done.returncode == 1
    assert done.stdout.startswith("missing.json:1:1: There is no such file")


def test_new_writes_a_persona_that_validates_and_prints_its_path(run: Run, fake: FakeProvider) -> None:
    done = run("personas", "new", "data-analyst")
    assert done.returncode == 0
    file = Path(done.stdout.removesuffix("\n"))
    assert parse_persona(file.read_text("utf-8")).name == "Data analyst"
    assert run("personas", "validate", str(file)).returncode == 0
    assert run("chat", "-p", "data-analyst", "Hi").stdout == "You said: Hi\n"


def test_new_never_replaces_a_persona(run: Run, environment: dict[str, str]) -> None:
    file = Path(environment["PERSONACHAT_PERSONAS_DIR"]) / "tester.json"
    before = file.read_text("utf-8")
    assert run("personas", "new", "tester").returncode == 1
    assert file.read_text("utf-8") == before


@pytest.mark.parametrize("persona_id", ["../escape", "Ünï", "con", ""])
def test_new_refuses_an_id_that_cannot_be_a_files_name(persona_id: str, run: Run, tmp_path: Path) -> None:
    before = {file.name for file in tmp_path.iterdir()}
    assert run("personas", "new", persona_id).returncode == 2
    assert {file.name for file in tmp_path.iterdir()} == before


def test_an_option_beats_the_environment(run: Run, tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    assert run("personas", "new", "lone", "--personas-dir", "others").returncode == 0
    done = run("personas", "list", "--personas-dir", "others")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["lone"]


# --- serve ----------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="signals are another matter there")
def test_serve_is_what_runs_without_a_command_and_ctrl_c_ends_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "lone.json").write_text(persona_text("lone"), "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    options = ("--headless", "--port", port, "--personas-dir", "others")
    with started(environment, *options, cwd=tmp_path) as process:
        assert process.stdout is not None
        announcement = process.stdout.readline()
        assert f"http://127.0.0.1:{port}" in announcement
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/personas", timeout=WAIT) as response:
            assert [persona["id"] for persona in json.load(response)] == ["lone"]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=WAIT)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_serve_says_in_a_sentence_that_its_port_is_taken(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("--headless", "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Port {port}" in done.stderr
    assert done.stderr.count("\n") == 1


# --- all of it ------------------------------------------------------------------------------------


def test_version(run: Run) -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"personachat {__version__}\n")


@pytest.mark.parametrize("arguments", [("--port", "http"), ("serve", "--port", "0"), ("nonsense",)])
def test_usage_errors_exit_with_2(arguments: tuple[str, ...], run: Run) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    "arguments",
    [("--headless",), ("serve", "--headless"), ("chat", "-p", "tester", "Hi"), ("personas", "list")],
)
def test_an_invalid_setting_stops_every_command_with_one_sentence(
    arguments: tuple[str, ...], run: Run
) -> None:
    done = run(*arguments, PERSONACHAT_MAX_CONCURRENT_REPLIES="many")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("personachat: PERSONACHAT_MAX_CONCURRENT_REPLIES cannot be used: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("--help",), ("chat", "--help"), ("--version",)])
def test_help_loads_neither_pages_nor_providers(
    arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    code = (
        "import atexit, json, sys; from personachat.cli import main;"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stderr)}
    assert not loaded & {"streamlit", "openai", "xllamacpp", "fastapi", "uvicorn", "pandas"}


def test_no_command_takes_a_secret_as_an_option(run: Run) -> None:
    for command in (("serve",), ("chat",), ("personas", "list")):
        shown = run(*command, "--help").stdout
        assert not re.search(r"--\S*(key|token|secret|password)", shown)
