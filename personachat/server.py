"""One port for everything: the pages at /, the REST API at /api, /v1 for OpenAI's clients, MCP at /mcp.

`streamlit run personachat/server.py`, `uvicorn personachat.server:app` and `serve` all serve the same `app`.
It loads what the first reply needs before it accepts requests, and what pages need while it answers the first
ones. On shutdown, replies end before the server stops.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import pkgutil
import signal
import socket
import sys
import threading
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

if not __package__:  # `streamlit run personachat/server.py` puts this folder on the path, not the checkout
    sys.path.remove(str(Path(__file__).parent))
    sys.path.insert(0, str(Path(__file__).parents[1]))

import click
import streamlit as st
from starlette.middleware import Middleware
from streamlit import config
from streamlit.cli_util import open_browser
from uvicorn import Config

import personachat.ui
from personachat.access import place_of
from personachat.api.app import ApiFirst, create_api
from personachat.api.mcp.http import McpApp
from personachat.api.metrics import Metrics
from personachat.api.v1.app import create_v1
from personachat.errors import AddressUnavailable, LoginNeeded, PersonaChatError, SettingsInvalid
from personachat.front import server_logs, slow_requests
from personachat.front.base_path import BasePath
from personachat.front.first_paint import FirstPaint
from personachat.front.guard import Guard
from personachat.front.page_headers import PageHeaders
from personachat.front.trusted_user import TrustedUser, write_down_peers
from personachat.front.uploads import UploadLimits
from personachat.services import built_services, get_services, reset_services
from personachat.services.opening import refuse_unasked, say, what_is_missing, who_can_do_what
from personachat.services.shutdown import drained_at
from personachat.settings import APP, load_settings
from personachat.telemetry import logs, unknown_settings
from personachat.ui import (
    address,
    browser_messages,
    front_door,
    login,
    script_messages,
    script_runs,
    streamlit_logs,
    warmup,
)
from personachat.ui.wording import error_text

log = logging.getLogger(__name__)

HOME = APP / "Home.py"

MOST_FILES = 65_536

WARM_UP_SECONDS = 0.6
"""How many seconds the start waits for what the first reply needs. On a slow machine, the reply waits."""


def _allowed_hosts() -> Collection[str]:
    """Host names allowed besides localhost: those in our settings and in Streamlit's own option."""
    return (*get_services().settings.allowed_hosts, *(st.get_option("server.allowedHosts") or ()))


def _meet(server: Config) -> None:
    """Prepare a server that is about to start."""
    slow_requests.limit(server, most_message_bytes=st.get_option("server.maxWidgetStateSize") * 1_000_000)
    write_down_peers(server)


api = create_api()
v1 = create_v1()
mcp = McpApp()
metrics = Metrics()


@asynccontextmanager
async def lifespan(served: st.App) -> AsyncGenerator[dict[str, Any]]:
    """Warm up, run the API's own lifespan, announce, and end every reply at the end."""
    logs.configure(load_settings(), always=True)
    address.announce_api()
    _allow_own_names()
    ready = threading.Event()
    warmup.do_first(partial(_warm_up, ready))
    warmup.begin()
    await asyncio.to_thread(ready.wait, WARM_UP_SECONDS)
    async with api.router.lifespan_context(api), mcp.lifespan():
        with drained_at(signal.SIGINT, signal.SIGTERM, services=built_services, let_go=mcp.end):
            announce = served.state.pop("announce", None)
            if announce is None:
                say(f"PersonaChat: {who_can_do_what(asked_host, load_settings())}")
            else:
                announce()
            say(*unknown_settings.sentences())
            try:
                yield {}
            finally:
                await asyncio.to_thread(reset_services)


def _allow_own_names() -> None:
    """Add our own names to Streamlit's list of hosts, which would otherwise refuse localhost."""
    hosts = st.get_option("server.allowedHosts")
    if hosts:
        names = (place_of(name) for name in load_settings().allowed_hosts)
        ours = [place.name for place in names if place]
        config.set_option("server.allowedHosts", [*hosts, "localhost", "127.0.0.1", "::1", *ours])


def _warm_up(ready: threading.Event) -> None:
    """Build the services and load what their first use, and the pages', would wait for."""
    try:
        get_services().warm_up()
    finally:
        ready.set()
        say(*what_is_missing(get_services()))
    bare = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    level = bare.level
    bare.setLevel(logging.ERROR)  # a component declared outside a page is not an error
    try:
        for module in pkgutil.iter_modules(personachat.ui.__path__, f"{personachat.ui.__name__}."):
            importlib.import_module(module.name)
    finally:
        bare.setLevel(level)


