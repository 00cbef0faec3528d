"""`personachat chat` in a terminal: turn by turn, until the person leaves."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.cli.conftest import WAIT, said, started
from tests.fake_provider import FakeProvider, Gate, failure, tokens


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
