"""Streamlit's log lines in the format of the server's own.

Streamlit gives every logger a handler of its own at first use and detaches it from the root. The function
that does so is the only place to install another handler.
"""

from __future__ import annotations

import logging

import streamlit.logger

from personachat.settings import Settings
from personachat.telemetry import logs

_stock_set_up = streamlit.logger.setup_formatter


def follow(settings: Settings) -> None:
    """Write Streamlit's log lines as the settings say.

    Without a setting the format stays, but text from visitors can't start a new line.
    """
    handler = logs.configure(settings)
    if handler is None:
        streamlit.logger.setup_formatter = _set_up_as_it_is
        for each in tuple(streamlit.logger._loggers.values()):  # noqa: SLF001  # there is no other list of them
            _keep_on_line(each)
        return

    def set_up(logger: logging.Logger) -> None:
        if logger.name == "uvicorn.access":
            return  # Streamlit turns it off, and we leave it so
        stock = getattr(logger, "streamlit_console_handler", None)
        if stock is not None:
            logger.removeHandler(stock)
        logger.streamlit_console_handler = handler  # type: ignore[attr-defined]  # as Streamlit does
        if handler not in logger.handlers and not logger.propagate:
            logger.addHandler(handler)

    streamlit.logger.setup_formatter = set_up
    streamlit.logger.update_formatter()


class _StockLines(logging.Formatter):
    """Streamlit's format, in which no message starts a line or reaches the terminal as a command."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        return logs.on_one_line(super().formatMessage(record))


def _set_up_as_it_is(logger: logging.Logger) -> None:
    _stock_set_up(logger)
    _keep_on_line(logger)


def _keep_on_line(logger: logging.Logger) -> None:
    handler: logging.Handler | None = getattr(logger, "streamlit_console_handler", None)
    if handler is None:
        return
    stock = handler.formatter
    lines = _StockLines(stock._fmt if stock else None)  # noqa: SLF001  # a formatter says it nowhere else
    lines.default_msec_format = "%s.%03d"
    handler.setFormatter(lines)
