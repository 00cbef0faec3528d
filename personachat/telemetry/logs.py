"""The server's log: plain lines, or one JSON object a line; with a line for each reply.

Whatever is logged stays on its line: no name, path or message can begin another one. JSON lines say of an
exception its type and the places it came through, and not its message, which may be somebody's words.
Other people's libraries are heard from `warning` on, because at finer levels they log what they send.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from personachat.request_context import current_request
from personachat.settings import Settings
from personachat.usage.model import Call

REPLIES = "personachat.replies.planner"
"""The logger with a line a reply."""

_SERVERS = ("uvicorn", "uvicorn.access", "uvicorn.asgi", "uvicorn.error", "websockets")

_ACCESS_ARGUMENTS = 5

_UNTOLD: Final = frozenset({"owner", "process_id", "migrated"})
"""Columns of the ledger that a line does not have."""

_lock = threading.Lock()
_handler: logging.Handler | None = None


def is_configured(settings: Settings) -> bool:
    """Whether the settings say anything of the log; where not, it stays as it is."""
    return settings.log_format == "json" or settings.log_level is not None


def is_written() -> bool:
    """Whether this process has a log, as every server has."""
    return _handler is not None


def configure(settings: Settings, *, always: bool = False) -> logging.Handler | None:
    """Log as the settings say, once per process; None if they leave it as it is.

    `always` is for servers: where the settings say nothing, warnings have a time and a level. The handler
    that is returned is for loggers that keep away from the root.
    """
    global _handler  # noqa: PLW0603  # one process, one log
    if not always and not is_configured(settings):
        return None
    with _lock:
        if _handler is None:
            _handler = _new_handler(settings)
    return _handler


def _level(settings: Settings) -> str:
    return settings.log_level or ("info" if settings.log_format == "json" else "warning")


def _new_handler(settings: Settings) -> logging.Handler:
    level = logging.getLevelNamesMapping()[_level(settings).upper()]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else PlainLines())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("personachat").setLevel(level)
    if settings.log_format == "json":
        logging.captureWarnings(True)
        for name in _SERVERS:
            server = logging.getLogger(name)
            server.handlers = []
            server.propagate = True
            server.setLevel(max(level, logging.INFO))
    return handler


def announced(settings: Settings, sentence: str) -> bool:
    """Log what is printed otherwise; False if it is to be printed."""
    if settings.log_format != "json":
        return False
    logging.getLogger("personachat.server").info("%s", sentence)
    return True


class ReplyLines:
    """An `Observer`: logs each reply, with the ledger's figures and the request's id."""

    def __init__(self) -> None:
        self._log = logging.getLogger(REPLIES)

    def ended(self, call: Call, row: Mapping[str, Any]) -> None:
        level = logging.WARNING if row["outcome"] in {"failed", "interrupted"} else logging.INFO
        if not self._log.isEnabledFor(level):
            return
        figures = {name: value for name, value in row.items() if name not in _UNTOLD}
        figures["began_at"] = row["began_at"].isoformat(timespec="milliseconds")
        entry = {"request_id": call.request.id or None, **figures}
        self._log.log(level, "A reply is over: %s", row["outcome"], extra={"figures": entry})

    def close(self) -> None:
        """Nothing is open."""


class JsonLines(logging.Formatter):
    """One object a line, in ASCII: no reader takes anything inside of it for the end of the line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if request_id := current_request.get().id:
            line["request_id"] = request_id
        line |= _access(record) or getattr(record, "figures", {})
        if record.exc_info and record.exc_info[1]:
            line |= _places(record.exc_info[1])
        return json.dumps(line, default=str)


class PlainLines(logging.Formatter):
    """The time, the level, who says it, and what; a reply's figures as name=value."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        record.message = " ".join((_message(record), *_pairs(getattr(record, "figures", {}))))
        return on_one_line(super().formatMessage(record))


def _pairs(figures: Mapping[str, Any]) -> list[str]:
    return [f"{name}={json.dumps(value)}" for name, value in figures.items() if value is not None]


def on_one_line(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _message(record: logging.LogRecord) -> str:
    access = _access(record)
    if access:
        return f"{access['method']} {access['path']} {access['status']}"
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # a line that cannot be put together is no reason to lose it
        return str(record.msg)


def _access(record: logging.LogRecord) -> dict[str, Any] | None:
    """What uvicorn logs of a request, without the query: a link's secret may be in it."""
    if record.name != "uvicorn.access" or not isinstance(record.args, tuple):
        return None
    if len(record.args) != _ACCESS_ARGUMENTS:
        return None
    client, method, path, _, status = record.args
    return {"client": client, "method": method, "path": str(path).partition("?")[0], "status": status}


def _places(error: BaseException) -> dict[str, Any]:
    """The error's type, and where it came through; of those that led to it as well."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    places = [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    names = [f"{type(each).__module__}.{type(each).__qualname__}".removeprefix("builtins.") for each in chain]
    return {"error": names[0], "because_of": names[1:], "traceback": places}
