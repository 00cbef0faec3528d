"""Servers that start in a moment: forks of a process that has imported what they need, and begun nothing.

To import the product and what it stands on takes a server most of its start. Each fork has an environment,
a folder and a log of its own, and from there on starts as any other.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BufferedRWPair
from pathlib import Path
from typing import Protocol

from streamlit import config

MODULES = (
    *("streamlit.web.cli", "streamlit.web.bootstrap", "streamlit.web.server.starlette"),
    *("altair", "pandas", "openai", "alembic.command", "sqlalchemy.dialects.sqlite", "markdown_it"),
    *("personachat.api.app", "personachat.api.mcp.http", "personachat.api.v1.app"),
    *("personachat.front.guard", "personachat.front.uploads", "personachat.services.shutdown"),
    *("personachat.ui.front_door", "personachat.ui.login", "personachat.ui.warmup"),
)
"""Imported before the first fork. None may read Streamlit's options, which a fork has yet to be given."""


class Process(Protocol):
    """A server's process, as far as tests need one."""

    def kill(self) -> None: ...
    def terminate(self) -> None: ...
    def wait(self, timeout: float | None = None) -> object:
        """Raises subprocess.TimeoutExpired where seconds are given and are over."""


class Fork:
    """A process that another one has begun, found by a descriptor that never means a later one."""

    def __init__(self, pid: int) -> None:
        self._descriptor = os.pidfd_open(pid)

    def __del__(self) -> None:
        os.close(self._descriptor)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> None:
        if not select.select([self._descriptor], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a fork", timeout or 0)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it has ended
            signal.pidfd_send_signal(self._descriptor, number)


class ForkServer:
    """Begins forks until it is closed."""

    def __init__(self, root: Path) -> None:
        self._ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "tests.e2e.fork_server", str(theirs.fileno())]
        self._process = subprocess.Popen(command, cwd=root, pass_fds=[theirs.fileno()])
        theirs.close()
        self._answers = self._ours.makefile("rb")

    def start(
        self, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path
    ) -> Fork:
        """Begin `python -m ARGUMENTS` there, with this environment alone; it writes to the log."""
        asked = [list(arguments), str(folder), dict(environment), str(log)]
        self._ours.sendall(json.dumps(asked).encode() + b"\n")
        return Fork(int(self._answers.readline()))

    def close(self) -> None:
        """Begin no more; those that run go on."""
        self._answers.close()
        self._ours.close()
        self._process.wait()


def main() -> None:
    for name in MODULES:
        importlib.import_module(name)
    if config._config_options is not None:
        sys.exit("The options of Streamlit were read too early.")
    gc.freeze()  # what all of them share stays where it is
    with socket.socket(fileno=int(sys.argv[1])) as connection, connection.makefile("rwb") as asked:
        arguments = _next_fork(asked)
    if arguments:
        sys.argv = arguments
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _next_fork(asked: BufferedRWPair) -> list[str]:
    """Fork as often as asked; gives a fork what it is to run, and this process nothing in the end."""
    for line in asked:
        _bury()
        arguments, folder, environment, log = json.loads(line)
        child = os.fork()
        if not child:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environment)
            with Path(log).open("wb") as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            return list(arguments)
        asked.write(b"%d\n" % child)
        asked.flush()
    _bury()
    return []


def _bury() -> None:
    """Let go of the forks that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    main()
