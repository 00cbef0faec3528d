"""llama.cpp inside this process: one model, its slots, and the threads that wait for it.

The body of an OpenAI chat completion goes in, and its chunks come out on the caller's event loop, several at
a time if more have arrived. At most SLOTS replies run at once; others queue. Closing a stream ends its reply
at llama.cpp's next token (or batch of the prompt), without waiting. At exit every reply is ended before the
interpreter: a callback into a dying interpreter would crash it.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import threading
from collections import deque
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any, TypeAlias

from personachat.providers.embedded.gguf import context_length

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

SLOTS = 2
"""Replies at once.

Each slot has its own context (190 MB for SmolLM2), and more would slow all of them down.
"""

LONGEST_CONTEXT_TOKENS = 8192
"""All of SmolLM2's context. A larger model's would take gigabytes, and minutes to read the prompt."""

UNKNOWN_CONTEXT_TOKENS = 2048

BATCH_TOKENS = 64
"""Prompt tokens between two checks for cancellation and other slots; about half a second on one core."""

MOST_THREADS = 8

LONGEST_FOLDER_OF_A_SOCKET = 64
"""Characters. The complete path may have about a hundred."""

EXIT_SECONDS = 30.0
"""Seconds that exit waits for each slot's running batch; only a huge model needs that long."""

Chunk: TypeAlias = dict[str, Any]


@cache
def window_of(model_file: Path) -> int:
    """How many tokens a model may have here, reply included. Raises ValueError or OSError for a bad file."""
    return min(context_length(model_file) or UNKNOWN_CONTEXT_TOKENS, LONGEST_CONTEXT_TOKENS)


class LlamaServer:
    """Loads at first use, in a thread of its own. Raises ValueError or OSError for an unusable file."""

    def __init__(self, model_file: Path) -> None:
        self.context_tokens = window_of(model_file)
        self._model_file = model_file
        self._native: Any = None
        self._loading = threading.Lock()
        self._queue: SimpleQueue[_Reply | None] = SimpleQueue()
        self._replies: set[_Reply] = set()
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"llama-{number}", daemon=True)
            for number in range(SLOTS)
        ]
        for thread in self._threads:
            thread.start()
        atexit.register(self.close)

    async def stream(self, body: Chunk) -> AsyncGenerator[list[Chunk]]:
        """Yield the chunks as they come, never an empty list. An {"error": ...} is a chunk as well.

        Raises ModelUnusable if the model cannot be loaded, RuntimeError for what llama.cpp throws.
        """
        reply = _Reply(body, asyncio.get_running_loop())
        self._replies.add(reply)
        self._queue.put(reply)
        if self._closed.is_set():  # there may be no thread left to take it
            reply.end(None)
        try:
            while chunks := await reply.take():
                yield chunks
        finally:
            reply.cancelled = True

    def close(self) -> None:
        """End every reply, wait for llama.cpp to notice, and free the model. Any thread may call it."""
        atexit.unregister(self.close)
        self._closed.set()
        for reply in tuple(self._replies):
            reply.cancelled = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(EXIT_SECONDS)
        if not any(thread.is_alive() for thread in self._threads):
            self._native = None

    def _work(self) -> None:
        while (reply := self._queue.get()) is not None:
            try:
                if not reply.cancelled and not self._closed.is_set():
                    self._loaded().handle_chat_completions(reply.body, reply.add)
            except Exception as error:  # noqa: BLE001  # raised again where the reply is awaited
                reply.end(error)
            else:
                reply.end(None)
            self._replies.discard(reply)

    def _loaded(self) -> Any:
        with self._loading:
            if self._native is None:
                self._native = _load(self._model_file, self.context_tokens)
            return self._native


class ModelUnusable(Exception):
    """llama.cpp couldn't load the file; it doesn't say why."""


class _Reply:
    """A reply on its way from llama.cpp's thread to the event loop."""

    def __init__(self, body: Chunk, loop: asyncio.AbstractEventLoop) -> None:
        self.body = body
        self.cancelled = False
        self._loop = loop
        self._chunks: deque[Chunk] = deque()
        self._arrived = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None

    def add(self, chunk: Chunk) -> bool:
        """Take a chunk in llama.cpp's thread. True tells it to stop."""
        if not self.cancelled:
            self._chunks.append(chunk)
            self._wake()
        return self.cancelled

    def end(self, error: Exception | None) -> None:
        self._error = error
        self._ended = True
        self._wake()

    async def take(self) -> list[Chunk]:
        """Wait for chunks and return all that have arrived; an empty list is the end."""
        while not self._chunks and not self._ended:
            self._arrived.clear()
            await self._arrived.wait()
        chunks = [self._chunks.popleft() for _ in range(len(self._chunks))]
        if not chunks and self._error:
            raise self._error
        return chunks

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:  # the loop is closed: nobody reads this any more
            self.cancelled = True


def _load(model_file: Path, context_tokens: int) -> Any:
    import xllamacpp  # noqa: PLC0415  # a hundred megabytes of machine code, for those who use it

    params = xllamacpp.CommonParams()
    params.model.path = str(model_file)
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * context_tokens
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _threads()
    params.verbosity = -1  # nothing on the terminal, where someone may be chatting
    params.cache_ram_mib = 0  # otherwise old prompts take up to 8 GB
    params.fit_params = params.warmup = False  # here both only make loading slower
    params.ui = params.endpoint_slots = False
    params.n_threads_http = 1
    params.api_keys = [secrets.token_urlsafe(32)]
    with _listener_for_nobody() as address:
        params.hostnames = [address]
        try:
            return xllamacpp.Server(params)
        except RuntimeError:
            raise ModelUnusable from None


@contextmanager
def _listener_for_nobody() -> Iterator[str]:
    """An address to listen on: llama.cpp insists on its HTTP server, which isn't used here.

    A socket in a private folder, deleted once the server is up. Windows, and folders too long for a socket's
    name, get a random loopback port with a key that nobody knows.
    """
    if os.name == "posix" and len(gettempdir()) <= LONGEST_FOLDER_OF_A_SOCKET:
        with TemporaryDirectory(prefix="personachat-", ignore_cleanup_errors=True) as folder:
            yield str(Path(folder, "llama.sock"))
    else:
        yield "127.0.0.1"


def _threads() -> int:
    """Half of the cores.

    llama.cpp's threads spin while they wait for each other, so one that shares its core with a page or a
    browser delays all of them. On two cores, two threads write 120 tokens/s alone and fewer than 20 beside a
    little other work, with both cores at full load; one thread writes 45 either way.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # A container shows all cores of its host and stops processes that use more than their share.
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, int(quota) // int(period))
    return max(1, min(cores // 2, MOST_THREADS))
