"""`personachat chat` in a terminal: turn by turn, until the person leaves."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.cli.conftest import WAIT, Run, said, started
from tests.fake_provider import FakeProvider, Gate, failure, tokens


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Terminal]:
    """`personachat chat --persona tester` in a terminal of its own."""
    if os.name == "nt":
        pytest.skip("needs a pseudo terminal")
    with opened(environment, "chat", "--persona", "tester") as terminal:
        yield terminal


@contextmanager
def opened(environment: dict[str, str], *arguments: str) -> Iterator[Terminal]:
    import pty

    ours, theirs = pty.openpty()
    environment |= {"TERM": "dumb", "NO_COLOR": "1"}
    options: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    with started(environment, *arguments, **options, start_new_session=True) as process:
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

    @property
    def is_in_order(self) -> bool:
        """Whether it waits for whole lines and shows what is typed, as a shell leaves it."""
        import termios

        modes = termios.tcgetattr(self._descriptor)[3]
        return bool(modes & termios.ICANON) and bool(modes & termios.ECHO)

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


def test_the_opening_note_names_the_keys(terminal: Terminal) -> None:
    terminal.wait_for("p or space pauses it and s stops it.")
    terminal.wait_for("Ctrl-C")


@pytest.mark.parametrize("key", ["p", " "])
def test_a_key_pauses_a_reply_and_lets_it_go_on(terminal: Terminal, fake: FakeProvider, key: str) -> None:
    gate = Gate()
    fake.enqueue(tokens(["so far", gate, " and on"]))
    terminal.wait_for("> ")
    terminal.type("go\n")
    terminal.wait_for("so far")
    terminal.type(key)
    terminal.wait_for("[paused: p resumes, s stops]")
    gate.open()
    terminal.type(key)
    terminal.wait_for(" and on")
    terminal.wait_for("> ")


def test_s_stops_a_reply_paused_or_not(terminal: Terminal, fake: FakeProvider) -> None:
    fake.enqueue(tokens(["first", Gate()]), tokens(["second", Gate()]))
    terminal.wait_for("> ")
    terminal.type("go\n")
    terminal.wait_for("first")
    terminal.type("s")
    terminal.wait_for("[stopped]")
    terminal.wait_for("> ")
    terminal.type("again\n")
    terminal.wait_for("second")
    terminal.type("ps")
    terminal.wait_for("[stopped]")
    terminal.wait_for("> ")


def test_what_was_typed_ahead_waits_at_the_next_prompt(terminal: Terminal, fake: FakeProvider) -> None:
    gate, end = Gate(), Gate()
    fake.enqueue(tokens(["so far", gate, " and on", end]))
    terminal.wait_for("> ")
    terminal.type("go\n")
    terminal.wait_for("so far")
    terminal.type("next question")
    gate.open()
    terminal.wait_for(" and on")  # the keys are looked at before the next words are waited for
    end.open()
    terminal.wait_for("> next question")
    terminal.type("\n")
    terminal.wait_for("You said: next question")


def test_an_arrow_key_does_nothing(terminal: Terminal, fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(["so far", gate]))
    terminal.wait_for("> ")
    terminal.type("go\n")
    terminal.wait_for("so far")
    terminal.type("\x1b[A")
    gate.open()
    terminal.wait_for("> ")
    terminal.type("still\n")
    terminal.wait_for("You said: still")


def test_the_terminal_is_in_order_after_a_reply_to_one_message(
    environment: dict[str, str], fake: FakeProvider
) -> None:
    gate = Gate()
    fake.enqueue(tokens(["so far", gate]))
    with opened(environment, "chat", "--persona", "tester", "Hi") as terminal:
        terminal.wait_for("so far")
        assert not terminal.is_in_order
        gate.open()
        terminal.read_to_the_end()
        assert terminal.process.wait(WAIT) == 0
        assert terminal.is_in_order


def test_sigterm_leaves_the_terminal_in_order_and_the_text_stored(
    environment: dict[str, str], fake: FakeProvider, run: Run
) -> None:
    fake.enqueue(tokens(["so far", Gate()]))
    with opened(environment, "chat", "--persona", "tester", "Hi") as terminal:
        terminal.wait_for("so far")
        assert not terminal.is_in_order
        terminal.process.terminate()
        assert "Traceback" not in terminal.read_to_the_end()
        assert terminal.process.wait(WAIT) == 143
        assert terminal.is_in_order
    assert "so far" in run("conversations", "export", "--format", "markdown").stdout


def test_ctrl_z_hands_the_shell_a_terminal_in_order(environment: dict[str, str], fake: FakeProvider) -> None:
    gate = Gate()
    fake.enqueue(tokens(["so far", gate, " and on"]))
    # A shell's child, in a process group that is not orphaned: else the system ignores Ctrl-Z.
    script = (
        "import os, subprocess, sys, signal, fcntl, termios\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "signal.signal(signal.SIGTTOU, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1], *sys.argv[2:]], process_group=0)\n"
        "os.tcsetpgrp(0, child.pid)\n"
        "_, status = os.waitpid(child.pid, os.WUNTRACED)\n"
        "os.tcsetpgrp(0, os.getpgrp())\n"
        "assert os.WIFSTOPPED(status), status\n"
        "print('in order' if termios.tcgetattr(0)[3] & termios.ECHO else 'out of order', flush=True)\n"
        "input()\n"
        "os.tcsetpgrp(0, child.pid)\n"
        "os.killpg(child.pid, signal.SIGCONT)\n"
        "os.waitpid(child.pid, 0)\n"
    )
    start = "from personachat.cli import main; main()"
    import pty
    import sys

    ours, theirs = pty.openpty()
    environment |= {"TERM": "dumb", "NO_COLOR": "1"}
    arguments = [sys.executable, "-c", script, start, "chat", "--persona", "tester", "Hi"]
    with subprocess.Popen(
        arguments,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        text=True,
    ) as process:
        os.close(theirs)
        terminal = Terminal(ours, process)
        terminal.wait_for("so far")
        terminal.type("\x1a")
        terminal.wait_for("in order")
        assert terminal.is_in_order
        terminal.type("\n")
        gate.open()
        terminal.wait_for(" and on")
        terminal.read_to_the_end()
        assert process.wait(WAIT) == 0
        assert terminal.is_in_order
    os.close(ours)
