"""The real product in a real browser: its server in a process of its own, chromium driven by Playwright.

A module gets a server with personas and data of its own and a provider that does as it is told; a test gets a
browser that knows nothing of the test before. Only loopback is used.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from tests.e2e.fork_server import ForkServer, Process
from tests.e2e.patience import come_to_rest, patient_actions, true_within, watch
from tests.e2e.profile import Profile, usual_port
from tests.fake_provider import FakeProvider
from tests.migrated import put_database_in
from tests.network_guard import guarded

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
PATIENCE_MILLISECONDS = 60_000
"""How long a busy machine may take to show what a test waits for."""

LIST_STAYS_OPEN = "try { localStorage.setItem('personachat-list', 'open') } catch {}"
"""The list of personas is there, as for somebody who has chosen so, where it would make room for others."""

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright's loop stays in this thread, where no other may then run.

    Of their files the longest is begun first, so that no worker is alone with a long one in the end.
    """
    files = {item.path for item in items if "e2e" in item.path.parts}
    longest_first = {path: rank for rank, path in enumerate(sorted(files, key=_length), start=1)}
    items.sort(key=lambda item: longest_first.get(item.path, 0))


def _length(path: Path) -> tuple[int, str]:
    return -path.stat().st_size, path.name


def wait_until(page: Page, expression: str, *, arg: object = None) -> None:
    """Wait for JavaScript to be true of the page, which forbids what Playwright's own waiting does (eval)."""
    seconds = PATIENCE_MILLISECONDS / 1000
    assert true_within(page, expression, seconds=seconds, given=arg), f"still not true: {expression}"


def wait_for(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for a file, or for what the page's layout comes to, while the page goes on."""
    deadline = time.monotonic() + PATIENCE_MILLISECONDS / 1000
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        page.evaluate("() => new Promise(requestAnimationFrame)")


def came_to_rest_at(page: Page) -> float:
    """Where the chat stands once the wheel's movement is over, in pixels from its top."""
    frames = "async () => { const at = stMain.scrollTop; for (let n = 0; n < 10; n++)"
    still = frames + " await new Promise(requestAnimationFrame); return stMain.scrollTop === at }"
    wait_until(page, still)
    return float(page.evaluate("stMain.scrollTop"))


def settled(page: Page) -> None:
    """Wait until no script of the page runs or was asked for, which would draw anew what comes next."""
    expect(page.get_by_test_id("stApp")).to_be_attached()
    assert come_to_rest(page, seconds=PATIENCE_MILLISECONDS / 1000), "the page's script does not end"


def type_while_runs_begin(page: Page, field: Locator, words: str) -> None:
    """Type letter by letter into a field that searches as one types, each as soon as a run was asked for."""
    field.focus()
    for letter in words:
        before = page.evaluate("window.runsAskedFor()")
        page.keyboard.press(letter)
        wait_until(page, "before => window.runsAskedFor() > before", arg=before)
    settled(page)
    expect(field).to_have_value(words)
    expect(field).to_be_focused()


def open_json(page: Page) -> None:
    """Have the JSON of the persona that is open, in its editor."""
    page.get_by_role("tab", name="JSON").click()
    expect(page.locator("iframe[title$='ace']").first).to_be_visible()


def expect_json(page: Page, words: str) -> None:
    """Wait for these words in the JSON, however the editor breaks its lines."""
    editor = "document.querySelector('iframe[title$=ace]')?.contentDocument?.querySelector('.ace_editor')"
    wait_until(page, f"words => Boolean({editor}?.env?.editor.getValue().includes(words))", arg=words)


def drawn(place: Page | Locator) -> Locator:
    """What the page's last run drew: while it runs, what the run before drew is still there, marked stale."""
    return place.locator('[data-stale="false"]')


@dataclass(frozen=True)
class AppServer:
    """A running PersonaChat. `provider` answers its chats; None where it was started without one."""

    url: str
    personas_dir: Path
    log: Path
    process: Process
    provider: FakeProvider | None = None

    def kill(self) -> None:
        """End it as a power cut would: it has no time to say or save anything."""
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def app_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """PersonaChat with a copy of the shipped personas and a fake OpenAI-compatible provider."""
    with (
        FakeProvider() as provider,
        start_app(tmp_path_factory.mktemp("app"), provider=provider) as server,
    ):
        yield server


def chromium_path() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Profile]:
    """Chromium; where there is none the test is skipped, but on CI it fails."""
    path = chromium_path()
    if path is None:
        reason = "no chromium is installed, so nothing can be seen in a real browser"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright, patient_actions(timeout_milliseconds=PATIENCE_MILLISECONDS):
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("chromium"),
            executable_path=path,
            args=CHROMIUM_FLAGS,
            viewport={"width": 1280, "height": 900},
        )
        watch(context, timeout_milliseconds=PATIENCE_MILLISECONDS)
        yield Profile(context)
        context.close()


