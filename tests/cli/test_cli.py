"""What holds for every command: its usage, its settings, and what it does not load."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from personachat import __version__
from personachat.cli import app
from tests.cli.conftest import WAIT, Run


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
    assert done.stderr.startswith("personachat: PERSONACHAT_MAX_CONCURRENT_REPLIES can't be used: ")
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


def _commands(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, *path, name)


@pytest.mark.parametrize("command", [*_commands(typer.main.get_command(app))], ids=" ".join)
def test_at_80_columns_help_is_whole_and_says_what_works_without_a_command(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80"}, prog_name="personachat")
    usage, *lines = done.stdout.splitlines()
    assert usage.startswith("Usage: ")
    assert [line for line in lines if len(line) > 80] == []
    assert [line for line in lines if line.endswith("...")] == []
    if not command:
        assert "--port PORT" in done.stdout.partition("Options without a command, and of serve:")[2]


def test_no_command_takes_a_secret_as_an_option(run: Run) -> None:
    for command in (("serve",), ("chat",), ("personas", "list")):
        shown = run(*command, "--help").stdout
        assert not re.search(r"--\S*(key|token|secret|password)", shown)
