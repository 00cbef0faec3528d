"""This server's address as the browser reached it, and the addresses of its pages and its API."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

_served: set[str] = set()


def announce_api() -> None:
    """This process serves the API besides the pages; `streamlit run Home.py` alone doesn't."""
    _served.add("api")


def api_is_served() -> bool:
    return bool(_served)


def page(name: str, **query: str | Sequence[str]) -> str:
    """The whole address of a page; "" is the chat."""
    here = urlsplit(st.context.url or "")
    return urlunsplit((here.scheme, here.netloc, f"{_folder()}/{name}", urlencode(query, doseq=True), ""))


def api() -> str | None:
    """The address of the API, without a slash at its end; None if none is served."""
    here = urlsplit(st.context.url or "")
    return urlunsplit((here.scheme, here.netloc, f"{_folder()}/api", "", "")) if _served else None


def _folder() -> str:
    return urlsplit(st.context.url or "").path.rsplit("/", 1)[0]
