"""What `personachat chat` keeps, and `personachat conversations` with it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import WAIT, Run, said
from tests.fake_provider import FakeProvider


def newest(run: Run) -> str:
    return run("conversations", "list").stdout.split()[0]


def test_what_is_said_is_kept_and_listed_newest_first(run: Run) -> None:
    run("chat", "-p", "tester", "About cats")
    run("chat", "-p", "tester", "About dogs")
    done = run("conversations", "list")
    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    assert "Tester" in first
    assert "dogs" in first
    assert "cats" in second
    assert run("conversations", "list", "--limit", "1").stdout.splitlines() == [first]


def test_a_temporary_conversation_leaves_nothing(run: Run, tmp_path: Path) -> None:
    done = run("chat", "-p", "tester", "--temporary", "a secret")
    assert (done.returncode, done.stdout) == (0, "You said: a secret\n")
    assert run("conversations", "list").stdout == ""
    files = [file for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert not any(b"a secret" in file.read_bytes() for file in files)


def test_the_newest_conversation_goes_on_with_its_persona(run: Run, fake: FakeProvider) -> None:
    run("chat", "-p", "tester", "one")
    assert run("chat", "--continue", "two").stdout == "You said: two\n"
    assert said(fake) == ["one", "two"]
    assert {"role": "assistant", "content": "You said: one"} in fake.chats[-1].body["messages"]
    assert len(run("conversations", "list").stdout.splitlines()) == 1


def test_a_conversation_goes_on_by_its_id(run: Run, fake: FakeProvider) -> None:
    run("chat", "-p", "tester", "one")
    conversation_id = newest(run)
    run("chat", "-p", "tester", "another")
    assert run("chat", "-p", "tester", "--conversation", conversation_id, "two").returncode == 0
    assert said(fake) == ["one", "two"]
    assert newest(run) == conversation_id


@pytest.mark.parametrize("arguments", [("--conversation", "nothing"), ("--continue",)])
def test_there_has_to_be_a_conversation_to_go_on_with(
    run: Run, fake: FakeProvider, arguments: tuple[str, ...]
) -> None:
    done = run("chat", *arguments, "Hi")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("personachat: ")
    assert done.stderr.count("\n") == 1
    assert fake.chats == []


@pytest.mark.parametrize(
    "arguments", [("--temporary", "--continue"), ("--continue", "--conversation", "x"), ("--temporary",)]
)
def test_options_that_contradict_each_other_are_a_usage_error(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("chat", *arguments, "Hi").returncode == 2


def test_without_a_database_one_can_still_talk(run: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "personachat.sqlite3").write_bytes(b"this is no database at all " * 100)
    done = run("chat", "-p", "tester", "Hi")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--temporary" in done.stderr
    assert done.stderr.count("\n") == 1
    assert run("chat", "-p", "tester", "--temporary", "Hi").stdout == "You said: Hi\n"
    assert run("conversations", "list").returncode == 1


def test_a_database_out_of_reach_is_named_without_its_password(run: Run) -> None:
    url = "postgresql://someone:nobody-may-see@127.0.0.1:1/none"
    done = run("chat", "-p", "tester", "Hi", DATABASE_URL=url)
    assert done.returncode == 1
    assert "--temporary" in done.stderr


def test_words_are_found_wherever_they_were_said(run: Run) -> None:
    run("chat", "-p", "tester", "Tell me of cats")
    cats = newest(run)
    run("chat", "-p", "tester", "Tell me of dogs")
    done = run("conversations", "list", "--search", "cats")
    assert {line.split()[0] for line in done.stdout.splitlines()} == {cats}
    nothing = run("conversations", "list", "--search", "hamsters")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == "No matches.\n"


def test_what_was_exported_is_imported_elsewhere(run: Run, tmp_path: Path) -> None:
    run("chat", "-p", "tester", "Grüße")
    file = tmp_path / "all.json"
    assert run("conversations", "export", "--output", str(file)).stdout == ""
    elsewhere = ("--data-dir", str(tmp_path / "elsewhere"))
    imported = run("conversations", "import", str(file), *elsewhere)
    assert imported.returncode == 0
    assert [line.split()[0] for line in run("conversations", "list", *elsewhere).stdout.splitlines()] == [
        imported.stdout.strip()
    ]
    assert "You said: Grüße" in run("conversations", "export", "--format", "markdown", *elsewhere).stdout
    again = run("conversations", "import", "-", *elsewhere, piped=file.read_text("utf-8"))
    assert again.returncode == 0


def test_an_export_names_its_conversations_and_its_format(run: Run, tmp_path: Path) -> None:
    run("chat", "-p", "tester", "one")
    first = newest(run)
    run("chat", "-p", "tester", "two")
    rows = csv.DictReader(io.StringIO(run("conversations", "export", first, "--format", "csv").stdout))
    assert len(list(rows)) == 2
    assert json.loads(run("conversations", "export").stdout)
    folder = tmp_path / "folder"
    folder.mkdir()
    run("conversations", "export", first, "--format", "markdown", "--output", str(folder))
    assert [file.suffix for file in folder.iterdir()] == [".md"]
    assert run("conversations", "export", "--format", "pdf").returncode == 2
    assert run("conversations", "export", "nothing").returncode == 1
    assert run("conversations", "export", "--output", str(tmp_path / "no" / "file")).returncode == 1


def test_a_file_that_is_no_export_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{}", "utf-8")
    for name in ("bad.json", "missing.json"):
        done = run("conversations", "import", name)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1


def test_a_deleted_conversation_is_listed_no_more(run: Run) -> None:
    run("chat", "-p", "tester", "one")
    conversation_id = newest(run)
    assert run("conversations", "delete", conversation_id).returncode == 0
    assert run("conversations", "list").stdout == ""
    assert run("conversations", "delete", conversation_id).returncode == 1


def test_checking_files_loads_no_database(environment: dict[str, str]) -> None:
    code = (
        "import atexit, json, sys; from personachat.cli import main;"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "personas", "validate"],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=WAIT,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stderr.splitlines()[-1])}
    assert not loaded & {"sqlalchemy", "alembic", "psycopg", "openai", "streamlit"}
