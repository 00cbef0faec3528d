"""`pytest --personachat FOLDER` runs suites, one item a case, and does nothing without being asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import WAIT

SUITE = """\
persona: tester
repeat: 1
cases:
  - { name: Greets, say: Hi, check: [{ contains: "You said" }] }
  - name: Asks
    turns: [{ user: Well, yes }, { assistant: So }, { user: Why }]
    check: [{ questions: 1 }]
"""


def pytest_says(environment: dict[str, str], folder: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-p", "personachat.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-v", "--rootdir", str(folder), *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_each_case_is_an_item_and_errors_in_a_suite_are_errors(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "personas"
    (folder / "tester.tests.yaml").write_text(SUITE, "utf-8")
    (folder / "wrong.tests.yaml").write_text(SUITE.replace("check:", "checkz:", 1), "utf-8")
    asked = ("--personachat", str(folder), "--continue-on-collection-errors")
    code, said = pytest_says(environment, folder, *asked)
    assert code == 1, said
    assert "tester.tests.yaml::Greets PASSED" in said
    assert "tester.tests.yaml::Asks FAILED" in said
    assert "questions: 0 questions; exactly 1 expected." in said
    assert "wrong.tests.yaml:4:" in said
    code, said = pytest_says(environment, folder, "--personachat", str(folder / "tester.tests.yaml"))
    assert code == 1, said
    assert "1 failed, 1 passed" in said


def test_without_the_option_nothing_is_collected(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "personas"
    (folder / "tester.tests.yaml").write_text(SUITE, "utf-8")
    assert pytest_says(environment, folder)[0] == 5
