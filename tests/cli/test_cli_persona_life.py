"""The persona's life on the command line: templates, versions, files, the linter."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from tests.cli.conftest import Run
from tests.conftest import persona_text


def saved(environment: dict[str, str], text: str) -> Path:
    """A persona's file, edited by hand."""
    file = Path(environment["PERSONACHAT_PERSONAS_DIR"]) / f"{json.loads(text)['id']}.json"
    file.write_text(text, "utf-8")
    return file


def columns(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    return [re.split(r"  +", line) for line in done.stdout.splitlines()]


def test_a_persona_begins_with_a_template(run: Run, environment: dict[str, str]) -> None:
    templates = columns(run("personas", "templates"))
    assert len(templates) >= 12
    template_id, group, _ = templates[0]
    assert template_id in run("personas", "templates", "--search", group).stdout
    done = run("personas", "new", "mine", "--template", template_id)
    assert done.returncode == 0
    written = json.loads(Path(done.stdout.strip()).read_text("utf-8"))
    assert written["id"] == "mine"
    assert len(written["systemPrompt"]) > 200
    unknown = run("personas", "new", "other", "--template", "nothing-like-it")
    assert (unknown.returncode, unknown.stdout) == (1, "")


def test_edits_by_hand_are_revisions_that_can_be_compared_and_restored(
    run: Run, environment: dict[str, str]
) -> None:
    run("personas", "list")
    saved(environment, persona_text(model="fake-1", temperature=0.2))
    listed = columns(run("personas", "revisions", "tester"))
    assert [row[0] for row in listed] == ["2", "1"]
    assert [row[2] for row in listed] == ["found", "found"]
    differs = run("personas", "diff", "tester")
    assert differs.returncode == 1
    assert differs.stdout.splitlines() == ["Temperature:", "+ 0.2"]
    assert run("personas", "restore", "tester", "1").returncode == 0
    assert "temperature" not in json.loads(run("personas", "show", "tester").stdout)
    assert columns(run("personas", "revisions", "tester"))[0][0] == "3"
    assert run("personas", "diff", "tester", "--from", "1").returncode == 0
    assert run("personas", "diff", "tester", "--from", "9").returncode == 1


def test_long_texts_are_compared_word_by_word(run: Run, environment: dict[str, str]) -> None:
    words = "You are a careful librarian who answers in short sentences and names the shelf."
    saved(environment, persona_text(systemPrompt=words))
    run("personas", "list")
    saved(environment, persona_text(systemPrompt=words.replace("careful", "cheerful")))
    differs = run("personas", "diff", "tester").stdout
    assert "[-careful-]{+cheerful+}" in differs.replace("] {", "]{")


def test_a_deleted_persona_comes_back(run: Run) -> None:
    assert run("personas", "delete", "tester").returncode == 0
    assert columns(run("personas", "deleted"))[0][0] == "tester"
    assert run("personas", "show", "tester").returncode == 1
    assert run("personas", "restore", "tester").returncode == 0
    assert run("personas", "show", "tester").returncode == 0
    again = run("personas", "restore", "tester")
    assert again.returncode == 1
    assert "is not deleted" in again.stderr


def test_export_and_import_through_files(run: Run, environment: dict[str, str], tmp_path: Path) -> None:
    png = tmp_path / "card.png"
    assert run("personas", "export", "tester", "--format", "card-png", "-o", str(png)).returncode == 0
    assert png.read_bytes().startswith(b"\x89PNG")
    before = run("personas", "show", "tester").stdout
    run("personas", "delete", "tester")
    planned = run("personas", "import", str(png), "--dry-run")
    assert (planned.returncode, columns(planned)[0][:2]) == (0, ["tester", "new"])
    assert run("personas", "show", "tester").returncode == 1
    assert columns(run("personas", "import", str(png)))[0][:2] == ["tester", "created"]
    assert json.loads(run("personas", "show", "tester").stdout)["name"] == json.loads(before)["name"]


def test_a_conflict_is_refused_unless_that_was_chosen(run: Run) -> None:
    other = persona_text(model="fake-1", temperature=0.1)
    refused = run("personas", "import", "-", piped=other)
    assert refused.returncode == 1
    assert "--on-conflict" in refused.stderr
    renamed = run("personas", "import", "-", "--on-conflict", "rename", piped=other)
    assert columns(renamed)[0][:2] == ["tester-2", "renamed"]
    replaced = run("personas", "import", "-", "--on-conflict", "replace", piped=other)
    assert columns(replaced)[0][:2] == ["tester", "updated"]


def test_garbage_is_refused_in_a_line(run: Run) -> None:
    done = run("personas", "import", "-", piped="PK\x03\x04 not really")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_lint_names_file_line_and_what_will_hurt(run: Run, environment: dict[str, str]) -> None:
    text = persona_text("odd", systemPrompt="Greet {{usr}} kindly.", model="fake-1")
    file = saved(environment, text.replace(", ", ",\n"))
    done = run("personas", "lint", str(file))
    assert done.returncode == 0
    assert re.search(rf"^{re.escape(str(file))}:3:\d+: warning: .*usr", done.stdout, re.MULTILINE)
    assert run("personas", "lint", str(file), "--strict").returncode == 1
    file.write_text("{", "utf-8")
    assert run("personas", "lint", str(file)).returncode == 1


def test_world_info_is_taken_into_a_persona(run: Run, environment: dict[str, str], tmp_path: Path) -> None:
    saved(environment, persona_text(model="fake-1"))
    file = tmp_path / "world.json"
    entries = {"0": {"key": ["pier"], "content": "Rotten. {{setvar::a::b}}"}}
    file.write_text(json.dumps({"entries": entries}), "utf-8")
    tried = run("personas", "lore", "tester", str(file), "--dry-run")
    assert columns(tried) == [["tester", "would get", "entries: 1"]]
    assert "{{setvar}}" in tried.stderr
    assert run("personas", "lore", "tester", str(file)).returncode == 0
    shown = json.loads(run("personas", "show", "tester").stdout)
    assert shown["extensions"]["character_book"]["entries"] == entries
    assert run("personas", "lore", "nobody", str(file)).returncode == 1
    file.write_text("{}", "utf-8")
    refused = run("personas", "lore", "tester", str(file))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "not a lore book" in refused.stderr


def test_a_persona_is_renamed_and_its_revisions_are_labelled(run: Run, environment: dict[str, str]) -> None:
    run("personas", "list")
    saved(environment, persona_text(model="fake-1", temperature=0.2))
    assert run("personas", "label", "tester", "production", "1").returncode == 0
    assert run("personas", "label", "tester", "staging").returncode == 0
    assert run("personas", "rename", "tester", "coach").returncode == 0

    assert [row[:2] for row in columns(run("personas", "label", "coach"))] == [
        ["production", "1"],
        ["staging", "2"],
    ]
    followed = run("personas", "show", "tester")
    assert json.loads(followed.stdout)["id"] == "coach"
    assert "coach" in followed.stderr
    assert run("personas", "rename", "coach", "schema").returncode == 1
    assert run("personas", "label", "coach", "staging", "--remove").returncode == 0
    missing = run("chat", "--persona", "coach@staging", "Hello")
    assert missing.returncode == 1
    assert "production" in missing.stderr
