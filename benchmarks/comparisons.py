"""What a comparison of four variants costs the server's processor, beside four chats that say the same.

Run `uv run python -m benchmarks.comparisons [--repetitions 3] [--tokens 500] [--rate 50]`; it prints a
Markdown table of CPU seconds: four chats and one comparison over HTTP, and in a browser four tabs and one
page (`--no-browser` leaves these out). The repetitions take turns. A comparison may cost 1.2 times the chats.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Awaitable, Callable
from shutil import which
from urllib.parse import quote

import httpx2
from playwright.async_api import BrowserContext, async_playwright

from benchmarks.http_client import PERSONA
from benchmarks.processes import Server
from benchmarks.speech import Order
from benchmarks.subjects import personachat, provider

VARIANTS = 4
ALLOWED = 1.2
FLAGS = ["--no-sandbox", "--disable-gpu"]
PATIENCE_MS = 120_000
IDLE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
BOX = '[data-testid="stChatInputTextArea"]'

Work = Callable[[Order], Awaitable[None]]


async def chats_over_http(server: Server, order: Order) -> None:
    body = {"message": order.prompt, "personaId": PERSONA}
    async with httpx2.AsyncClient(base_url=f"{server.url}/api", timeout=None) as client:
        await asyncio.gather(*(_read(client, "/chat", body) for _ in range(VARIANTS)))


async def comparison_over_http(server: Server, order: Order) -> None:
    body = {"message": order.prompt, "variants": [{"personaId": PERSONA, "samples": VARIANTS}]}
    async with httpx2.AsyncClient(base_url=f"{server.url}/api", timeout=None) as client:
        await _read(client, "/comparisons", body)


async def _read(client: httpx2.AsyncClient, path: str, body: object) -> None:
    async with client.stream("POST", path, json=body) as response:
        response.raise_for_status()
        async for _ in response.aiter_raw():
            pass


async def chats_in_tabs(server: Server, context: BrowserContext, order: Order) -> None:
    async def talk() -> None:
        page = await context.new_page()
        await page.goto(server.url)
        box = page.locator(BOX)
        await page.locator(IDLE).wait_for(timeout=PATIENCE_MS)
        await box.fill(order.prompt)
        await box.press("Enter")
        await page.get_by_text(order.reply[0]).wait_for(timeout=PATIENCE_MS)
        await page.locator(IDLE).wait_for(timeout=PATIENCE_MS)
        await page.close()

    await asyncio.gather(*(talk() for _ in range(VARIANTS)))


async def comparison_on_a_page(server: Server, context: BrowserContext, order: Order) -> None:
    page = await context.new_page()
    variants = "&".join(f"variant={PERSONA}" for _ in range(VARIANTS))
    await page.goto(f"{server.url}/compare?{variants}&message={quote(order.prompt)}")
    await page.locator(IDLE).wait_for(timeout=PATIENCE_MS)
    await page.get_by_role("button", name="Compare", exact=True).click()
    await page.get_by_role("button", name="A is best", exact=True).wait_for(timeout=PATIENCE_MS)
    await page.close()


async def measure(*, repetitions: int, tokens: int, rate: float, in_browser: bool) -> dict[str, list[float]]:
    """CPU seconds of every repetition, by what was done; the first of each warms up and is left out."""
    found: dict[str, list[float]] = {}
    with provider() as answering, personachat(answering.url) as server:
        async with async_playwright() as playwright:
            work: dict[str, Work] = {
                "four chats, HTTP": lambda order: chats_over_http(server, order),
                "a comparison, HTTP": lambda order: comparison_over_http(server, order),
            }
            if in_browser:
                executable = which("chromium") or which("chromium-browser") or which("google-chrome")
                browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
                context = await browser.new_context(viewport={"width": 1280, "height": 900})
                work |= {
                    "four chats, pages": lambda order: chats_in_tabs(server, context, order),
                    "a comparison, page": lambda order: comparison_on_a_page(server, context, order),
                }
            for repetition in range(repetitions + 1):
                for name, do in work.items():
                    print(f"{name}, {repetition} of {repetitions}", file=sys.stderr, flush=True)
                    before = server.cpu_seconds() or 0.0
                    await do(Order.new(tokens if repetition else 20, rate))
                    if repetition:
                        found.setdefault(name, []).append((server.cpu_seconds() or 0.0) - before)
    return found


def table(found: dict[str, list[float]]) -> list[str]:
    """Medians, and how many times the chats a comparison costs."""
    lines = ["| | CPU seconds | all of them | times the chats |", "|---|---:|---|---:|"]
    chats = 0.0
    for name, seconds in found.items():
        median = statistics.median(seconds)
        times = "" if name.startswith("four") or not chats else f"{median / chats:.2f}"
        chats = median if name.startswith("four") else chats
        lines.append(f"| {name} | {median:.2f} | {', '.join(f'{each:.2f}' for each in seconds)} | {times} |")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.comparisons", description=__doc__.split("\n", 1)[0]
    )
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50, help="tokens a second")
    parser.add_argument("--no-browser", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(
        measure(
            repetitions=options.repetitions,
            tokens=options.tokens,
            rate=options.rate,
            in_browser=not options.no_browser,
        )
    )
    print("\n".join(table(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
