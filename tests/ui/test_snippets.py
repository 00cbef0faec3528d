"""The snippets really call a persona, and no message breaks out of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from personachat.services import Services
from personachat.ui.personas.snippets import LANGUAGES, snippet
from tests.api.conftest import served
from tests.fake_provider import FakeProvider, chunk, events, tokens
from tests.network_guard import guarded

MESSAGE = 'It\'s "quoted", costs $5 & `more`;\nüñí 漢 {braces} \\ </script>'


def call(language: str, services: Services, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the snippet of that language against an API on loopback."""
    program = {"curl": "curl", "Python": sys.executable, "JavaScript": "node"}[language]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    with served(services) as client:
        address = str(client.base_url).rstrip("/")
        code = snippet(language, address=address, persona_id="tester", message=MESSAGE)
        if language == "curl":
            return run(["sh", "-c", code], folder=folder)
        file = folder / ("call.py" if language == "Python" else "call.mjs")
        file.write_text(code, encoding="utf-8")
        return run([program, str(file)], folder=folder)


def run(command: list[str], *, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment | guarded() | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_a_snippet_says_the_message_and_prints_the_reply(
    language: str, services: Services, fake: FakeProvider, tmp_path: Path
) -> None:
    fake.enqueue(tokens(["Hel", "lo ", "there"]))
    done = call(language, services, tmp_path)
    assert done.returncode == 0, done.stderr
    assert fake.chats[-1].body["messages"][-1]["content"] == MESSAGE
    if language == "curl":
        assert "event: delta" in done.stdout
    else:
        assert done.stdout.strip() == "Hello there"


@pytest.mark.parametrize("language", ["Python", "JavaScript"])
def test_a_reply_that_breaks_off_ends_the_program_with_the_reason(
    language: str, services: Services, fake: FakeProvider, tmp_path: Path
) -> None:
    fake.enqueue(events(chunk("some"), {"error": {"message": "boom"}}, done=False))
    done = call(language, services, tmp_path)
    assert done.returncode != 0
    assert done.stdout == "some"
    assert "boom" in done.stderr


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_a_message_is_never_more_than_a_text_in_the_program(language: str) -> None:
    code = snippet(language, address="http://127.0.0.1/api", persona_id="tester", message=MESSAGE)
    plain = snippet(language, address="http://127.0.0.1/api", persona_id="tester", message="Hi")
    assert code.isascii()
    assert len(code.splitlines()) == len(plain.splitlines())
