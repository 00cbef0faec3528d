"""The workflow at the end of docs/tests.md does what it says: its `run:` steps, one by one, in bash.

`pip install` is replaced: a `pip` that does nothing stands first in PATH, since these tests run in an
environment where PersonaChat is installed. Steps with `uses:` are GitHub's own and are left out; the files
that `upload-artifact` takes have to be there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from personachat.settings import APP
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.migrated import put_database_in
from tests.network_guard import guarded

PRICED = "gpt-4o-mini"
SUITE = """\
persona: tester
cases:
  - { name: Answers, say: Hi, check: [{ contains: "You said" }] }
"""


def workflow() -> dict[str, Any]:
    blocks = re.findall(
        r"^```yaml\n(.*?)^```", (APP / "docs" / "tests.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    found: dict[str, Any] = yaml.safe_load(blocks[-1])
    return found


@dataclass(frozen=True, slots=True)
class Checkout:
    """A repository as the workflow finds it."""

    folder: Path
    environment: dict[str, str]

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """As GitHub runs a step."""
        return subprocess.run(
            ["/bin/bash", "-e", "-o", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def write(self, suite: str) -> None:
        (self.folder / "personas" / "tester.tests.yaml").write_text(suite, "utf-8")


@pytest.fixture
def job() -> dict[str, Any]:
    (found,) = workflow()["jobs"].values()
    assert isinstance(found, dict)
    return found


@pytest.fixture
def checkout(tmp_path: Path, job: dict[str, Any], fake: FakeProvider) -> Checkout:
    programs, personas = tmp_path / "bin", tmp_path / "repository" / "personas"
    programs.mkdir()
    personas.mkdir(parents=True)
    put_database_in(tmp_path / "data")
    (programs / "pip").write_text("#!/bin/sh\nexit 0\n")
    (programs / "pip").chmod(0o755)
    (programs / "personachat").write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "from personachat.cli import main; main()" "$@"\n'
    )
    (programs / "personachat").chmod(0o755)
    (personas / "tester.json").write_text(persona_text(model=PRICED), "utf-8")
    (personas / "tester.tests.yaml").write_text(SUITE, "utf-8")
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "OPENAI_BASE_URL": fake.base_url,
        "PERSONACHAT_DATA_DIR": str(tmp_path / "data"),
    }
    environment |= {
        name: value.replace("${{ secrets.OPENAI_API_KEY }}", "sk-of-a-test")
        for name, value in job["env"].items()
    }
    return Checkout(personas.parent, environment | guarded(APP))


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_every_step_of_the_workflow_runs_and_leaves_the_results(
    checkout: Checkout, job: dict[str, Any], fake: FakeProvider
) -> None:
    for command in commands(job):
        done = checkout.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert len(fake.chats) == 3
    (kept,) = (step for step in job["steps"] if step.get("uses", "").startswith("actions/upload-artifact@"))
    assert kept["if"] == "always()"
    left = sorted(path.name for path in checkout.folder.glob(kept["with"]["path"]))
    assert left == ["results.json", "results.xml"]
    suite = ET.parse(checkout.folder / "results.xml").getroot()[0]  # our own
    assert (suite.get("tests"), suite.get("failures")) == ("1", "0")


@pytest.mark.parametrize(
    ("suite", "step"),
    [
        (SUITE.replace("You said", "Nobody says this"), -1),
        (SUITE.replace("contains", "contians"), -2),
    ],
    ids=["a case fails", "an error in a suite"],
)
def test_the_workflow_stops_where_something_is_wrong(
    checkout: Checkout, job: dict[str, Any], suite: str, step: int
) -> None:
    checkout.write(suite)
    *before, failing = commands(job)[: len(commands(job)) + step + 1]
    assert [checkout.run(command).returncode for command in before] == [0] * len(before)
    assert checkout.run(failing).returncode == 1
