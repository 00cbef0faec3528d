"""`personachat backup` and `restore` in a shell: a sentence each, and exit codes."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def test_what_was_backed_up_is_restored_into_another_folder(run: Run, tmp_path: Path) -> None:
    made = run("backup", "all.zip")
    assert (made.returncode, made.stdout) == (0, "")
    assert made.stderr.startswith("all.zip: ")
    assert "1 persona file," in made.stderr
    elsewhere = {
        "PERSONACHAT_DATA_DIR": str(tmp_path / "new"),
        "PERSONACHAT_PERSONAS_DIR": str(tmp_path / "p"),
    }
    done = run("restore", "all.zip", **elsewhere)
    assert (done.returncode, done.stderr.startswith("Restored ")) == (0, True)
    assert (tmp_path / "p" / "tester.json").exists()
    assert run("restore", "none.zip").returncode == 1
    (tmp_path / "p" / "own.json").write_text("{}", "utf-8")
    refused = run("restore", "all.zip", **elsewhere)
    assert (refused.returncode, "--force" in refused.stderr) == (1, True)
    assert run("restore", "all.zip", "--force", **elsewhere).returncode == 0
    assert not (tmp_path / "p" / "own.json").exists()
