"""The command line as a shell sees it: real processes, real pipes, a provider on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.migrated import put_database_in
from tests.network_guard import guarded

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
    put_database_in(tmp_path / "data")
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    return {
        **kept,
        **guarded(),
        "HOME": str(tmp_path / "home"),
        "OPENAI_BASE_URL": fake.base_url,
        "OPENAI_API_KEY": "sk-test-key-that-nobody-may-see",
        "PERSONACHAT_PERSONAS_DIR": str(folder),
        "PERSONACHAT_DATA_DIR": str(tmp_path / "data"),
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
