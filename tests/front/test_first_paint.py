"""The first thing that a browser paints is the frame of the page, in the right theme."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
import streamlit
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from personachat.front import first_paint
from personachat.front.first_paint import MOST_BYTES, FirstPaint
from personachat.settings import APP, PACKAGE

INDEX = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()


def test_streamlits_own_document_gets_the_frame_in_both_themes() -> None:
    page = TestClient(FirstPaint(HTMLResponse(INDEX))).get("/", headers={"Accept-Encoding": "identity"})
    assert page.text.count('id="first-paint"') == 1
    assert page.text.index('id="first-paint-style"') < page.text.index("</head>")
    assert page.text.index('id="first-paint"') < page.text.index('<div id="root">')
    assert int(page.headers["content-length"]) == len(page.content)
    theme = tomllib.loads((APP / ".streamlit" / "config.toml").read_text())["theme"]
    for name in ("light", "dark"):
        assert f"--first-ground: {theme[name]['backgroundColor']}" in page.text
        assert f"--first-side: {theme[name]['sidebar']['backgroundColor']}" in page.text
    assert "prefers-color-scheme: dark" in page.text
    assert "src=" not in page.text.partition('id="first-paint-style"')[2].partition("</head>")[0]


def test_a_page_whose_document_would_be_compressed_gets_the_frame_as_well() -> None:
    taken = {"Accept-Encoding": "gzip, deflate, br, zstd"}
    client = TestClient(FirstPaint(GZipMiddleware(HTMLResponse(INDEX), minimum_size=500)))
    opened = client.get("/history", headers={**taken, "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert opened.text.count('id="first-paint"') == 1
    loaded = client.get("/static/a.js", headers={**taken, "Accept": "*/*"})
    assert loaded.headers["content-encoding"] == "gzip"


def test_the_pages_style_sheet_comes_with_the_document_after_all_that_streamlit_adds_to_the_head() -> None:
    page = TestClient(FirstPaint(HTMLResponse(INDEX))).get("/").text
    sheet = (PACKAGE / "ui" / "page_behaviour" / "assets" / "page.css").read_text()
    assert page.count(sheet) == 1
    assert page.index("<body>") < page.index(sheet) < page.index('<div id="root">')
    assert "</style" not in sheet
    assert "url(" not in sheet  # an address of its own would begin elsewhere there


def test_a_kept_document_is_used_again_until_anything_in_it_has_changed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text(INDEX)
    opens = {"Accept": "text/html", "Accept-Encoding": "gzip"}
    client = TestClient(FirstPaint(StaticFiles(directory=tmp_path, html=True)))
    first = client.get("/", headers=opens)
    assert first.headers["content-encoding"] == "gzip"
    assert int(first.headers["content-length"]) < len(first.content) / 2
    kept = opens | {"If-None-Match": first.headers["etag"], "If-Modified-Since": formatdate(usegmt=True)}
    again = client.get("/", headers=kept)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]

    monkeypatch.setattr(first_paint, "FRAME", first_paint.FRAME.replace(b"PersonaChat", b"Renamed"))
    first_paint._parts.cache_clear()
    first_paint._painted.cache_clear()
    updated = client.get("/", headers=kept)
    assert updated.status_code == 200
    assert "Renamed" in updated.text
    assert updated.headers["etag"] != first.headers["etag"]


@pytest.fixture(autouse=True)
def prepared_anew() -> Iterator[None]:
    yield
    first_paint._parts.cache_clear()
    first_paint._painted.cache_clear()


def test_a_document_that_comes_in_pieces_is_whole_again() -> None:
    pieces = [INDEX[start : start + 999].encode() for start in range(0, len(INDEX), 999)]
    page = TestClient(FirstPaint(StreamingResponse(iter(pieces), media_type="text/html"))).get("/")
    assert 'id="first-paint"' in page.text
    assert page.text.endswith(INDEX.partition('<div id="root">')[2])


@pytest.mark.parametrize(
    "answer",
    [
        HTMLResponse("<html><head></head><body>Another page</body></html>"),
        HTMLResponse(INDEX, status_code=404),
        HTMLResponse(INDEX + "x" * MOST_BYTES + INDEX),
        JSONResponse({"text": INDEX}),
        HTMLResponse(INDEX, headers={"content-encoding": "identity"}),
        Response(status_code=304),
    ],
)
def test_whatever_else_is_served_stays_as_it_is(answer: Response) -> None:
    seen = TestClient(FirstPaint(answer)).get("/")
    assert seen.content == answer.body
    assert "first-paint" not in seen.text


def test_what_is_too_long_for_a_document_is_passed_on_piece_by_piece() -> None:
    pieces = [b"x" * 90_000] * 4
    page = TestClient(FirstPaint(StreamingResponse(iter(pieces), media_type="text/html"))).get("/")
    assert page.content == b"".join(pieces)