@pytest.fixture(scope="session")
def browser(profile: Profile) -> Browser:
    return profile.browser


@pytest.fixture
def context(profile: Profile) -> Iterator[BrowserContext]:
    """Empty tabs come of it, 1280 x 900, of somebody who was never here."""
    with profile.used() as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """An empty tab that does nothing which the page's own policy forbids."""
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        said.append(message.text)

    context.on("console", note)
    page = context.new_page()
    page.add_init_script(LIST_STAYS_OPEN)
    yield page
    page.close()
    context.remove_listener("console", note)
    assert [words for words in said if "Content Security Policy" in words] == []


@contextmanager
def start_app(
    folder: Path,
    *,
    provider: FakeProvider | None = None,
    environment: Mapping[str, str] | None = None,
    port: int | None = None,
) -> Iterator[AppServer]:
    """Run PersonaChat until the block ends, by default on a free port; `environment` adds to its settings.

    In a folder where it has run before it finds what it had there.
    """
    personas, log = folder / "personas", folder / "server.log"
    shutil.copytree(ROOT / "personas", personas, dirs_exist_ok=True)
    put_database_in(folder / "data")
    with ExitStack() as stack:
        port = port or stack.enter_context(usual_port())
        process = _started(_command(port), _environment(personas, provider) | dict(environment or {}), log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_healthy(url, process, log)
            yield AppServer(url, personas, log, process, provider)
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def start_page(script: str, folder: Path, *, environment: Mapping[str, str]) -> Iterator[str]:
    """Serve a single page, by Streamlit alone, until the block ends; gives its URL."""
    log = folder / "page.log"
    surroundings = _environment(folder / "personas", None) | guarded(ROOT) | dict(environment)
    with usual_port() as port:
        process = _started(_command(port, script=script), surroundings, log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_healthy(url, process, log)
            yield url
        finally:
            process.kill()
            process.wait()


@cache
def _fork_server() -> ForkServer:
    """That of this process; it ends with it."""
    server = ForkServer(ROOT)
    atexit.register(server.close)
    return server


def _started(arguments: list[str], environment: Mapping[str, str], log: Path) -> Process:
    home = environment.get("HOME")  # Streamlit asks for it as it is imported
    if hasattr(os, "pidfd_open") and home == os.environ.get("HOME"):
        return _fork_server().start(arguments, folder=ROOT, environment=environment, log=log)
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output
        )


def _command(port: int, *, script: str = "personachat/server.py") -> list[str]:
    return [
        *("streamlit", "run", script),
        *("--server.headless", "true"),
        *("--server.address", "127.0.0.1"),
        *("--server.port", str(port)),
        *("--server.fileWatcherType", "none"),
        *("--browser.gatherUsageStats", "false"),
    ]


def _environment(personas: Path, provider: FakeProvider | None) -> dict[str, str]:
    ours = ("PERSONACHAT_", "OPENAI_", "STREAMLIT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    kept.pop("DATABASE_URL", None)
    kept |= {
        "PERSONACHAT_PERSONAS_DIR": str(personas),
        "PERSONACHAT_DATA_DIR": str(personas.with_name("data")),
        "PERSONACHAT_SHUTDOWN_SECONDS": "0",  # a test may leave replies running
        "STREAMLIT_SERVER_COOKIE_SECRET": secrets.token_hex(),  # made at import, so forks had the same
    }
    if provider is not None:
        kept |= {"OPENAI_BASE_URL": provider.base_url, "OPENAI_API_KEY": "key-of-the-tests"}
    return kept


def _wait_until_healthy(url: str, process: Process, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail(f"PersonaChat did not start:\n{log.read_text(errors='replace')[-4000:]}")
