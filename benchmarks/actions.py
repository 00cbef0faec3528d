"""How long opening, switching, copying and beginning a chat take, as a browser shows them.

Run `uv run python -m benchmarks.actions [--repetitions 15]`; it prints a Markdown table of medians and 95th
percentiles in milliseconds, each from the click to the first frame that shows what it led to. It needs
chromium and Playwright. The server is one's own, with two chats of 100 turns and twenty short ones.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Page, async_playwright

from benchmarks.measures import ReplyIncomplete
from benchmarks.pages_client import PageSession
from benchmarks.speech import Order
from benchmarks.subjects import personachat, provider

REPETITIONS = 15
EXCHANGES, SHORT_CHATS, TOKENS = 50, 20, 60
PATIENCE_MS = 20_000

FLAGS = ["--no-sandbox", "--headless", "--disable-gpu"]

CLICKED_UNTIL = """
([where, shown]) => new Promise((resolve, reject) => {
  const states = {
    opened: () => [...document.querySelectorAll('#stMain [data-testid="stChatMessage"]')].some(
      bubble => bubble.textContent.includes(shown)),
    empty: () => !document.querySelector('#stMain [data-testid="stChatMessage"]'),
    copied: () => [...document.querySelectorAll("#stMain *")].some(
      each => each.shadowRoot?.textContent.includes("Copied")),
  }
  const done = states[shown] ?? states.opened
  const element = [...document.querySelectorAll(where)].at(-1)
  if (!element) return reject(new Error(`nothing at ${where}`))
  const begin = performance.now()
  element.click()
  const look = () => {
    if (done()) resolve(performance.now() - begin)
    else if (performance.now() - begin > 20000) reject(new Error(`${where} led to nothing`))
    else requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
})
"""

IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation, by words that its title and its last turn have, and no other."""

    title: str
    last_words: str


Action = Callable[[], Awaitable[float]]
"""Does something in the browser; gives the milliseconds it took to be seen."""


class Tab:
    """One page of the product, and what is measured on it."""

    def __init__(self, page: Page, *, first: Chat, second: Chat, short: Chat) -> None:
        self._page = page
        self._first, self._second, self._short = first, second, short

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
        took = await self._click('[class*="st-key-content_copy_"] button', "copied")
        await self._open(self._first)
        return took

    async def begin(self) -> float:
        await self._open(self._first)
        return await self._click(".st-key-new_chat button", "empty")

    async def _open(self, chat: Chat) -> float:
        return await self._click(f'[class*="st-key-open_"] button:has-text("{chat.title}")', chat.last_words)

    async def _click(self, where: str, shown: str) -> float:
        button = self._page.locator(where).last
        await button.wait_for(timeout=PATIENCE_MS)
        await self._settle()
        await button.evaluate("button => button.setAttribute('data-measured', '')")
        try:
            took: float = await self._page.evaluate(CLICKED_UNTIL, ["[data-measured]", shown])
        finally:
            marked = "document.querySelectorAll('[data-measured]')"
            await self._page.evaluate(f"{marked}.forEach(each => each.removeAttribute('data-measured'))")
        await self._settle()
        return took

    async def _settle(self) -> None:
        await self._page.locator(IDLE).wait_for(state="attached", timeout=PATIENCE_MS)
        await asyncio.sleep(0.1)  # the browser's own work behind it


async def talk(url: str, exchanges: int) -> Chat:
    """Have a chat of so many exchanges."""
    session = await PageSession.open(url)
    first = last = Order.new(TOKENS)
    for number in range(exchanges):
        last = Order.new(TOKENS)
        first = first if number else last
        with suppress(ReplyIncomplete):  # the page was drawn for another chat's sake, and goes on
            (await session.ask(last))()
    await session.close()
    return Chat(first.number, last.number)


async def measure(url: str, repetitions: int) -> dict[str, list[float]]:
    for _ in range(SHORT_CHATS):
        short = await talk(url, 1)
    first, second = await talk(url, EXCHANGES), await talk(url, EXCHANGES)
    took: dict[str, list[float]] = {}
    async with async_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        chromium = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        context = await chromium.new_context(viewport={"width": 1280, "height": 900})
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = await context.new_page()
        await page.goto(url)
        tab = Tab(page, first=first, second=second, short=short)
        actions: dict[str, Action] = {
            "open a chat of 100 turns": tab.open_long,
            "switch between two such chats": tab.switch,
            "open a short chat": tab.open_short,
            "copy a reply": tab.copy,
            "begin a new chat": tab.begin,
        }
        for repetition in range(repetitions + 1):
            for name, action in actions.items():
                milliseconds = await action()
                if repetition:  # the first time everything is new to the browser
                    took.setdefault(name, []).append(milliseconds)
        await chromium.close()
    return took


def table(took: dict[str, list[float]]) -> list[str]:
    lines = ["| Action | median, ms | 95 % within, ms |", "|---|---:|---:|"]
    for name, each in took.items():
        ordered: Any = sorted(each)
        lines.append(f"| {name} | {statistics.median(each):.0f} | {ordered[len(ordered) * 95 // 100]:.0f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.actions", description=__doc__.split("\n", 1)[0]
    )
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, metavar="N")
    options = parser.parse_args()
    with provider() as fake, personachat(fake.url) as server:
        print("\n".join(table(asyncio.run(measure(server.url, options.repetitions)))))


if __name__ == "__main__":
    main()
