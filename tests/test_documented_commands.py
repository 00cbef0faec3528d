"""What README.md, CONTRIBUTING.md and docs/ say to type or to paste does what they say.

What cannot be tried is named here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from personachat.personas.persona import check_persona
from personachat.settings import APP
from tests.fake_provider import FakeProvider
from tests.network_guard import guarded

ADDRESS = "127.0.0.1:8501"
PERSONA_KEYS = {"id", "name", "systemPrompt"}

NOT_TRIED = {
    "pip install uv && uv run personachat": "installs packages",
    'pip install "personachat[local]"': "installs packages; CI does so from another folder",
    "personachat local install": "installs a package; tests/providers/test_weights.py has a registry",
    "personachat restore all.zip": "would replace the data of these tests; tests/backups tries it",
    "uv run ": "runs these tests, the checks or the benchmarks themselves, or serves until it is stopped",
    "bash .ci/run": "runs these tests",
    "UV_PYTHON=3.13 bash .ci/run": "runs these tests",
    "personachat serve --host 0.0.0.0": "needs a privileged port, and opens the server to the network",
    "personachat test": "asks real models; tests/cli/test_cli_tests.py runs it",
    "personachat mcp": "reads its standard input until that ends; tests/mcp_server has a client",
    "personachat chat --persona default-persona --continue": "talks until its input ends",
    "curl -X PUT http://127.0.0.1:8501/api/personas/default-persona ": "needs the ETag of the line before it",
}
"""How a command begins, and why it is not run."""

NO_PROGRAMS = {
    'const response = await fetch("/api/chat"': "runs in a page, where an address may begin with /",
    'import OpenAI from "openai";': "needs a package of npm's; CI runs the AI SDK in .ci/clients",
}

TRIED_ELSEWHERE = {
    "mermaid": "tests/test_architecture.py holds the picture against the code",
    "nginx": "tests/front/test_nginx.py runs it",
    "caddy": "tests/front/test_replicas.py runs the one with several servers; the others do what nginx does",
    "text": "commands for systemd and a cluster; tests/test_deployment.py holds their files together",
    "ini": "a file for Docker Compose; tests/test_deployment.py holds it against compose.yaml",
}
"""The languages of snippets that are not tried here."""


@dataclass(frozen=True)
class Snippet:
    """A fenced block: the language it says, and where it is."""

    language: str
    text: str
    place: str


def snippets() -> Iterator[Snippet]:
    for file in (APP / "README.md", APP / "CONTRIBUTING.md", *sorted((APP / "docs").glob("*.md"))):
        if file.name == "strings.md":  # a list for review, made from the code
            continue
        text = file.read_text("utf-8")
        for found in re.finditer(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            line = text[: found.start()].count("\n") + 1
            yield Snippet(found[1], found[2], f"{file.name}:{line}")


def of(*languages: str) -> list[Snippet]:
    return [snippet for snippet in snippets() if snippet.language in languages]


def commands() -> list[tuple[str, str]]:
    """Every command, lines that go on joined, with where it is."""
    return [
        (line.strip(), snippet.place)
        for snippet in of("sh")
        for line in snippet.text.replace("\\\n", " ").splitlines()
        if line.strip()
    ]


def why_not(command: str) -> str | None:
    return next((why for begin, why in NOT_TRIED.items() if command.startswith(begin)), None)


TRIED = [
    pytest.param(command, id=f"{place} {command[:40]}")
    for command, place in commands()
    if not why_not(command)
]


@dataclass(frozen=True)
class Product:
    """The product as it is served for these tests, and the folder in which commands run."""

    address: str
    folder: Path
    environment: dict[str, str]

    def run(self, command: list[str] | str, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            shell=isinstance(command, str),
            cwd=self.folder,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("documented")
    shutil.copytree(APP / "personas", folder / "personas")
    with FakeProvider() as fake, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PERSONACHAT_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "OPENAI_BASE_URL": fake.base_url,
            "OPENAI_API_KEY": "sk-x",
            "PERSONACHAT_PERSONAS_DIR": str(folder / "personas"),
            "PERSONACHAT_DATA_DIR": str(folder / "data"),
        }
        address = f"127.0.0.1:{port}"
        server = subprocess.Popen(
            ["personachat", "serve", "--headless", "--port", str(port)],
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(f"http://{address}/api/health", server)
            prepare(address, folder)
            yield Product(address, folder, environment)
        finally:
            server.terminate()
            server.wait(40)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 90
    while True:
        try:
            assert httpx2.get(url, timeout=30).status_code == 200
        except httpx2.HTTPError:
            assert server.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        else:
            return


def prepare(address: str, folder: Path) -> None:
    """What the documents take to be there: files to import, a persona with a history, a repository."""
    for name, what in {
        "card.png": "socratic-tutor/export?format=card-png",
        "one.png": "socratic-tutor/export?format=card-png",
        "face.png": "socratic-tutor/export?format=card-png",
        "two.charx": "data-analyst/export?format=charx",
        "cards.zip": "export?ids=socratic-tutor,data-analyst",
    }.items():
        exported = httpx2.get(f"http://{address}/api/personas/{what}", timeout=60)
        assert exported.status_code == 200
        (folder / name).write_bytes(exported.content)
    (folder / "prompts.csv").write_text("title,text\nHarbour clerk,You know every berth.\n")
    world = {"entries": {"0": {"key": ["mill"], "content": "The mill is by the river."}}}
    (folder / "world-info.json").write_text(json.dumps(world))
    persona = httpx2.get(f"http://{address}/api/personas/default-persona", timeout=60)
    changed = {**persona.json(), "description": "Changed once."}
    saved = httpx2.put(f"http://{address}/api/personas/default-persona", json=changed, timeout=60)
    assert saved.status_code == 200
    subprocess.run(["git", "init", "-q", str(folder)], check=True, timeout=60)


@pytest.mark.parametrize("command", TRIED)
def test_a_command_does_what_it_is_there_for(product: Product, command: str, tmp_path: Path) -> None:
    said = command.replace(ADDRESS, product.address)
    if said.startswith("personachat  "):  # the pages themselves: a server has been started for these tests
        said = "personachat --help"
    if "/ID" in said:
        talk = httpx2.post(
            f"http://{product.address}/api/chat",
            json={"personaId": "default-persona", "message": "Hi"},
            headers={"Accept": "application/json"},
            timeout=60,
        )
        said = said.replace("/ID", f"/{talk.json()['conversationId']}")
    said = re.sub(r"^curl\b", f"curl --fail-with-body --silent --show-error --output-dir {tmp_path}", said)
    ended = product.run(said, text="Hello\n")
    may_find_something = "--strict" in said or said.startswith("personachat personas diff ")
    assert ended.returncode in ({0, 1} if may_find_something else {0}), f"{ended.stdout}\n{ended.stderr}"


@pytest.mark.parametrize("snippet", of("python"), ids=lambda snippet: snippet.place)
def test_a_program_runs_as_it_is(product: Product, snippet: Snippet) -> None:
    ended = product.run([sys.executable, "-c", snippet.text.replace(ADDRESS, product.address)])
    assert ended.returncode == 0, ended.stderr
    assert "You said: " in ended.stdout


@pytest.mark.parametrize("snippet", of("json"), ids=lambda snippet: snippet.place)
def test_json_is_json_and_a_persona_is_one(snippet: Snippet) -> None:
    value = json.loads(snippet.text)
    if isinstance(value, dict) and value.keys() >= PERSONA_KEYS:
        assert check_persona(snippet.text) == ()


@pytest.mark.parametrize("snippet", of("toml"), ids=lambda snippet: snippet.place)
def test_settings_are_read(snippet: Snippet, tmp_path: Path) -> None:
    settings = tomllib.loads(snippet.text)
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(snippet.text)
    program = "from personachat.settings import load_settings; print(load_settings().model_fields_set)"
    clean = {name: value for name, value in os.environ.items() if name not in settings}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=clean | guarded(APP),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("'") == 2 * len(settings)


def test_every_snippet_is_of_a_kind_that_is_tried_or_named() -> None:
    assert {snippet.language for snippet in snippets()} <= {
        "",
        "sh",
        "json",
        "python",
        "js",
        "toml",
        "yaml",
        *TRIED_ELSEWHERE,
    }
    programs = [snippet.text for snippet in of("js")]
    assert len(programs) == len(NO_PROGRAMS)
    assert all(any(text.startswith(begin) for begin in NO_PROGRAMS) for text in programs)


def test_nothing_is_left_untried_that_is_not_there() -> None:
    written = [command for command, _ in commands()]
    assert [begin for begin in NOT_TRIED if not any(line.startswith(begin) for line in written)] == []
    assert len(TRIED) > 25
