"""How long what people do most takes, as a browser shows it: from the key or click to the frame that has it.

Run `uv run python -m benchmarks.actions [--repetitions 15] [--seconds 300]`; it prints a Markdown table of
medians and 95th percentiles in milliseconds. It needs chromium and Playwright. The server is one's own, with
two chats of 100 turns and twenty short ones. After so many seconds it ends with what was measured until then.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from shutil import which
from typing import Any

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, async_playwright

from benchmarks.http_client import PERSONA
from benchmarks.measures import percentile
from benchmarks.subjects import personachat, provider

REPETITIONS = 15
MOST_SECONDS = 300
EXCHANGES, SHORT_CHATS = 50, 20
PATIENCE_MS = 20_000

FLAGS = ["--no-sandbox", "--disable-gpu"]

WATCH = """
([begins, state, words]) => {
  const main = () => document.getElementById("stMain")
  const says = () => [...main().querySelectorAll('[data-testid="stChatMessage"]')].some(
    bubble => bubble.textContent.includes(words))
  const done = {
    says,
    gone: () => !says(),
    copied: () => [...main().querySelectorAll("*")].some(
      each => each.shadowRoot?.textContent.includes("Copied")),
    unsaved: () => "unsent" in document.documentElement.dataset || main().textContent.includes("Unsaved"),
    listed: () => !main().textContent.includes(words),
  }[state]
  let began = 0
  addEventListener(begins, event => (began ||= event.timeStamp), { capture: true, once: true })
  window.took = new Promise((resolve, reject) => {
    const asked = performance.now()
    const look = () => {
      if (began && done()) resolve(performance.now() - began)
      else if (performance.now() - asked > 20000) reject(new Error(`${state} ${words} never came`))
      else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  })
}
"""

SAVED = "html:not([data-unsent]) #stMain .st-key-standing_saved"
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation, by its id and by words that only its last turn has."""

    id: str
    last_words: str


class Tab:
    """One page of the product, and what is measured on it: each gives the milliseconds it took to be seen."""

    def __init__(self, page: Page, url: str, *, first: Chat, second: Chat, short: Chat) -> None:
        self._page = page
        self._url = url
        self._first, self._second, self._short = first, second, short

    def actions(self) -> dict[str, Callable[[], Awaitable[float]]]:
        """By the names they have in the table."""
        return {
            "open a chat of 100 turns": self.open_long,
            "switch between two such chats": self.switch,
            "open a short chat": self.open_short,
            "copy a reply": self.copy,
            "begin a new chat": self.begin,
            "type into a persona until it is called unsaved": self.type_into_a_persona,
            "search until the list is there": self.search,
        }

    async def open_long(self) -> float:
        await self._open(self._short)
        return await self._open(self._first)

    async def switch(self) -> float:
        await self._open(self._first)
        return await self._open(self._second)

    async def open_short(self) -> float:
        await self._open(self._first)
        return await self._open(self._short)

    async def copy(self) -> float:
        await self._open(self._short)
        async with self._watched("click", "copied", "") as took:
            await self._click('#stMain [class*="st-key-content_copy_"] button')
        await self._open(self._first)  # what says "Copied" goes with the page it is on
        return took[0]

    async def begin(self) -> float:
        await self._open(self._first)
        async with self._watched("click", "gone", self._first.last_words) as took:
            await self._click(".st-key-new_chat button")
        return took[0]

    async def type_into_a_persona(self) -> float:
        await self._page.goto(f"{self._url}/personas?id={PERSONA}")
        await self._page.get_by_role("tab", name="Prompt").click(timeout=PATIENCE_MS)
        field = self._page.get_by_role("textbox", name="System prompt")
        await field.wait_for(timeout=PATIENCE_MS)
        await self._settle()
        await field.focus()
        async with self._watched("keydown", "unsaved", "") as took:
            await self._page.keyboard.type("a")
        await self._page.keyboard.press("Backspace")
        await self._page.locator(SAVED).wait_for(timeout=PATIENCE_MS)
        await self._settle()
        await self._page.goto(self._url)
        return took[0]

    async def search(self) -> float:
        """From the last letter until what does not match is gone."""
        await self._page.goto(f"{self._url}/history")
        box = self._page.locator('#stMain input[type="search"]')
        await box.wait_for(timeout=PATIENCE_MS)
        await self._settle()
        await box.focus()
        async with self._watched("keydown", "listed", title_of(self._second)) as took:
            await self._page.keyboard.insert_text(title_of(self._first)[:-1])
            await self._page.keyboard.type(title_of(self._first)[-1])
        await self._page.goto(self._url)
        return took[0]

    async def _open(self, chat: Chat) -> float:
        async with self._watched("click", "says", chat.last_words) as took:
            await self._click(
                f'[data-testid="stSidebar"] .st-key-open_{chat.id} [data-testid^="stBaseButton"]'
            )
        return took[0]

    async def _click(self, where: str) -> None:
        # Of a button with a tooltip Streamlit draws two, one for small screens. Not by the mouse, which
        # would rest there: the tooltip would lie over the next button.
        button = self._page.locator(where).locator("visible=true").last
        await button.evaluate("button => button.click()", timeout=PATIENCE_MS)

    @asynccontextmanager
    async def _watched(self, begins: str, state: str, words: str) -> AsyncIterator[list[float]]:
        """After the block, how long it took from the event that `begins` it to the state of the page."""
        await self._settle()
        await self._page.evaluate(WATCH, [begins, state, words])
        took: list[float] = []
        yield took
        took.append(await self._page.evaluate("window.took"))
        await self._settle()

    async def _settle(self) -> None:
        await self._page.locator(IDLE).wait_for(state="attached", timeout=PATIENCE_MS)
        await asyncio.sleep(0.1)  # the browser's own work behind it


def title_of(chat: Chat) -> str:
    return _title(chat.last_words)


def _title(last_words: str) -> str:
    return f"Talk{last_words}"


def chats() -> tuple[list[dict[str, Any]], list[str]]:
    """Documents of chats, newest first, and the last words of each."""
    moment = datetime.now(UTC)
    made, words = [], []
    for number in range(SHORT_CHATS + 2):
        exchanges = EXCHANGES if number < 2 else 1
        words.append(f"end{number:02}of{number * 7919:06}")
        at = (moment - timedelta(minutes=number)).isoformat()
        turns = [
            _turn(index, words=words[-1], last=2 * exchanges - 1, at=at) for index in range(2 * exchanges)
        ]
        head = {"title": _title(words[-1]), "createdAt": at, "updatedAt": at, "leafId": turns[-1]["id"]}
        made.append(head | {"turns": turns})
    return made, words


def _turn(index: int, *, words: str, last: int, at: str) -> dict[str, Any]:
    said = f"Turn {index} has **some** words to read. " * 8 + (words if index == last else "")
    speaker = {"personaId": PERSONA, "personaName": "Bench", "createdAt": at}
    turn = {"id": f"{words}-{index}", "parentId": f"{words}-{index - 1}" if index else None, **speaker}
    if index % 2 == 0:
        return turn | {"role": "user", "content": said}
    return turn | {"role": "assistant", "content": said, "reply": {"state": "finished", "model": "bench"}}


def imported(url: str) -> list[Chat]:
    """The chats, put into the server at `url` as from a file."""
    documents, words = chats()
    body = {"format": "personachat.conversations", "version": 1, "conversations": documents}
    request = urllib.request.Request(
        f"{url}/api/conversations/import",
        json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        ids = json.load(answer)["ids"]
    return [Chat(*each) for each in zip(ids, words, strict=True)]


async def measure(url: str, *, repetitions: int, seconds: float) -> dict[str, list[float]]:
    """Milliseconds by action, of as many repetitions as there was time for."""
    first, second, short, *_ = imported(url)
    took: dict[str, list[float]] = {}
    async with async_playwright() as playwright:
        path = which("chromium") or which("chromium-browser") or which("google-chrome")
        chromium = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        context = await chromium.new_context(viewport={"width": 1280, "height": 900})
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = await context.new_page()
        await page.goto(url)
        actions = Tab(page, url, first=first, second=second, short=short).actions()
        try:
            async with asyncio.timeout(seconds):
                for repetition in range(repetitions + 1):
                    for name in tuple(actions):
                        try:
                            milliseconds = await actions[name]()
                        except PlaywrightError as error:  # one's failure is not the others'
                            print(f"{name} failed: {error}", file=sys.stderr)
                            del actions[name]
                            await page.goto(url)
                            continue
                        if repetition:  # the first time everything is new to the browser
                            took.setdefault(name, []).append(milliseconds)
        except TimeoutError:
            print(f"Ended after {seconds:.0f} s.", file=sys.stderr)
        await chromium.close()
    return took


def table(took: dict[str, list[float]]) -> list[str]:
    lines = ["| Action | times | median, ms | 95 % within, ms |", "|---|---:|---:|---:|"]
    for name, each in took.items():
        within = percentile(each, 0.95)
        lines.append(f"| {name} | {len(each)} | {statistics.median(each):.0f} | {within:.0f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.actions", description=__doc__.split("\n", 1)[0]
    )
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, metavar="N")
    parser.add_argument(
        "--seconds", type=float, default=MOST_SECONDS, metavar="N", help="the most it may take"
    )
    options = parser.parse_args()
    with provider() as fake, personachat(fake.url) as server:
        took = asyncio.run(measure(server.url, repetitions=options.repetitions, seconds=options.seconds))
    print("\n".join(table(took)))


if __name__ == "__main__":
    main()
