"""Browser tests act as a person does: they look first, and click once the page has come to rest.

A click into what a running script is about to draw anew may be lost, on a busy machine above all. So every
action on a locator waits until Streamlit's script has answered all that was sent to it, or a reply streams,
or five seconds have passed, since some tests act in the middle of a run that does not end by itself. What is
read of a locator is read until it is the same twice. While a page is drawn anew, what was there and what
replaces it stand side by side for a moment: a locator that finds both is asked again, as long as any other
expectation waits.
"""

from __future__ import annotations

import functools
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page
from playwright.sync_api._generated import LocatorAssertions

ACTIONS = ("click", "fill", "focus", "press", "hover", "clear", "type", "set_input_files")
READINGS = ("all_inner_texts", "bounding_box", "count", "evaluate_all", "inner_text")
OF_ONE_ELEMENT = (
    "evaluate",
    "get_attribute",
    "input_value",
    "is_visible",
    "screenshot",
    "text_content",
    "wait_for",
)
EXPECTATIONS = [name for name in vars(LocatorAssertions) if name.startswith(("to_", "not_to_"))]
MOST_SECONDS = 5.0

SLOWNESS = float(os.environ.get("BROWSER_SLOWNESS", "1"))
"""Run the pages as on a processor that many times slower, to find tests that lean on a fast machine."""

# Counts what Streamlit's page asks its server for: a run that was asked for is over once a run that began
# after that has ended. The messages are protobuf: of the outermost fields only the number is read, which is
# 11 for BackMsg.rerun_script, 4 for ForwardMsg.new_session, 6 for ForwardMsg.script_finished (whose value 2
# says that the run was given up for another).
WATCH = """(() => {
  if (window.top !== window) return
  const runs = { asked: false, begun: false, count: 0 }
  const fields = bytes => {
    const found = new Map()
    let at = 0
    const varint = () => {
      let value = 0
      for (let factor = 1; ; factor *= 128) {
        const byte = bytes[at++]
        value += (byte & 127) * factor
        if (byte < 128) return value
      }
    }
    while (at < bytes.length) {
      const tag = varint()
      const kind = tag & 7
      if (kind === 0) found.set(tag >> 3, varint())
      else if (kind === 2) {
        const length = varint()
        found.set(tag >> 3, length)
        at += length
      } else at += kind === 1 ? 8 : 4
    }
    return found
  }
  const Plain = window.WebSocket
  window.WebSocket = class extends Plain {
    constructor(...how) {
      super(...how)
      this.addEventListener("close", () => (runs.asked = runs.begun = false))
      this.addEventListener("message", event => {
        if (!(event.data instanceof ArrayBuffer)) return
        const said = fields(new Uint8Array(event.data))
        if (said.has(4)) runs.begun = true
        if (said.has(6) && said.get(6) !== 2 && runs.begun) runs.asked = runs.begun = false
      })
    }
    send(data) {
      if (data instanceof Uint8Array && fields(data).has(11)) {
        runs.asked = true
        runs.count += 1
        runs.begun = false
      }
      super.send(data)
    }
  }
  window.runIsAsked = () => runs.asked
  window.runsAskedFor = () => runs.count
})()"""

_RESTS = """() => {
  const app = document.querySelector('[data-testid="stApp"]')
  if (!app) return true
  return app.dataset.testScriptState === "notRunning" && !window.runIsAsked?.()
}"""
_STREAMS = """() => Boolean(document.querySelector(
  `[class*="st-key-pause_"] button, .st-key-try_out_stop button:not([disabled]),
   .st-key-stop_draft button, .st-key-stop_bulk button`
))"""
_NEXT_FRAME = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

# The page itself looks again and again: to be asked from here each time costs three processes more than that.
_COME_TO_REST = f"""async ([seconds, orStreams]) => {{
  const rests = {_RESTS}, streams = {_STREAMS}, nextFrame = {_NEXT_FRAME}
  const end = performance.now() + seconds * 1000
  for (;;) {{
    if (rests()) {{
      await nextFrame()
      if (rests()) return true
    }} else if (orStreams && streams()) return true
    if (performance.now() > end) return false
    await new Promise(done => setTimeout(done, 20))
  }}
}}"""
_TRUE_WITHIN = """async ([seconds, given]) => {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const said = (EXPRESSION)
    if (await (typeof said === "function" ? said(given) : said)) return true
    if (performance.now() > end) return false
    await new Promise(requestAnimationFrame)
  }
}"""
_GONE = re.compile(r"context was destroyed|Cannot find context|navigat", re.IGNORECASE)
"""What Playwright says of a document that has made way for another."""


