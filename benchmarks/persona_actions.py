"""How long what one does on the Personas page takes, as a browser shows it.

Run `uv run python -m benchmarks.persona_actions [--personas 300] [--repetitions 15]`; it prints a Markdown
table of medians and 95th percentiles in milliseconds, each from the key or the click to the first frame that
shows what it led to. It needs chromium and Playwright. The server is one's own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import urllib.request
from collections.abc import Awaitable, Callable
from itertools import count

from playwright.async_api import Page, async_playwright

from benchmarks.actions import FLAGS, IDLE, PATIENCE_MS, REPETITIONS, table
from benchmarks.subjects import personachat, provider

PERSONAS = 300
OPENING_MS = 60_000
"""For the first page of a browser and a server that have just begun; it is not measured."""

PROMPT = "You answer in short sentences, and say what you do not know. " * 20

LIST_STAYS_OPEN = "try { localStorage.setItem('personachat-list', 'open') } catch {}"
"""The list is there, as for somebody who has chosen so, where it would make room for Try out."""

# Begins to count at the next key or click, and stops at the first frame in which the expression is true.
WATCH = """
shown => { window.measured = new Promise((resolve, reject) => {
  const start = event => {
    if (event.type === "keydown" && event.key === "Control") return
    for (const kind of ["keydown", "click"]) removeEventListener(kind, start, true)
    const begin = performance.now()
    const look = () => {
      const heading = document.querySelector('#stMain h3')?.textContent ?? ""
      const rows = [...document.querySelectorAll('.st-key-persona_rows button')].map(each => each.textContent)
      const done = {
        heading: () => heading.includes(shown.words),
        list: () => rows.length === shown.count && rows[0].includes(shown.words),
        panel: () => document.querySelector("#stMain")?.textContent.includes(shown.words),
      }[shown.kind]
      if (done()) resolve(performance.now() - begin)
      else if (performance.now() - begin > 20000) reject(new Error(`never shown: ${JSON.stringify(shown)}`))
      else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
  }
  for (const kind of ["keydown", "click"]) addEventListener(kind, start, true)
}) ; window.measured.catch(() => {}) }
"""

Do = Callable[[], Awaitable[object]]


class Desk:
    """The Personas page in one tab, and what is measured on it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._numbers = count(1)

    async def open_page(self) -> float:
        """From the chat page by its link, to the heading of the persona that is open."""
        sidebar = self._page.get_by_test_id("stSidebarNav")
        await sidebar.get_by_role("link", name="Chat").click()
        await self._page.get_by_test_id("stChatInput").wait_for()
        link = sidebar.get_by_role("link", name="Personas")
        return await self._measured(link.click, kind="heading", words="Persona")

    async def search(self) -> float:
        """From the last key of an id to the list that has it alone."""
        field = self._page.get_by_label("Search personas")
        name = f"Persona {next(self._numbers) % 100:04}"
        await field.fill(name[:-1])
        await self._settle()
        await field.press("End")
        last = name[-1]
        took = await self._measured(lambda: field.press(last), kind="list", words=name, count=1)
        await field.fill("")
        await self._settle()
        return took

    async def select(self) -> float:
        """From a click on a row to its heading."""
        row = self._page.locator(".st-key-persona_rows button").nth(next(self._numbers) % 20 + 5)
        words = (await row.locator("strong").first.inner_text()).strip()
        return await self._measured(row.click, kind="heading", words=words)

    async def open_history(self) -> float:
        """From a click on the tab to the revision in it."""
        await self._page.get_by_role("tab").first.click()
        await self._settle()
        tab = self._page.get_by_role("tab", name="History")
        took = await self._measured(tab.click, kind="panel", words="Revision 1")
        await self._page.get_by_role("tab").first.click()
        return took

    async def _measured(self, do: Do, **shown: object) -> float:
        await self._settle()
        await self._page.evaluate(WATCH, shown)
        await do()
        took: float = await self._page.evaluate("() => window.measured")
        return took

    async def _settle(self) -> None:
        await self._page.locator(IDLE).wait_for(state="attached", timeout=PATIENCE_MS)
        await asyncio.sleep(0.1)  # the browser's own work behind it


def put_personas(url: str, number: int) -> None:
    for each in range(number):
        persona = {"id": f"p{each:04}", "name": f"Persona {each:04}", "systemPrompt": PROMPT}
        request = urllib.request.Request(  # our own server
            f"{url}/api/personas",
            data=json.dumps(persona).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        urllib.request.urlopen(request).close()


async def measure(url: str, repetitions: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {}
    async with async_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        chromium = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = await chromium.new_page(viewport={"width": 1280, "height": 900})
        await page.add_init_script(LIST_STAYS_OPEN)
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(f"{url}/personas?id=p0001", timeout=OPENING_MS)
        await page.get_by_label("Search personas").wait_for(timeout=OPENING_MS)
        desk = Desk(page)
        actions = {
            "page to heading": desk.open_page,
            "search to list": desk.search,
            "row to heading": desk.select,
            "open the history": desk.open_history,
        }
        for repetition in range(repetitions + 1):
            for name, action in actions.items():
                milliseconds = await action()
                if repetition:  # the first time everything is new to the browser
                    took.setdefault(name, []).append(milliseconds)
        await chromium.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.persona_actions", description=__doc__.split("\n", 1)[0]
    )
    parser.add_argument("--personas", type=int, default=PERSONAS, metavar="N")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, metavar="N")
    options = parser.parse_args()
    with provider() as fake, personachat(fake.url) as server:
        put_personas(server.url, options.personas)
        print("\n".join(table(asyncio.run(measure(server.url, options.repetitions)))))


if __name__ == "__main__":
    main()
