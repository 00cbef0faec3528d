"""What a browser paints of a page before Streamlit's scripts have loaded: its frame, in the right theme.

Streamlit serves one empty document for every page. Here it gets a style sheet and a script
(first_paint.html), and a frame that looks as the page will: the sidebar with the product's name, the head,
the message box. The frame lies behind Streamlit's page, takes no clicks, says nothing to a screen reader
and goes once a page is drawn. The colours are those of the theme in .streamlit/config.toml; which of the
two, the last choice on any page says, else the browser; Streamlit, which would keep one for each address,
is given the same. A document that does not look as expected is served as it is.

The pages' own style sheet (ui/page_behaviour/assets/page.css) comes with it, so that nothing is drawn without
it and moves or vanishes a moment later. It stands in the body: there it comes after all that Streamlit adds
to the head. A browser may keep the document, as long as all of it is still the same.
"""

from __future__ import annotations

import gzip
import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from personachat.settings import APP, PACKAGE

MOST_BYTES = 200_000
"""A document that is longer is not Streamlit's."""

HEAD, ROOT = b"</head>", b'<div id="root"></div>'
FRAME = (
    b'<div id="first-paint" aria-hidden="true"><aside>PersonaChat</aside><main><i></i><i></i></main></div>'
)

STYLE = Path(__file__).with_name("first_paint.html")
PAGE_STYLE = PACKAGE / "ui" / "page_behaviour" / "assets" / "page.css"

CONDITIONS = (b"if-none-match", b"if-modified-since")
"""Streamlit would compare them with its own document, which an update of PersonaChat does not change."""


class FirstPaint:
    """The ASGI middleware; only Streamlit's own document is touched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        await self._app(_whole(scope), receive, _Rewriting(Headers(scope=scope), send))


@dataclass(frozen=True, slots=True)
class Painted:
    """A document with the frame in it, as it is and compressed, and the tag that tells it from any other."""

    body: bytes
    compressed: bytes
    tag: str


class _Rewriting:
    """Holds a document back until it is whole, and lets everything else pass."""

    def __init__(self, request_headers: Headers, send: Send) -> None:
        self._request_headers = request_headers
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_document(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            await self._take(message)

    async def _take(self, message: Message) -> None:
        assert self._start is not None
        self._body += message.get("body", b"")
        ended = not message.get("more_body", False)
        if not ended and len(self._body) <= MOST_BYTES:
            return
        start, self._start = self._start, None
        painted = _painted(self._body) if ended else None
        body = self._chosen_body(start, painted) if painted else self._body
        await self._send(start)
        await self._send({**message, "body": body})

    def _chosen_body(self, start: Message, painted: Painted) -> bytes:
        """The body that the browser gets, with the headers that say which it is."""
        headers = MutableHeaders(scope=start)
        del headers["last-modified"]
        headers["etag"] = painted.tag
        headers.add_vary_header("Accept-Encoding")
        if painted.tag in self._request_headers.get("if-none-match", ""):
            start["status"] = 304
            for name in ("content-length", "content-type"):
                del headers[name]
            return b""
        body = painted.body
        if "gzip" in self._request_headers.get("accept-encoding", ""):
            body = painted.compressed
            headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(body))
        return body


@lru_cache(maxsize=4)
def _painted(document: bytes) -> Painted | None:
    """Streamlit's document with the frame in it; None for any other."""
    if document.count(HEAD) != 1 or document.count(ROOT) != 1:
        return None
    style, frame = _parts()
    body = document.replace(HEAD, style + HEAD).replace(ROOT, frame + ROOT)
    tag = hashlib.sha256(body).hexdigest()[:32]
    return Painted(body, gzip.compress(body, mtime=0), f'W/"{tag}"')


def _whole(scope: Scope) -> Scope:
    """The request, where it opens a page, as of a browser that has none yet and takes nothing compressed."""
    if "text/html" not in Headers(scope=scope).get("accept", ""):
        return scope
    left_out = (b"accept-encoding", *CONDITIONS)
    headers = [(name, value) for name, value in scope["headers"] if name.lower() not in left_out]
    return {**scope, "headers": headers}


def _is_document(start: Message) -> bool:
    headers = {name.lower(): value for name, value in start["headers"]}
    return (
        start["status"] == 200
        and headers.get(b"content-type", b"").startswith(b"text/html")
        and b"content-encoding" not in headers
    )


@cache
def _parts() -> tuple[bytes, bytes]:
    theme = tomllib.loads((APP / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
    style = STYLE.read_text(encoding="utf-8").replace("/* themes */", "\n".join(_themes(theme)))
    return style.encode(), b'<style id="page-style">\n' + PAGE_STYLE.read_bytes() + b"</style>\n" + FRAME


def _themes(theme: Mapping[str, Any]) -> Iterable[str]:
    light, dark = (_colours(theme[name]) for name in ("light", "dark"))
    yield f":root {{ {light} }}"
    yield f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    yield f':root[data-first-theme="light"] {{ {light} color-scheme: light; }}'
    yield f':root[data-first-theme="dark"] {{ {dark} color-scheme: dark; }}'


def _colours(theme: Mapping[str, Any]) -> str:
    colours = {
        "ground": theme["backgroundColor"],
        "side": theme["sidebar"]["backgroundColor"],
        "field": theme["secondaryBackgroundColor"],
        "line": theme["borderColor"],
        "text": theme["textColor"],
    }
    return " ".join(f"--first-{name}: {colour};" for name, colour in colours.items())
