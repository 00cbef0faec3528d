"""The servers that are measured: each started on a free port of loopback, watched, and ended by its id.

CPU and memory are those of the process and all it started, and are read from Linux's /proc and clocks;
elsewhere they are None.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60.0
LOOK_SECONDS = 0.02
SAMPLE_SECONDS = 0.2
OF_OTHERS = ("PERSONACHAT_", "OPENAI_", "STREAMLIT_", "DATABASE_URL")
"""What is set for whoever runs the benchmark says nothing about what is measured."""


class StartFailed(Exception):
    """A server ended, or never answered; the message ends with the end of its log."""


class Server:
    """A started process. `start_seconds` is how long it took until it first answered."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self._process = process
        self.url = url
        self.start_seconds = 0.0

    def cpu_seconds(self) -> float | None:
        """What it and its children have used so far."""
        return self._over_all(_cpu_seconds)

    def memory_mb(self) -> float | None:
        """What of it is in memory now, in 10^6 bytes."""
        return self._over_all(_memory_mb)

    @asynccontextmanager
    async def peak_memory(self) -> AsyncGenerator[Callable[[], float | None]]:
        """What is yielded gives the most memory seen within the block."""
        seen = [self.memory_mb()]

        async def watch() -> None:
            while True:
                await asyncio.sleep(SAMPLE_SECONDS)
                seen.append(self.memory_mb())

        watching = asyncio.create_task(watch())
        try:
            yield lambda: max((found for found in seen if found is not None), default=None)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    def _over_all(self, read: Callable[[int], float]) -> float | None:
        if sys.platform != "linux":
            return None
        total, waiting = 0.0, [self._process.pid]
        while waiting:
            pid = waiting.pop()
            with suppress(OSError):  # it has just ended
                total += read(pid)
                for children in Path(f"/proc/{pid}/task").glob("*/children"):
                    waiting += [int(child) for child in children.read_text().split()]
        return total


@dataclass(frozen=True, slots=True)
class ProcessorSeconds:
    """Of all processors together since the machine started, whoever used them."""

    busy: float
    all: float


def processor_seconds() -> ProcessorSeconds:
    """Raises OSError where there is no /proc/stat."""
    line = Path("/proc/stat").read_text().split("\n", 1)[0]
    ticks = [int(number) for number in line.split()[1:9]]
    idle, waiting = ticks[3:5]
    second = os.sysconf("SC_CLK_TCK")
    return ProcessorSeconds((sum(ticks) - idle - waiting) / second, sum(ticks) / second)


@contextmanager
def served(
    command: Sequence[str], *, url: str, answers_at: str, folder: Path, environment: Mapping[str, str]
) -> Generator[Server]:
    """Run `command` in `folder` until the block ends. Raises StartFailed."""
    log = folder / "server.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OF_OTHERS)}
    root = str(Path(__file__).resolve().parents[1])
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=kept | dict(environment), stdout=output, stderr=subprocess.STDOUT
        )
        server, began = Server(process, url), time.monotonic()
        try:
            _wait_until(process, url + answers_at, log)
            server.start_seconds = time.monotonic() - began
            yield server
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_until(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=START_SECONDS):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(LOOK_SECONDS)
    raise StartFailed(f"{url} never answered:\n{log.read_text(errors='replace')[-2000:]}")


def _cpu_seconds(pid: int) -> float:
    # clock_getcpuclockid(3) for a whole process; /proc/PID/stat counts in steps of 10 ms.
    return time.clock_gettime((~pid << 3) | 2)


def _memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
