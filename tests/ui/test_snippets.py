"""The snippets really call a persona, and no message breaks out of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from personachat.services import Services
from personachat.ui.snippets import LANGUAGES, snippet
from tests.api.conftest import served
from tests.fake_provider import FakeProvider, tokens

MESSAGE = 'It\'s "quoted", costs $5 & `more`;\nüñí 漢 {braces} \\ </script>'


def run(command: list[str], *, folder: Path) -> str:
    environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_a_snippet_says_the_message_and_prints_the_reply(
    language: str, services: Services, fake: FakeProvider, tmp_path: Path
) -> None:
    program = {"curl": "curl", "Python": sys.executable, "JavaScript": "node"}[language]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    fake.enqueue(tokens(["Hel", "lo ", "there"]))
    with served(services) as client:
        address = str(client.base_url).rstrip("/")
        code = snippet(language, address=address, persona_id="tester", message=MESSAGE)
        if language == "curl":
            printed = run(["sh", "-c", code], folder=tmp_path)
        else:
            file = tmp_path / ("call.py" if language == "Python" else "call.mjs")
            file.write_text(code, encoding="utf-8")
            printed = run([program, str(file)], folder=tmp_path)
    assert fake.chats[-1].body["messages"][-1]["content"] == MESSAGE
    if language == "curl":
        assert "event: delta" in printed
    else:
        assert printed.strip() == "Hello there"
