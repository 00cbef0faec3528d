"""`personachat serve`, from its announcement to Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from tests.cli.conftest import WAIT, Run, started
from tests.conftest import persona_text


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
        for _ in range(2):  # as `uv run` does: the terminal's Ctrl-C, and its own
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
