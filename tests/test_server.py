"""The whole server as people start it: in a process of its own, with pages and API on one port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.web.server.app_discovery import discover_asgi_app

from personachat.errors import AddressUnavailable, SettingsInvalid
from personachat.server import serve
from personachat.services.opening import refuse_unasked
from personachat.settings import APP, load_settings
from tests.api.wire import chatting, problem_of, said, text_of
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.migrated import put_database_in

SECONDS = 60
SERVER = APP / "personachat" / "server.py"
PYTHON = [sys.executable, "-W", "ignore"]
WAYS = {
    "serve": (
        "-c",
        "from personachat.server import serve; serve(host='127.0.0.1', port={port}, headless=True)",
    ),
    "uvicorn": ("-m", "uvicorn", "personachat.server:app", "--port", "{port}"),
    "streamlit": (
        *("-m", "streamlit", "run", str(SERVER), "--server.port", "{port}"),
        *("--server.address", "127.0.0.1", "--server.headless", "true"),
    ),
}
LISTENING = {"serve": "PersonaChat is at", "uvicorn": "Uvicorn running", "streamlit": "URL:"}


@dataclass
class Running:
    process: subprocess.Popen[str]
    client: httpx2.Client
    output: list[str]
    ended: threading.Thread


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def environment(fake: FakeProvider, tmp_path: Path) -> dict[str, str]:
    personas = tmp_path / "personas"
    personas.mkdir()
    (personas / "tester.json").write_text(persona_text(), "utf-8")
    return {name: value for name, value in os.environ.items() if not name.startswith("STREAMLIT_")} | {
        "OPENAI_BASE_URL": fake.base_url,
        "OPENAI_API_KEY": "sk-test-key-that-nobody-may-see",
        "PERSONACHAT_PERSONAS_DIR": str(personas),
        "PERSONACHAT_DATA_DIR": str(put_database_in(tmp_path / "data").parent),
        "HOME": str(tmp_path),
    }


@contextmanager
def running(way: str, environment: dict[str, str], folder: Path) -> Iterator[Running]:
    port = free_port()
    process = subprocess.Popen(
        [*PYTHON, *(part.format(port=port) for part in WAYS[way])],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output: list[str] = []
    there = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line)
            if LISTENING[way] in line:
                there.set()
        there.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert there.wait(SECONDS), output
        assert process.poll() is None, output
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=SECONDS) as client:
            yield Running(process, client, output, reader)
    finally:
        process.kill()
        process.wait()
        reader.join(SECONDS)
        if process.stdout:
            process.stdout.close()


@pytest.mark.parametrize("way", WAYS)
def test_pages_and_api_are_on_one_port(
    way: str, environment: dict[str, str], tmp_path: Path, fake: FakeProvider
) -> None:
    with running(way, environment | {"STREAMLIT_SERVER_BASE_URL_PATH": "below"}, tmp_path) as server:
        root = server.client.base_url.copy_with(path="/")
        assert server.client.get("/health").json()["personas"] == 1
        assert httpx2.get(root.join("/below/api/health"), timeout=SECONDS).json()["personas"] == 1
        for path in ("/", "/personas", "/below/", "/below/personas"):
            page = httpx2.get(root.join(path), timeout=SECONDS)
            assert page.status_code == 200
            assert '<div id="root">' in page.text
        assert text_of(said(server.client, "one two")) == "You said: one two"
        problem_of(server.client.get("/personas/..%2f"), 404, "not_found")
        assert httpx2.get(root.join("/api"), timeout=SECONDS).headers["location"] == "/below/api/docs"
        assert not [line for line in server.output if "Traceback" in line or "sk-test-key" in line]


def test_nothing_of_the_pages_is_added_to_the_api(environment: dict[str, str], tmp_path: Path) -> None:
    packed = {"Accept-Encoding": "gzip"}
    with (
        running("serve", environment, tmp_path) as server,
        chatting(server.client) as (response, events),
    ):
        assert list(events)[-1].data == "[DONE]"
        for answer in (response, server.client.get("/openapi.json", headers=packed)):
            assert "content-encoding" not in answer.headers
            assert "set-cookie" not in answer.headers


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_time_to_drain_a_signal_interrupts_replies_and_ends_the_server(
    way: str, number: signal.Signals, environment: dict[str, str], tmp_path: Path, fake: FakeProvider
) -> None:
    fake.enqueue(tokens(["one", Gate(), "two"]))
    with running(way, environment | {"PERSONACHAT_SHUTDOWN_SECONDS": "0"}, tmp_path) as server:
        with chatting(server.client) as (_, events):
            next(event for event in events if event.name == "delta")
            server.process.send_signal(number)
            error, closing = list(events)
        assert (error.name, error.data["code"], closing.data) == ("error", "interrupted", "[DONE]")
        server.process.wait(SECONDS)
        server.ended.join(SECONDS)
        # Ctrl-C ends as KeyboardInterrupt, which whoever called `serve` turns into an exit code.
        assert way == "serve" or not [line for line in server.output if "Traceback" in line]
    assert fake.wait_for_disconnect()


def test_a_signal_ends_an_idle_server_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    with running("uvicorn", environment, tmp_path) as server:
        server.client.get("/health")
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(SECONDS)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_mcp_is_on_the_same_port_and_its_listeners_do_not_hold_up_the_end(
    environment: dict[str, str], tmp_path: Path
) -> None:
    accept = {"Accept": "application/json, text/event-stream"}
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
    with running("serve", environment, tmp_path) as server:
        url = server.client.base_url.copy_with(path="/mcp")
        hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        begun = httpx2.post(url, json=hello, headers=accept, timeout=SECONDS)
        session = {**accept, "Mcp-Session-Id": begun.headers["mcp-session-id"]}
        with httpx2.stream("GET", url, headers=session, timeout=SECONDS) as news:
            assert news.headers["content-type"].startswith("text/event-stream")
            assert "set-cookie" not in news.headers
            server.process.send_signal(signal.SIGTERM)
            news.read()
        server.process.wait(SECONDS)
        server.ended.join(SECONDS)
        assert not [line for line in server.output if "ASGI" in line]


def test_the_pages_get_our_configuration(environment: dict[str, str], tmp_path: Path) -> None:
    """From any folder: what .streamlit/config.toml says is what the server runs with."""
    code = f"""
