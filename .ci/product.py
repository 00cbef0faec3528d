"""Starts the product as a person gets it, looks whether it is all there, and ends it.

    python .ci/product.py installed FOLDER    the wheel in this interpreter's environment, from FOLDER
    python .ci/product.py cloud FOLDER        streamlit run Home.py in the checkout, home in FOLDER

Runs on the environment's own interpreter and packages alone.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

CHECKOUT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
START_SECONDS = 90


def main(kind: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENAI_", "PERSONACHAT_", "STREAMLIT_", "XDG_", "UV_"))
    }
    environment["HOME"] = str(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    if kind == "installed":
        command = [str(BIN / "personachat"), "--headless", "--port", str(port)]
        health, cwd = f"{base}/api/health", folder
    else:
        options = ["--server.headless=true", "--server.address=127.0.0.1", f"--server.port={port}"]
        command = [str(BIN / "streamlit"), "run", "Home.py", *options]
        health, cwd = f"{base}/_stcore/health", CHECKOUT
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(command, cwd=cwd, env=environment, stdout=log, stderr=log)
        try:
            wait_for(health, server)
            check_pages(base)
            if kind == "installed":
                check_api(base)
                check_terminal(environment, folder)
                check_conversations(base)
        except BaseException:
            log.seek(0)
            print(log.read().decode(errors="replace"), file=sys.stderr)
            raise
        finally:
            server.terminate()
            server.wait(30)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    began = time.monotonic()
    while True:
        try:
            fetch(url)
        except OSError:
            if server.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise
            time.sleep(0.1)
        else:
            print(f"answers after {time.monotonic() - began:.1f} s")
            return


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as response:
        assert response.status == 200
        return str(response.read().decode())


def check_pages(base: str) -> None:
    """The HTML is served, and the pages' scripts run to their end with the project's own configuration."""
    for page in ("", "personas", "history"):
        assert "<html" in fetch(f"{base}/{page}").lower(), page
        shown = run_page(base, page)
        session = next(
            message.new_session for message in shown if message.WhichOneof("type") == "new_session"
        )
        assert not session.config.gather_usage_stats, ".streamlit/config.toml was not read"
        assert session.custom_theme.ByteSize(), "the theme in .streamlit/config.toml was not read"
        exceptions = [
            message.delta.new_element.exception.message
            for message in shown
            if message.delta.new_element.WhichOneof("type") == "exception"
        ]
        assert not exceptions, exceptions
        print(f"page /{page}: {len(shown)} messages, no exception")


def run_page(base: str, page: str) -> list[Any]:
    """The messages a browser gets for one visit, until the script's end."""
    address = base.replace("http", "ws", 1) + "/_stcore/stream"
    visit = BackMsg()
    visit.rerun_script.page_name = page
    shown = []
    with connect(
        address, origin=Origin(base), subprotocols=[Subprotocol("streamlit")], max_size=None
    ) as browser:
        browser.send(visit.SerializeToString())
        while True:
            data = browser.recv(timeout=60)
            assert isinstance(data, bytes)
            message = ForwardMsg.FromString(data)
            shown.append(message)
            if message.WhichOneof("type") == "script_finished":
                return shown


def check_api(base: str) -> None:
    print("health:", fetch(f"{base}/api/health"))
    shipped = {file.stem for file in (CHECKOUT / "personas").glob("*.json")}
    listed = {persona["id"] for persona in json.loads(fetch(f"{base}/api/personas"))}
    assert "default-persona" in listed
    assert listed == shipped, listed ^ shipped


def check_terminal(environment: dict[str, str], folder: Path) -> None:
    command = [str(BIN / "personachat"), "chat", "--persona", "default-persona", "Hello"]
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 1, done.stderr
    print("terminal:", done.stdout.strip()[:80], "|", done.stderr.strip().replace("\n", " ")[:120])


def check_conversations(base: str) -> None:
    """What was said in the terminal is found by the server, in the database of this person."""
    (found,) = json.loads(fetch(f"{base}/api/conversations?q=Hello"))["conversations"]
    turns = json.loads(fetch(f"{base}/api/conversations/{found['id']}"))["messages"]
    assert [turn["role"] for turn in turns][-2:] == ["user", "assistant"], turns
    assert turns[-1]["state"] == "finished", turns[-1]
    print("conversation:", found["title"])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
