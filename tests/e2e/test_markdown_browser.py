"""A reply's Markdown in a real browser: nothing is fetched, nothing of what is said is lost or changed."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import AppServer, start_page, wait_for, wait_until
from tests.e2e.test_chat_browser import box, bubbles, open_chat, provider, say
from tests.fake_provider import Gate, tokens
from tests.nasty_markdown import ELSEWHERE, texts, words_of

pytestmark = pytest.mark.browser

GENERATED = 150

DISAGREEMENTS = (
    "a stray ` and {}",
    "a stray $ and {}",
    "a stray `` ` and {}",
    "    ```\n{}\n    ```",
    "\t```\n{}",
    "a\n    ```\n    {}\n    ```",
    "```a`b\n{}\n```",
    "~~~\n```\n~~~\n{}",
    "\\( {}",
    "\\[ {}",
    "\\[\n{}",
    "$$ {}",
    "$$\n\n{}",
    "a[^1]\n\n[^1]: {}",
    "> ```\n{}",
    "- ```\n{}",
    "- a\n\n      ```\n  {}\n",
    "<div>\n```\na\n\n{}\n```",
    "<!--\n```\n-->\n{}",
    "<pre>\n\n{}\n\n</pre>",
    "| a |\n|---|\n| {} |",
    "# {}",
    "[{}](http://127.0.0.1:9/)",
    "*{}*",
    "\\{}",
    "\\\\{}",
    "&#10;&#10;{}",
    "a\r```\r{}",
    "a\f\n```\n{}\n```\n{}",
    "\u2028```\n{}",
    "\ufeff```\n{}\n\ufeff```\n{}",
    ":::a\n```\n:::\n{}",
    ":red[`]{}`",
    '```mermaid\nflowchart TD\nA@{{ img: "' + ELSEWHERE + '/m", label: "w100" }}\n{}\n```',
    "~~~MERMAID\nflowchart TD\nstyle A fill:url(" + ELSEWHERE + "/m)\n{}\n~~~",
    "$\\includegraphics{{" + ELSEWHERE + "/k}}$ {}",
)
"""Where CommonMark, Streamlit and simpler readers differ about what is code, a formula or a picture."""

PICTURES = (
    f"![w101]({ELSEWHERE}/p)",
    f"![w101][r]\n\n[r]: {ELSEWHERE}/r",
    f"<img src={ELSEWHERE}/h alt=w101>",
)

AS_WRITTEN = (
    "Set config:list[0] now, a[:n[0]] too.",
    "The answer:yes[1] comes from Source:wiki[2].",
    "Clojure {:keys[a b]} and :user[admin].",
    "Use :key{a=b} here.",
    "a -> b, x >= y, x <= y, a -- b, <-> c ~= d <- e",
    "->",
    "A :red[warning], :red-background[x], :small[y], :shimmer[z] and :orange-badge[w] in it.",
    "Is :material/home: or :streamlit: or :smile: or :+1: there, at 12:30:45[x]?",
    "::before",
    ":::note",
    "~~gone~~ and ~5 to ~10, H~2~O",
    "[ ] open and [x] done, as [^1] says",
    "one < two > three & four",
    "snake_case_name, 2 * 3 * 4, $5 or $6, C:\\dir and #1",
    "www.a.example/x_y, a_b@c.example and http://a.example/x_y_z?a=b&c=d",
    "<b>bold</b> <!-- not --> </p>",
)


@dataclass(frozen=True)
class Elsewhere:
    """Another host, and what it was asked for."""

    url: str
    asked: list[str]


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith("/frame?"):
                asked.append(self.path)
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<iframe src="{self.path.partition("?")[2]}"></iframe>'.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Elsewhere(f"http://127.0.0.1:{server.server_port}", asked)
        server.shutdown()


READ = """count => [...Array(count).keys()].map(number => {
  const place = document.querySelector(`.st-key-text_${number}`)
  return {
    shown: place?.innerText.trim() ?? "", all: place?.textContent ?? "",
    links: [...(place?.querySelectorAll("a") ?? [])].map(link => link.getAttribute("href")),
    drawn: place?.querySelectorAll("img, video, audio, iframe, object, embed, svg image, input, "
      + "[data-testid^=stMermaid], [class*=stMarkdownColored], [class*=stMarkdownBadge]").length ?? 0,
  }
})"""


@dataclass(frozen=True)
class Drawn:
    """What a page without any policy shows of a text: words, where links lead, how much is no text."""

    text: str
    growing: bool
    shown: str
    all: str
    links: list[str]
    drawn: int


HEARD = "/heard"

SOURCES = [
    *(shape.format(*[picture] * 2) for shape in DISAGREEMENTS for picture in PICTURES),
    *texts(GENERATED, seed=12),
]
WANTED = [
    *((text, False) for text in SOURCES),
    *((text[: 1 + len(text) * 7 // 11], True) for text in SOURCES),
    *((text, growing) for text in AS_WRITTEN for growing in (False, True)),
]


@pytest.fixture(scope="module")
def drawn(browser: Browser, elsewhere: Elsewhere, tmp_path_factory: pytest.TempPathFactory) -> list[Drawn]:
    folder = tmp_path_factory.mktemp("texts")
    real = [(text.replace(ELSEWHERE, elsewhere.url), growing) for text, growing in WANTED]
    file = folder / "texts.json"
    file.write_text(json.dumps(real), "utf-8")
    page = browser.new_page()
    with start_page(
        "tests/e2e/markdown_page.py",
        folder,
        environment={"TEXTS": str(file), "HEARD": f"{elsewhere.url}{HEARD}"},
    ) as url:
        with page.expect_request(f"{elsewhere.url}{HEARD}"):
            page.goto(url)
        expect(page.get_by_text("All drawn.")).to_be_visible(timeout=60_000)
        page.wait_for_load_state("networkidle")
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
        found = page.evaluate(READ, len(real))
        page.close()
    assert elsewhere.asked.pop(0) == HEARD
    return [Drawn(*text, **one) for text, one in zip(real, found, strict=True)]


def test_no_text_makes_the_browser_ask_another_host(drawn: list[Drawn], elsewhere: Elsewhere) -> None:
    assert elsewhere.asked == []
    for one in drawn:
        assert one.drawn == 0, one
        assert all(re.match(r"https?://|mailto:|#", link) for link in one.links), one


def test_no_word_is_lost(drawn: list[Drawn]) -> None:
    for one in drawn:
        if not one.growing:
            assert [word for word in words_of(one.text) if word not in one.all] == [], one


def test_what_is_no_markdown_is_shown_as_it_was_written(drawn: list[Drawn]) -> None:
    for one in drawn[-2 * len(AS_WRITTEN) :]:
        assert one.shown == one.text


def test_a_picture_that_streams_in_slowly_is_asked_for_by_nobody(
    app_server: AppServer, page: Page, elsewhere: Elsewhere
) -> None:
    gate = Gate()
    reply = f"So ` it ![is]({elsewhere.url}/x?q=secret) and\n\n    ```\n![so]({elsewhere.url}/y)\n\nthe end."
    provider(app_server, tokens([*reply, gate]))
    open_chat(page, app_server)
    say(page, "Show me")
    expect(bubbles(page).last).to_contain_text("the end.")
    gate.open()
    expect(bubbles(page).last.get_by_text(re.compile(r"\d+ tokens"))).to_be_visible()
    page.reload()
    expect(bubbles(page).last.get_by_role("link", name="is", exact=True)).to_have_attribute(
        "href", f"{elsewhere.url}/x?q=secret"
    )
    expect(bubbles(page).last.locator("img[src*='/x'], img[src*='/y']")).to_have_count(0)
    assert elsewhere.asked == []


CURSORS = """bubble => [...bubble.querySelectorAll("*")]
    .filter(each => getComputedStyle(each, "::after").content.startsWith('"|"'))
    .map(each => each.tagName)"""


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("Some w101", "P"),
        ("| a | b |\n|---|---|\n| c | w101", "TD"),
        ("- one\n- w101", "LI"),
        ("```python\nx = [w101", "CODE"),
        ("> w101", "P"),
        ("so [w101", "P"),
    ],
)
def test_the_cursor_stands_behind_the_last_word_and_is_no_part_of_the_text(
    app_server: AppServer, page: Page, text: str, behind: str
) -> None:
    gate = Gate()
    provider(app_server, tokens([text, gate, " more"]))
    open_chat(page, app_server)
    say(page, "Write")
    last = bubbles(page).last
    expect(last).to_contain_text("w101")
    wait_until(page, f"bubble => ({CURSORS})(bubble).length", arg=last.element_handle())
    wait_for(page, lambda: last.evaluate(CURSORS) == [behind])
    assert not re.search(r"shimmer|\||\]", last.inner_text())
    gate.open()
    expect(last.get_by_text(re.compile(r"\d+ tokens"))).to_be_visible()
    wait_for(page, lambda: last.evaluate(CURSORS) == [])


def test_the_policy_alone_keeps_a_picture_from_being_fetched(
    app_server: AppServer, browser: Browser, elsewhere: Elsewhere
) -> None:
    page = browser.new_page()
    page.goto(app_server.url)
    expect(box(page)).to_be_enabled()
    refused = page.evaluate(
        """address => new Promise(done => {
            addEventListener("securitypolicyviolation", event => done(event.effectiveDirective))
            document.body.append(Object.assign(new Image(), { src: address }))
        })""",
        f"{elsewhere.url}/picture",
    )
    page.close()
    assert refused == "img-src"
    assert elsewhere.asked == []


def test_another_site_cannot_frame_the_pages(
    app_server: AppServer, browser: Browser, elsewhere: Elsewhere
) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{elsewhere.url}/frame?{app_server.url}")
    page.wait_for_load_state("networkidle")
    wait_for(page, lambda: any("frame-ancestors" in words for words in said))
    page.close()
