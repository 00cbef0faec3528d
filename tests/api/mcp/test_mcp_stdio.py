"""`personachat mcp` as a program that a client starts: the SDK's client, and bare pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from tests.api.mcp.conftest import ERAS, SECONDS, texts
from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Gate, tokens
from tests.migrated import put_database_in
from tests.network_guard import guarded

COMMAND = [sys.executable, "-W", "error", "-c", "from personachat.cli import main; main()", "mcp"]


@pytest.fixture
def environment(fake: FakeProvider, tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "personas"
    folder.mkdir()
    (folder / "tester.json").write_text(persona_text(), "utf-8")
    return {
        **guarded(),
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "OPENAI_BASE_URL": fake.base_url,
        "OPENAI_API_KEY": "sk-test-key-that-nobody-may-see",
        "PERSONACHAT_PERSONAS_DIR": str(folder),
        "PERSONACHAT_DATA_DIR": str(put_database_in(tmp_path / "data").parent),
    }


@asynccontextmanager
async def started(environment: dict[str, str], mode: str) -> AsyncGenerator[Client]:
    server = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env=environment)
    async with Client(server, mode=mode, read_timeout_seconds=SECONDS) as client:
        yield client


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_starts_it_can_do_everything(
    era: str, environment: dict[str, str], fake: FakeProvider
) -> None:
    heard: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    fake.enqueue(tokens(["Hel", "lo"]), tokens(["One ", Gate(), "two."]))
    call = {"persona": "tester", "message": "Hi"}
    async with started(environment, era) as client:
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["tester"]
        assert texts(await client.get_prompt("tester")) == ["You are a test."]
        said = await client.call_tool("chat", call, progress_callback=hear)
        assert texts(said) == ["Hello"]
        assert "".join(message or "" for message in heard) == "Hello"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "chat", call)
            await anyio.to_thread.run_sync(fake.wait_for_chats, 2)
            tasks.cancel_scope.cancel()
        assert await anyio.to_thread.run_sync(fake.wait_for_disconnect)
        assert texts(await client.call_tool("chat", call)) == ["You said: Hi"]


def lines_of(*messages: Any) -> str:
    return "".join(
        f"{message if isinstance(message, str) else json.dumps(message)}\n" for message in messages
    )


def test_stdout_holds_nothing_but_the_protocol_whatever_comes_in(environment: dict[str, str]) -> None:
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    sent = lines_of(
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        "not JSON at all",
        "[]",
        "\ufffd\x00",
        {"jsonrpc": "2.0", "id": 2, "method": "nonsense"},
        {"jsonrpc": "2.0", "id": 3, "method": "prompts/get", "params": {"name": "nobody"}},
        {"jsonrpc": "2.0", "id": 4, "method": "prompts/get", "params": {"name": 7}},
        {"jsonrpc": "2.0", "id": 5, "method": "prompts/list"},
    )
    with subprocess.Popen(
        COMMAND,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(sent)
        process.stdin.flush()
        answers: dict[int, Any] = {}
        while 5 not in answers or len(answers) < 5:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            answer = json.loads(line)
            if answer.get("id") is not None:
                answers[answer["id"]] = answer
        process.stdin.close()
        assert process.wait(SECONDS) == 0
        rest, told = process.stdout.read(), process.stderr.read()
    assert rest == ""
    assert "nobody-may-see" not in told
    assert answers[1]["result"]["capabilities"]["prompts"] == {"listChanged": True}
    assert answers[2]["error"]["code"] == -32601
    assert "nobody" in answers[3]["error"]["message"]
    assert answers[4]["error"]["code"] == -32602
    assert [prompt["name"] for prompt in answers[5]["result"]["prompts"]] == ["tester"]


@pytest.mark.skipif(os.name == "nt", reason="signals are another matter there")
def test_ctrl_c_ends_it_while_it_waits(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        COMMAND, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines_of({"jsonrpc": "2.0", "id": 1, "method": "ping"}))
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == -signal.SIGINT
