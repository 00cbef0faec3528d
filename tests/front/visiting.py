"""The real server in a process of its own, and what comes to it: browsers' connections, and programs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from personachat.messages import ChatMessage
from personachat.owners import LOCAL_OWNER
from personachat.services import build_services
from personachat.settings import load_settings
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider
from tests.migrated import put_database_in

SECONDS = 60
TITLE = "What only the local owner may see"
SERVE = "from personachat.server import serve; serve(host={host!r}, port={port}, headless=True)"


@dataclass(frozen=True)
class Server:
    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Seen:
    """What a connection to the pages was answered: a status, or what the page showed."""

    status: int = 101
    shown: bytes = b""
    refusal: str = ""

    @property
    def opened(self) -> bool:
        return self.status == 101 and bool(self.shown)

    @property
    def is_local_owner(self) -> bool:
        return TITLE.encode() in self.shown


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def standing(
    folder: Path, fake: FakeProvider, *, host: str = "127.0.0.1", code: str = SERVE, **settings: str
) -> Iterator[Server]:
    """Serve until the block ends, with a persona "tester" and a conversation of the local owner."""
    personas, data = folder / "personas", folder / "data"
    put_database_in(data)
    services = build_services(
        load_settings(
            openai_base_url=fake.base_url, openai_api_key="sk-test", personas_dir=personas, data_dir=data
        )
    )
    services.personas.save(persona_text())
    here = services.of(LOCAL_OWNER)
    conversation = here.chat.start()
    history = [ChatMessage("user", "Hi"), ChatMessage("assistant", "Indeed.")]
    live_reply = here.chat.send(conversation.id, "Go on", persona_id="tester", history=history)
    while live_reply.live:
        live_reply.wait(len(live_reply.wait(0, timeout_seconds=0)), timeout_seconds=SECONDS)
    here.library.rename(conversation.id, TITLE)
    services.close()
    ours = ("PERSONACHAT_", "OPENAI_", "STREAMLIT_", "DATABASE_URL", "FORWARDED_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
        "OPENAI_BASE_URL": fake.base_url,
        "OPENAI_API_KEY": "sk-test",
        "PERSONACHAT_PERSONAS_DIR": str(personas),
        "PERSONACHAT_DATA_DIR": str(data),
        "HOME": str(folder),
        **settings,
    }
    port, log = free_port(), folder / "server.log"
    command = [sys.executable, "-W", "ignore", "-c", code.format(host=host, port=port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=output)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield Server(port, log, process)
        finally:
            process.kill()
            process.wait()


def wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx2.get(url, timeout=5).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail(f"Nothing answers at {url}:\n{log.read_text(errors='replace')[-4000:]}")


def open_page(
    port: int,
    *,
    origin: str | None,
    host: str | None = None,
    at: str = "127.0.0.1",
    headers: Mapping[str, str] | None = None,
) -> Seen:
    """Open the chat page over the WebSocket as a browser would, up to the end of its script."""
    with socket.create_connection((at, port), timeout=SECONDS) as raw:
        visit = BackMsg()
        visit.rerun_script.page_name = ""
        shown = []
        try:
            with connect(
                f"ws://{host or f'127.0.0.1:{port}'}/_stcore/stream",
                sock=raw,
                origin=None if origin is None else Origin(origin),
                additional_headers=headers,
                subprotocols=[Subprotocol("streamlit")],
                max_size=None,
            ) as browser:
                browser.send(visit.SerializeToString())
                while True:
                    data = browser.recv(timeout=SECONDS)
                    assert isinstance(data, bytes)
                    shown.append(data)
                    if ForwardMsg.FromString(data).WhichOneof("type") == "script_finished":
                        return Seen(shown=b"".join(shown))
        except InvalidStatus as refused:
            return Seen(refused.response.status_code, refusal=refused.response.body.decode())


def get(port: int, path: str, *, host: str | None = None, headers: Mapping[str, str] | None = None) -> int:
    """The status of a GET under that name."""
    named = {} if host is None else {"Host": host}
    return httpx2.get(
        f"http://127.0.0.1:{port}{path}", headers={**named, **(headers or {})}, timeout=SECONDS
    ).status_code