def come_to_rest(page: Page, *, seconds: float, or_streams: bool = False) -> bool:
    """Wait until nothing runs for the page and nothing was asked for; whether that came within the time."""
    return _asked_of_the_page(page, _COME_TO_REST, seconds=seconds, argument=or_streams)


def true_within(page: Page, expression: str, *, seconds: float, given: object = None) -> bool:
    """Wait until JavaScript, or a function of what is given, is true; whether that came within the time."""
    asked = _TRUE_WITHIN.replace("EXPRESSION", expression)
    return _asked_of_the_page(page, asked, seconds=seconds, argument=given)


def _asked_of_the_page(page: Page, function: str, *, seconds: float, argument: object) -> bool:
    """What a function of the seconds that are left and an argument gives; asked anew in a new document."""
    deadline = time.monotonic() + seconds
    while True:
        left = max(0.0, deadline - time.monotonic())
        try:
            return bool(page.evaluate(function, [left, argument]))
        except Error as fault:
            if not left or not _GONE.search(fault.message):
                raise


@contextmanager
def patient_actions(*, timeout_milliseconds: int) -> Iterator[None]:
    """Have every action of a locator wait first, in every context that a browser opens."""
    with pytest.MonkeyPatch.context() as patch:
        single = functools.partial(asked_until_single, seconds=timeout_milliseconds / 1000)
        for name in ACTIONS:
            patch.setattr(Locator, name, single(_patient(getattr(Locator, name))))
        for name in READINGS:
            patch.setattr(Locator, name, single(_steady(_patient(getattr(Locator, name)))))
        for name in OF_ONE_ELEMENT:
            patch.setattr(Locator, name, single(getattr(Locator, name)))
        for name in EXPECTATIONS:
            patch.setattr(LocatorAssertions, name, single(getattr(LocatorAssertions, name)))
        patch.setattr(Browser, "new_context", _watching(Browser.new_context, timeout_milliseconds))
        if SLOWNESS > 1:
            patch.setattr(BrowserContext, "new_page", _slowed(BrowserContext.new_page))
        yield


def _patient(action: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(action)
    def act(locator: Locator, *args: Any, **options: Any) -> Any:
        with suppress(Error):  # the page is on its way to another: the action itself waits for that
            come_to_rest(locator.page, seconds=MOST_SECONDS, or_streams=True)
        return action(locator, *args, **options)

    return act


def asked_until_single(ask: Callable[..., Any], *, seconds: float) -> Callable[..., Any]:
    """Ask again while the locator finds several elements where it should find one: one is about to go."""

    @functools.wraps(ask)
    def asked(subject: Locator | LocatorAssertions, *args: Any, **options: Any) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            try:
                return ask(subject, *args, **options)
            except (AssertionError, Error) as fault:
                if "strict mode violation" not in str(fault) or time.monotonic() > deadline:
                    raise
                _pause(subject)

    return asked


def _pause(subject: Locator | LocatorAssertions) -> None:
    """Let the page draw; an expectation has no page to wait for by its frames."""
    if isinstance(subject, Locator):
        subject.page.wait_for_timeout(50)
    else:
        time.sleep(0.05)


def _steady(reading: Callable[..., Any]) -> Callable[..., Any]:
    """Read until the page says the same thing twice: what moves has not come to its place."""

    @functools.wraps(reading)
    def read(locator: Locator, *args: Any, **options: Any) -> Any:
        deadline = time.monotonic() + MOST_SECONDS
        last = reading(locator, *args, **options)
        while time.monotonic() < deadline:
            locator.page.evaluate(_NEXT_FRAME)
            last, before = reading(locator, *args, **options), last
            if last == before:
                break
        return last

    return read


def _watching(
    new_context: Callable[..., BrowserContext], timeout_milliseconds: int
) -> Callable[..., BrowserContext]:
    @functools.wraps(new_context)
    def new(browser: Browser, **options: Any) -> BrowserContext:
        context = new_context(browser, **options)
        watch(context, timeout_milliseconds=timeout_milliseconds)
        return context

    return new


def watch(context: BrowserContext, *, timeout_milliseconds: int) -> None:
    """Have the pages of a context count their runs, and its actions wait so long at most."""
    context.set_default_timeout(timeout_milliseconds)
    context.add_init_script(WATCH)


def _slowed(new_page: Callable[..., Page]) -> Callable[..., Page]:
    @functools.wraps(new_page)
    def new(context: BrowserContext) -> Page:
        page = new_page(context)
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWNESS})
        return page

    return new
