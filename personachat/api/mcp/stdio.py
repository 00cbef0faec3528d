"""`personachat mcp`: MCP on stdin and stdout, for a client that starts the server itself.

Nothing but the protocol is written to stdout; logs go to stderr. It ends when its stdin does.
"""

from __future__ import annotations

import logging
import signal
import sys

import anyio
from mcp.server.stdio import stdio_server

from personachat.api.mcp.server import PersonaServer
from personachat.services import Services, build_services
from personachat.settings import Settings


def run(settings: Settings) -> None:
    """Serve one client until it leaves."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    # A thread that reads stdin can't be interrupted otherwise; nothing is left half done.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    services = build_services(settings)
    try:
        anyio.run(_serve, services)
    finally:
        services.close()


async def _serve(services: Services) -> None:
    server = PersonaServer(lambda: services)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