def _show_script_error(error: Exception) -> bool:
    """A page failed: log why, and show a sentence instead of a traceback."""
    if isinstance(error, LoginNeeded):  # a login ended between one click and the next
        login.draw(error)
        return True
    log.error("A page failed", exc_info=error)
    if isinstance(error, PersonaChatError):
        st.error(error_text(error), icon=":material/error:")
    else:
        st.error(
            "Something went wrong on this page. Reload it. The server's log has the details.",
            icon=":material/error:",
        )
    return True


def _asked_to_listen_at() -> str | None:
    """The address that the command loading this module listens on; None if unknown.

    `uvicorn` and `streamlit run` load the app while they still process their own command line.
    """
    context = click.get_current_context(silent=True)
    if context is None or context.params.get("uds") or context.params.get("fd") is not None:
        return None
    if "host" in context.params:
        return str(context.params["host"])
    return (st.get_option("server.address") or "") if "server_address" in context.params else None


def _take_over_base_path() -> None:
    """If only Streamlit's own option is set, use it as ours: Streamlit applies it to pages only."""
    theirs = os.environ.pop("STREAMLIT_SERVER_BASE_URL_PATH", "")
    context = click.get_current_context(silent=True)
    if context and "server_baseUrlPath" in context.params:  # `streamlit run` has read its options by now
        theirs = st.get_option("server.baseUrlPath") or theirs
        config.set_option("server.baseUrlPath", "")
    if theirs and not load_settings().base_path:
        os.environ["PERSONACHAT_BASE_PATH"] = theirs


try:
    _take_over_base_path()
    settings = load_settings()
    api.state.base_path = settings.base_path
    asked_host = _asked_to_listen_at()
    if asked_host is not None:
        refuse_unasked(asked_host, settings)
except SettingsInvalid as invalid:
    sys.exit(f"personachat: {invalid} {invalid.hint}".rstrip())

if settings.log_format == "json":
    server_logs.leave_to_root()
streamlit_logs.follow(settings)
front_door.close_side_door()
script_messages.send_together()
script_runs.let_callbacks_finish()
browser_messages.take_only_what_pages_ask()
app = st.App(
    HOME,
    lifespan=lifespan,
    middleware=[
        Middleware(BasePath, base_path=settings.base_path),
        Middleware(
            TrustedUser,
            settings=lambda: get_services().settings,
            streamlit_headers=lambda: st.get_option("server.trustedUserHeaders") or {},
        ),
        Middleware(ApiFirst, api=api, v1=v1, mcp=mcp, metrics=metrics),
        Middleware(PageHeaders, frame_ancestors=settings.frame_ancestors),
        Middleware(Guard, allowed_hosts=_allowed_hosts, started=_meet),
        Middleware(UploadLimits),
        Middleware(FirstPaint),
    ],
    on_script_error=_show_script_error,
)


def serve(*, host: str, port: int, headless: bool) -> None:
    """Serve until stopped, and open a browser unless headless. Raises AddressUnavailable, SettingsInvalid."""
    _refuse_unavailable(host, port)
    refuse_unasked(host, load_settings())
    allow_many_connections()
    shown_host = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104  # names are compared, nothing is bound
    url = f"http://{shown_host}:{port}{settings.base_path}"
    shown_url = f"{url}/" if settings.base_path else url

    def announce() -> None:
        say(
            f"PersonaChat is at {shown_url}, its API at {url}/api/docs. Press Ctrl-C to stop.",
            who_can_do_what(host, load_settings()),
        )
        if not st.get_option("server.headless"):
            threading.Thread(target=open_browser, args=(shown_url,), daemon=True).start()

    app.state["announce"] = announce
    sys.argv = [str(HOME)]  # Streamlit looks for .streamlit/config.toml beside it
    config = {
        "server.address": host,
        "server.port": port,
        "server.baseUrlPath": "",
        **({"server.headless": True} if headless else {}),  # otherwise Streamlit looks for a screen
        "logger.hideWelcomeMessage": True,  # or it asks the internet for our address
    }
    try:
        app.run(config=config)
    finally:
        # `uv run` passes on a Ctrl-C that the terminal has already sent: the second must not break the exit.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def allow_many_connections() -> None:
    """Raise the limit on open files: a streamed reply needs two, and the default is often 1,024."""
    with suppress(
        ImportError, ValueError, OSError
    ):  # Windows has no such limit, and on some systems it can't be changed
        import resource  # noqa: PLC0415  # there is none on Windows

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most_files = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
        if soft != resource.RLIM_INFINITY and soft < most_files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, hard))


def _refuse_unavailable(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as attempt:
        if sys.platform != "win32":
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((host, port))
        except OSError as error:
            raise AddressUnavailable(
                f"Port {port} of {host} can't be used: {(error.strerror or 'no such address').lower()}.",
                hint="Choose another port with --port or another address with --host.",
            ) from None
