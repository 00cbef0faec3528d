"""`personachat personas`: what is there, what is wrong with it, and where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from personachat.personas.persona import parse_persona
from tests.cli.conftest import Run
from tests.fake_provider import FakeProvider


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
