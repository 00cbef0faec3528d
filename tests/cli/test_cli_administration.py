"""The commands for administrators, as a shell sees them."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path

from tests.cli.conftest import Run
from tests.conftest import persona_text


def test_the_audit_is_listed_and_is_a_table_for_other_programs(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "tutor.json"
    file.write_text(persona_text("tutor"), "utf-8")
    assert run("personas", "import", str(file)).returncode == 0
    listed = run("audit", "--kind", "persona")
    assert listed.returncode == 0
    assert "imported the persona Tutor (tutor)" in listed.stdout
    table = list(csv.DictReader(io.StringIO(run("audit", "--format", "csv", "--action", "imported").stdout)))
    assert [(row["action"], row["target"]) for row in table] == [("imported", "tutor")]
    assert json.loads(table[0]["after"])["name"] == "Tutor"
    assert run("audit", "--until", "2020-01-01").stdout == ""
    assert run("audit", "--since", "yesterday").returncode == 2
    ever = run("audit", "--since", "0001-01-01", "--until", "9999-12-31", "--format", "csv")
    assert "tutor" in ever.stdout


def test_a_token_is_made_listed_and_revoked(run: Run) -> None:
    made = run("tokens", "create", "Nightly report", "--role", "reader", "--persona", "tester", "--days", "9")
    assert made.returncode == 0
    assert made.stdout.startswith("pc_")
    assert made.stdout.strip() not in made.stderr
    listed = run("tokens", "list").stdout
    limits = r"until \d{4}-\d\d-\d\d  only tester"
    assert re.search(f"valid  reader  local  never used  {limits}  Nightly report", listed)
    token_id = listed.split()[0]
    assert run("tokens", "revoke", token_id).returncode == 0
    assert " revoked " in run("tokens", "list").stdout
    misspelt = run("tokens", "create", "Weekly report", "--persona", "tester", "--persona", "tesster")
    assert (misspelt.returncode, misspelt.stdout) == (1, "")
    assert 'The persona "tesster" doesn\'t exist.' in misspelt.stderr
    assert len(run("tokens", "list").stdout.splitlines()) == 1
    unknown = run("tokens", "revoke", "nobody")
    assert (unknown.returncode, unknown.stderr.strip()) == (1, "personachat: This token doesn't exist.")


def test_people_are_listed_exported_and_deleted(run: Run, tmp_path: Path) -> None:
    assert run("chat", "--persona", "tester", "Hello").returncode == 0
    assert run("people", "list").stdout.startswith("local  admin  1  ")
    exported = run("people", "export", "local", "--output", str(tmp_path / "me.zip"))
    assert exported.returncode == 0
    with zipfile.ZipFile(tmp_path / "me.zip") as archive:
        assert "Hello" in archive.read("conversations.json").decode()
    assert run("people", "delete", "local", piped="n\n").returncode == 1
    assert "1 conversation" in run("people", "delete", "local", "--yes").stderr
    assert run("people", "list").stdout == ""
    unknown = run("people", "delete", "user:nobody", "--yes")
    assert unknown.returncode == 1
    assert "There is no data of this person." in unknown.stderr
