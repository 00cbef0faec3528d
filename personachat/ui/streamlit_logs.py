"""Streamlit's log lines in the form of the server's own.

Streamlit gives every logger of its own a handler when it is first asked for, and keeps it from the root. The
function that does so is the one place to have another handler there.
"""

from __future__ import annotations

import logging

import streamlit.logger

from personachat.settings import Settings
from personachat.telemetry import logs


def follow(settings: Settings) -> None:
    """Write what Streamlit logs as the settings say; nothing changes where they leave it as it is."""
    handler = logs.configure(settings)
    if handler is None:
        return

    def set_up(logger: logging.Logger) -> None:
        if logger.name == "uvicorn.access":
            return  # Streamlit switches it off, and we leave that to it
        stock = getattr(logger, "streamlit_console_handler", None)
        if stock is not None:
            logger.removeHandler(stock)
        logger.streamlit_console_handler = handler  # type: ignore[attr-defined]  # as Streamlit does
        if handler not in logger.handlers and not logger.propagate:
            logger.addHandler(handler)

    streamlit.logger.setup_formatter = set_up
    streamlit.logger.update_formatter()
