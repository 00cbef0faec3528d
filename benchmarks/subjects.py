"""Who is measured: the product's page and endpoints, a stock Streamlit app, and the openai SDK alone.

Each starts with nothing: a server of its own in an empty folder, whose only provider is the fake one.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from openai import AsyncOpenAI, OpenAI

from benchmarks.http_client import CHAT, COMPLETIONS, PERSONA, Endpoint, HttpSession
from benchmarks.measures import Reading
from benchmarks.pages_client import PageSession
from benchmarks.processes import Server, free_port, served
from benchmarks.sdk_client import SdkSession
from benchmarks.speech import Order

Surface: TypeAlias = Literal["page", "http"]

KEY = "key-of-the-benchmark"
PERSONA_TEXT = json.dumps(
    {"id": PERSONA, "name": "Bench", "model": "gpt-4o-mini", "systemPrompt": "You are an assistant."}
)
MOST_STREAMS = "600"
"""Above what any scenario asks for at once: how many wait is not what is measured."""


class Session(Protocol):
    """A conversation somewhere."""

    async def ask(self, order: Order) -> Reading: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Subject:
    """One of those who are measured, ready. Without a server it works in this very process."""

    name: str
    open_session: Callable[[], Awaitable[Session]]
    server: Server | None = None

    def cpu_seconds(self) -> float | None:
        return self.server.cpu_seconds() if self.server else time.process_time()

    @asynccontextmanager
    async def peak_memory(self) -> AsyncGenerator[Callable[[], float | None]]:
        """See Server.peak_memory; of this process it would say nothing."""
        if self.server is None:
            yield lambda: None
            return
        async with self.server.peak_memory() as peak:
            yield peak


@contextmanager
def provider() -> Generator[Server]:
    """The fake provider; its API is at `url`/v1."""
    port = free_port()
    command = (sys.executable, "-m", "benchmarks.provider", str(port))
    with (
        tempfile.TemporaryDirectory() as folder,
        served(
            command,
            url=f"http://127.0.0.1:{port}",
            answers_at="/v1/models",
            folder=Path(folder),
            environment={},
        ) as server,
    ):
        yield server


@asynccontextmanager
async def page(provider_url: str) -> AsyncGenerator[Subject]:
    with personachat(provider_url) as server:
        yield Subject("page", lambda: PageSession.open(server.url), server)


@asynccontextmanager
async def stock(provider_url: str) -> AsyncGenerator[Subject]:
    script, port = Path(__file__).with_name("stock_app.py"), free_port()
    command = (sys.executable, "-m", "streamlit", "run", str(script))
    options = {
        "server.port": port,
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        served(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            url=f"http://127.0.0.1:{port}",
            answers_at="/_stcore/health",
            folder=Path(folder),
            environment=_to_provider(provider_url),
        ) as server,
    ):
        yield Subject("stock", lambda: PageSession.open(server.url), server)


@asynccontextmanager
async def chat(provider_url: str) -> AsyncGenerator[Subject]:
    with personachat(provider_url) as server:
        yield Subject("chat", lambda: _http_session(server.url, CHAT), server)


@asynccontextmanager
async def completions(provider_url: str) -> AsyncGenerator[Subject]:
    with personachat(provider_url) as server:
        yield Subject("v1", lambda: _http_session(server.url, COMPLETIONS), server)


@asynccontextmanager
async def sdk(provider_url: str) -> AsyncGenerator[Subject]:
    with OpenAI(base_url=f"{provider_url}/v1", api_key=KEY) as client:
        yield Subject("sdk", lambda: _sdk_session(client))


@asynccontextmanager
async def sdk_async(provider_url: str) -> AsyncGenerator[Subject]:
    async with AsyncOpenAI(base_url=f"{provider_url}/v1", api_key=KEY) as client:
        yield Subject("sdk-async", lambda: _sdk_session(client))


@contextmanager
def personachat(provider_url: str) -> Generator[Server]:
    """The product as it is started by anyone, with one persona."""
    port = free_port()
    start = "from personachat.cli import main; main()"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "personas").mkdir()
        (folder / "personas" / f"{PERSONA}.json").write_text(PERSONA_TEXT, "utf-8")
        options = ("--headless", "--port", str(port), "--personas-dir", "personas", "--data-dir", "data")
        with served(
            (sys.executable, "-c", start, "serve", *options),
            url=f"http://127.0.0.1:{port}",
            answers_at="/api/health",
            folder=folder,
            environment=_to_provider(provider_url) | {"PERSONACHAT_MAX_CONCURRENT_REPLIES": MOST_STREAMS},
        ) as server:
            yield server


def _to_provider(provider_url: str) -> dict[str, str]:
    return {"OPENAI_BASE_URL": f"{provider_url}/v1", "OPENAI_API_KEY": KEY}


async def _http_session(url: str, endpoint: Endpoint) -> Session:
    return HttpSession(url, endpoint)


async def _sdk_session(client: OpenAI | AsyncOpenAI) -> Session:
    return SdkSession(client)


Start: TypeAlias = Callable[[str], AbstractAsyncContextManager[Subject]]
"""Given the provider's URL, a subject that is ended with the block."""

SUBJECTS: Mapping[Surface, Mapping[str, tuple[str, Start]]] = {
    "page": {
        "page": ("PersonaChat, page", page),
        "stock": ("stock Streamlit", stock),
        "sdk": ("openai SDK alone", sdk),
        "sdk-async": ("openai SDK alone, async", sdk_async),
    },
    "http": {
        "chat": ("PersonaChat, /api/chat", chat),
        "v1": ("PersonaChat, /v1", completions),
        "sdk": ("openai SDK alone", sdk),
        "sdk-async": ("openai SDK alone, async", sdk_async),
    },
}
"""Surface -> name -> how the table calls it, and how it is started."""
