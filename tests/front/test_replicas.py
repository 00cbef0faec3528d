"""Two servers on one PostgreSQL behind a real nginx and a real Caddy: one after the other is restarted."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from personachat.settings import APP
from tests.api.wire import chatting, said, text_of
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.front.visiting import SECONDS, SERVE, free_port, open_page, wait_until_healthy
from tests.migrated import migrated_postgres

TOKEN = "a-token-of-many-letters"
NAME = "chat.example.com"
OPERATIONS = (APP / "docs" / "operations.md").read_text("utf-8")
PROXY_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


def documented(language: str, begin: str) -> str:
    """The block of docs/operations.md whose text has `begin` in it."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", OPERATIONS, re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if begin in block]
    return str(found)


@dataclass
class Replica:
    """A server that can be ended and started again at its port."""

    folder: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.port}.log"

    def start(self) -> None:
        code = SERVE.format(host="127.0.0.1", port=self.port)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", code],
                env=self.environment,
                cwd=self.folder,
                stdout=output,
                stderr=output,
            )

    def wait_until_ready(self) -> None:
        assert self.process
        wait_until_healthy(f"http://127.0.0.1:{self.port}/api/ready", self.process, self.log)

    def end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def running(self) -> int:
        """How many replies it has in hand."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = httpx2.get(f"http://127.0.0.1:{self.port}/api/health", headers=headers, timeout=SECONDS)
        return int(answer.json()["repliesRunning"])


@contextmanager
def replicas(folder: Path, fake: FakeProvider) -> Iterator[tuple[Replica, Replica]]:
    (folder / "personas").mkdir()
    (folder / "personas" / "tester.json").write_text(persona_text(), "utf-8")
    ours = ("PERSONACHAT_", "OPENAI_", "STREAMLIT_", "DATABASE_URL", "FORWARDED_")
    with migrated_postgres() as url:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
            "DATABASE_URL": url.replace("postgresql+psycopg://", "postgresql://"),
            "PERSONACHAT_PERSONA_STORE": "database",
            "PERSONACHAT_PERSONAS_DIR": str(folder / "personas"),
            "PERSONACHAT_DATA_DIR": str(folder / "data"),
            "PERSONACHAT_API_TOKENS": TOKEN,
            "PERSONACHAT_ALLOWED_HOSTS": NAME,
            "OPENAI_BASE_URL": fake.base_url,
            "OPENAI_API_KEY": "sk-test",
            "HOME": str(folder),
        }
        first, second = Replica(folder, environment), Replica(folder, environment)
        try:
            for each in (first, second):
                each.start()
            for each in (first, second):
                each.wait_until_ready()
            yield first, second
        finally:
            first.end()
            second.end()


def program(name: str) -> str:
    found = shutil.which(name, path=PROXY_PATH)
    if found is None:
        pytest.skip(f"{name} is not there")
    return found


def to(text: str, first: Replica, second: Replica) -> str:
    return text.replace("127.0.0.1:8501", f"127.0.0.1:{first.port}").replace(
        "127.0.0.1:8502", f"127.0.0.1:{second.port}"
    )


@contextmanager
def nginx(folder: Path, first: Replica, second: Replica) -> Iterator[int]:
    port, command = free_port(), program("nginx")
    location = (
        documented("nginx", "proxy_set_header X-Forwarded-For").partition("location / {")[2].partition("}")[0]
    )
    lines = re.sub(r"#.*", "", location).replace(
        "proxy_pass http://127.0.0.1:8501;", "proxy_pass http://personachat;"
    )
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi", "client_body")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; worker_processes 1; error_log {folder}/error.log; pid {folder}/nginx.pid;\n"
        "events { worker_connections 256; }\n"
        f"http {{ access_log off; {temporary}\n{to(documented('nginx', 'upstream'), first, second)}\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ {lines} }} }} }}\n",
        "utf-8",
    )
    with proxying(
        [command, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(config)], port, folder
    ):
        yield port


@contextmanager
def caddy(folder: Path, first: Replica, second: Replica) -> Iterator[int]:
    port, command = free_port(), program("caddy")
    site = documented("caddy", "health_uri").replace("chat.example.com {", f"http://:{port} {{", 1)
    site = to(site, first, second).replace("health_interval 2s", "health_interval 200ms")
    site = re.sub(r"\s#.*", "", site)
    config = folder / "Caddyfile"
    config.write_text(f"{{\n admin off\n auto_https off\n}}\n{site}", "utf-8")
    with proxying([command, "run", "--config", str(config), "--adapter", "caddyfile"], port, folder):
        yield port


@contextmanager
def proxying(command: list[str], port: int, folder: Path) -> Iterator[None]:
    log = folder / f"{Path(command[0]).name}.log"
    environment = os.environ | {
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield
        finally:
            process.terminate()
            process.wait(SECONDS)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def all_is_well(port: int) -> None:
    """Everybody who comes gets a page, and an answer of the API."""
    host = f"{NAME}:{port}"
    with httpx2.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Host": host}, timeout=SECONDS
    ) as client:
        for path in ("/", "/history", "/api/health", "/_stcore/health"):
            assert client.get(path).status_code == 200, path
        personas = client.get("/api/personas", headers={"Authorization": f"Bearer {TOKEN}"})
        assert [each["id"] for each in personas.json()] == ["tester"]
    assert open_page(port, host=host, origin=f"http://{host}").opened


@pytest.mark.parametrize("proxy", [nginx, caddy], ids=["nginx", "caddy"])
def test_servers_are_restarted_one_after_the_other_and_nobody_notices(
    proxy: Callable[..., AbstractContextManager[int]], tmp_path: Path
) -> None:
    with ExitStack() as stack:
        fake = stack.enter_context(FakeProvider())
        pair = stack.enter_context(replicas(tmp_path, fake))
        port = stack.enter_context(proxy(tmp_path, *pair))
        headers = {"Authorization": f"Bearer {TOKEN}", "Host": f"{NAME}:{port}"}
        client = stack.enter_context(
            httpx2.Client(base_url=f"http://127.0.0.1:{port}/api", headers=headers, timeout=SECONDS)
        )
        all_is_well(port)
        gate = Gate()
        fake.enqueue(tokens(["one", gate, " two"]))
        with chatting(client) as (_, events):
            seen = [next(event for event in events if event.name == "delta")]
            (busy,) = [each for each in pair if each.running]
            (other,) = [each for each in pair if each is not busy]
            assert busy.process
            busy.process.send_signal(signal.SIGTERM)
            until(lambda: httpx2.get(f"http://127.0.0.1:{busy.port}/api/ready").status_code == 503)
            all_is_well(port)
            gate.open()
            seen += events
        assert text_of(seen) == "one two"
        assert seen[-1].data == "[DONE]"
        busy.process.wait(SECONDS)
        all_is_well(port)
        assert text_of(said(client, "meanwhile")) == "You said: meanwhile"
        busy.start()
        busy.wait_until_ready()
        assert other.process
        other.process.send_signal(signal.SIGTERM)
        other.process.wait(SECONDS)
        all_is_well(port)
        assert text_of(said(client, "after")) == "You said: after"