import json
from streamlit import config
from streamlit.web.server.starlette.starlette_server import UvicornRunner

def show(self):
    print(json.dumps({{name: config.get_option(name) for name in config._config_options}}, default=str))

UvicornRunner.run = show
from personachat.server import serve
serve(host="127.0.0.1", port={free_port()}, headless=True)
"""
    command = [*PYTHON, "-c", code]
    result = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=True
    )
    seen = json.loads(result.stdout)
    wanted = tomllib.loads((APP / ".streamlit" / "config.toml").read_text("utf-8"))
    flat = {f"{section}.{name}": value for section, names in wanted.items() for name, value in names.items()}
    assert flat
    for name, value in flat.items():
        if not isinstance(value, dict):
            assert seen[name] == value, name
    assert seen["server.address"] == "127.0.0.1"


NAMED = ("--browser.serverAddress", "localhost")


def test_streamlit_finds_the_app() -> None:
    found = discover_asgi_app(SERVER)
    assert (found.is_asgi_app, found.import_string) == (True, "server:app")


def test_it_is_found_in_a_checkout_where_only_the_requirements_are_installed(tmp_path: Path) -> None:
    """Streamlit puts the script's own folder on the path, and imports the module as "server"."""
    code = f"""
import sys
sys.path[:] = [{str(SERVER.parent)!r}, *(each for each in sys.path if each != {str(APP)!r})]
sys.meta_path[:] = [each for each in sys.meta_path if "editable" not in str(each)]
import server
print(type(server.app).__name__, server.personachat.__file__, {str(SERVER.parent)!r} in sys.path)
"""
    done = subprocess.run(
        [*PYTHON, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == f"App {APP / 'personachat' / '__init__.py'} False\n", done.stderr


def test_a_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnavailable, match=rf"^Port {port} of 127\.0\.0\.1 can't be used: .*\.$"):
            serve(host="127.0.0.1", port=port, headless=True)
    with pytest.raises(AddressUnavailable):
        serve(host="no-such-host.invalid", port=8501, headless=True)


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "personachat.cli", "--host", "0.0.0.0", "--headless", "--port"),
        ("-m", "uvicorn", "personachat.server:app", "--host", "0.0.0.0", "--port"),
        # with the address of a browser, Streamlit doesn't look for its own on the internet
        ("-m", "streamlit", "run", str(SERVER), *NAMED, "--server.headless", "true", "--server.port"),
    ],
    ids=["serve", "uvicorn", "streamlit"],
)
def test_a_server_for_others_wants_to_be_asked_for(
    command: tuple[str, ...], environment: dict[str, str], tmp_path: Path
) -> None:
    if command[1] == "personachat.cli":
        command = ("-c", "from personachat.cli import main; main()", *command[2:])
    result = subprocess.run(
        [*PYTHON, *command, str(free_port())],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == (2 if "main()" in command[1] else 1)
    assert "PERSONACHAT_PUBLIC=yes" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_login_or_the_operators_word_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for host in ("127.0.0.1", "localhost", "::1"):
        refuse_unasked(host, load_settings())
    for host in ("0.0.0.0", "::", "", "192.0.2.1", "box.lan"):
        with pytest.raises(SettingsInvalid):
            refuse_unasked(host, load_settings())
        refuse_unasked(host, load_settings(public=True))
    secrets = tmp_path / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text('[auth]\ncookie_secret = "x"\n', "utf-8")
    refuse_unasked("0.0.0.0", load_settings())


def test_an_invalid_setting_stops_the_start_with_a_sentence(
    environment: dict[str, str], tmp_path: Path
) -> None:
    result = subprocess.run(
        [*PYTHON, "-m", "uvicorn", "personachat.server:app", "--port", str(free_port())],
        env=environment | {"PERSONACHAT_MAX_CONCURRENT_REPLIES": "many"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode != 0
    assert "PERSONACHAT_MAX_CONCURRENT_REPLIES" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_page_that_fails_shows_a_sentence_and_no_traceback() -> None:
    def page() -> None:
        from personachat.errors import StoreUnavailable
        from personachat.server import _show_script_error

        _show_script_error(RuntimeError("inner secret"))
        _show_script_error(StoreUnavailable("The disk is full.", hint="Make room."))

    page_run = AppTest.from_function(page, default_timeout=SECONDS).run()
    first, second = (shown.value for shown in page_run.error)
    assert "went wrong" in first
    assert "inner secret" not in first
    assert second == "The disk is full. Make room."


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_server_may_hold_many_connections() -> None:
    check = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2048));"
        "from personachat.server import allow_many_connections; allow_many_connections();"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([*PYTHON, "-c", check], capture_output=True, text=True, check=True, timeout=SECONDS)
    assert done.stdout.strip() == "(2048, 2048)"
