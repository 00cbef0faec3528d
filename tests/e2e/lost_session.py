"""Scenarios on pages whose session is lost on the way: what stands before a scenario's `yield` comes before.

The pages of a round lose their session together: each scenario is prepared before, and goes on after. A round
is small, since every page that is open costs the browser; the server is that of all rounds.
"""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeAlias

from playwright.sync_api import BrowserContext, Error, Locator, Page, expect

from tests.e2e.conftest import AppServer, settled, start_app
from tests.e2e.cut_line import CutLine
from tests.e2e.profile import Profile, usual_port
from tests.fake_provider import FakeProvider

KEEPS_NO_SESSION = {
    "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "0",
    "PERSONACHAT_IDLE_TIMEOUT_SECONDS": "600",
}
ROUND = 3
"""How many scenarios are prepared together."""


@dataclass
class Away:
    """The server as it is now, by the address that the pages use, and whether it will restart."""

    url: str
    restarts: bool
    folder: Path
    provider: FakeProvider
    context: BrowserContext
    pages: list[Page] = field(default_factory=list)

    def open(self, path: str = "/") -> Page:
        page = self.context.new_page()
        page.set_viewport_size({"width": 1400, "height": 1000})
        self.pages.append(page)
        page.goto(f"{self.url}{path}")
        return page

    def api(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def persona(self, persona_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api("GET", f"/api/personas/{persona_id}")
        return found

    def conversations(self, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api(
            "GET", f"/api/conversations?q={urllib.parse.quote(query)}&limit=100"
        )["conversations"]
        return found

    def chat_with(self, words: str) -> Page:
        """A page with a conversation of one exchange."""
        page = self.open()
        say(page, words)
        expect(page.get_by_text(re.compile(r"\d+ tokens")).last).to_be_visible()
        return page


Scenario: TypeAlias = Callable[[Away], Generator[None, None, None]]


def box(page: Page) -> Locator:
    return page.get_by_test_id("stChatInputTextArea")


def button(page: Page | Locator, name: str) -> Locator:
    """Its name, which may follow that of its icon."""
    return page.get_by_role("button", name=re.compile(rf"^(\S+ )?{name}", re.IGNORECASE)).first


def say(page: Page, words: str) -> None:
    expect(box(page)).to_be_enabled()
    box(page).fill(words)
    box(page).press("Enter")


class Rounds:
    """The scenarios, each from where its session was lost; a round's browser knows nothing of others."""

    def __init__(
        self,
        scenarios: Sequence[Scenario],
        profile: Profile,
        folder: Path,
        provider: FakeProvider,
        *,
        restarts: bool,
    ) -> None:
        self._all = scenarios
        self._profile, self._folder, self._provider, self._restarts = profile, folder, provider, restarts
        self._stack = ExitStack()
        self._going: dict[str, Generator[None, None, None]] = {}
        self._page_of: dict[str, Page] = {}

    def __enter__(self) -> Self:
        self._port = self._stack.enter_context(usual_port())
        self._server = self._serve()
        self._line = self._stack.enter_context(
            CutLine(self._port, at=self._stack.enter_context(usual_port()))
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._profile.clear()
        self._stack.close()

    def after(self, name: str) -> Generator[None, None, None]:
        """This scenario after the session was lost, its page in front; its round is prepared if need be."""
        if name not in self._going:
            at = next(at for at, scenario in enumerate(self._all) if scenario.__name__ == name)
            self._lose(self._all[at - at % ROUND :][:ROUND])
        self._page_of[name].bring_to_front()
        return self._going.pop(name)

    def _lose(self, scenarios: Sequence[Scenario]) -> None:
        self._profile.clear()
        url = f"http://127.0.0.1:{self._line.port}"
        away = Away(url, self._restarts, self._folder, self._provider, self._profile.context)
        for scenario in scenarios:
            self._going[scenario.__name__] = _prepared(scenario, away)
            self._page_of[scenario.__name__] = away.pages[-1]
        for page in away.pages:  # a run that is cut off is made up for, and takes a dialog of buttons with it
            page.bring_to_front()  # what is behind draws more slowly
            if not button(page, "Stop").count():
                settled(page)
        self._line.cut()
        _wait_for(away.pages, connected=False)
        if self._restarts:
            self._server.kill()
            self._server = self._serve()
        self._line.mend()
        _wait_for(away.pages, connected=True)

    def _serve(self) -> AppServer:
        started = start_app(
            self._folder, provider=self._provider, environment=KEEPS_NO_SESSION, port=self._port
        )
        return self._stack.enter_context(started)


def _prepared(scenario: Scenario, away: Away) -> Generator[None, None, None]:
    """The scenario up to where the session is lost; a failure until there is that scenario's own."""
    going = scenario(away)
    try:
        next(going)
    except (AssertionError, Error) as error:
        return _failing(error)
    return going


def _failing(error: Exception) -> Generator[None, None, None]:
    raise error
    yield


def _wait_for(pages: list[Page], *, connected: bool) -> None:
    for page in pages:
        app = page.locator("[data-test-connection-state]")
        if connected:
            expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=60_000)
        else:
            expect(app).not_to_have_attribute("data-test-connection-state", "CONNECTED")
