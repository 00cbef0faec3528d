"""Has real clients talk to the product: starts it beside a scripted provider, and runs their programs.

    python .ci/clients/serve.py PYTHON=PROGRAM...    each program with its own environment's interpreter

A program gets the address in BASE_URL and the persona in MODEL, and fails where it gets anything else.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from tests.fake_provider import FakeProvider, Reply, chunk, events, tokens  # noqa: E402  # after the path is set

PERSONA = "socratic-tutor"
START_SECONDS = 120
PROGRAM_SECONDS = 150


class Provider(FakeProvider):
    """Thinks, calls the first tool once, answers with its result, and writes JSON where that is asked for."""

    def _echo(self, body: Mapping[str, Any]) -> Reply:
        messages = body["messages"]
        if messages[-1]["role"] == "tool" and not must_call(body):
            assistant = next(each for each in reversed(messages) if each["role"] == "assistant")
            thoughts = assistant.get("reasoning_content", "nothing")
            said = f"The tool said {messages[-1]['content']} after I thought {thoughts}"
            return tokens([said], usage=(20, 5))
        if body.get("tools") and body.get("tool_choice") != "none":
            return call_of(chosen(body))
        wanted = (body.get("response_format") or {}).get("json_schema")
        if wanted:
            return tokens([json.dumps(sample(wanted["schema"]))], usage=(20, 5))
        pictures = str(messages[-1]["content"]).count("image_url'")
        return tokens(["I see a picture."] if pictures else ["Hello ", "there."], usage=(20, 5))


def must_call(body: Mapping[str, Any]) -> bool:
    return bool(body.get("tools")) and body.get("tool_choice") not in (None, "auto", "none")


def chosen(body: Mapping[str, Any]) -> dict[str, Any]:
    """The function that is called: the one that was chosen, or the last, as output tools come last."""
    functions = [tool["function"] for tool in body["tools"]]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        return next(each for each in functions if each["name"] == choice["function"]["name"])
    has_result = body["messages"][-1]["role"] == "tool"
    return functions[-1] if has_result else functions[0]  # type: ignore[no-any-return]  # as the SDK hands it on


def call_of(function: Mapping[str, Any]) -> Reply:
    """A call in pieces, of which the first two come together."""
    arguments = json.dumps(sample(function.get("parameters") or {}))
    first = {"index": 0, "id": "call_1", "type": "function"}
    head = first | {"function": {"name": function["name"], "arguments": ""}}
    pieces = [
        {"index": 0, "function": {"arguments": arguments[at : at + 7]}} for at in range(0, len(arguments), 7)
    ]
    return events(
        chunk({"reasoning_content": "deeply"}),
        *(chunk({"tool_calls": [piece]}) for piece in (head, *pieces)),
        chunk({}, finish="tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 5}},
    )


def sample(schema: Mapping[str, Any], named: Mapping[str, Any] | None = None) -> Any:
    """A value of a schema; `named` are those it refers to."""
    named = schema.get("$defs", {}) if named is None else named
    if "$ref" in schema:
        schema = named[str(schema["$ref"]).removeprefix("#/$defs/")]
    kind = schema.get("type")
    if "enum" in schema:
        return schema["enum"][0]
    if kind == "object" or "properties" in schema:
        return {name: sample(part, named) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema.get("items", {}), named)]
    return {"integer": 7, "number": 1.5, "boolean": True, "null": None}.get(str(kind), "Paris")


def main(programs: list[str]) -> int:
    with socket.socket() as free, tempfile.TemporaryDirectory() as home, Provider() as provider:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OPENAI_", "PERSONACHAT_", "STREAMLIT_", "UV_"))
        }
        ours = {
            "OPENAI_BASE_URL": provider.base_url,
            "OPENAI_API_KEY": "sk-x",
            "PERSONACHAT_DATA_DIR": home,
            "PERSONACHAT_PERSONAS_DIR": str(shutil.copytree(CHECKOUT / "personas", Path(home) / "personas")),
        }
        command = [
            str(Path(sys.executable).parent / "personachat"),
            "serve",
            "--headless",
            "--port",
            str(port),
        ]
        base = f"http://127.0.0.1:{port}"
        with tempfile.TemporaryFile() as log:
            server = subprocess.Popen(command, cwd=home, env=environment | ours, stdout=log, stderr=log)
            try:
                wait_for(f"{base}/api/health", server)
                theirs = {"BASE_URL": base, "MODEL": PERSONA, "HOME": home, "NO_PROXY": "127.0.0.1"}
                failed = [program for program in programs if not run(program, environment | theirs)]
            finally:
                server.terminate()
                server.wait(30)
            if failed:
                log.seek(0)
                print(log.read().decode(errors="replace")[-4000:], file=sys.stderr)
    print(f"{len(programs) - len(failed)} passed, {len(failed)} failed")
    return bool(failed)


def run(program: str, environment: Mapping[str, str]) -> bool:
    interpreter, _, file = program.partition("=")
    began = time.monotonic()
    try:
        ended = subprocess.run(
            [interpreter, *file.split(",")], env=environment, check=False, timeout=PROGRAM_SECONDS
        ).returncode
    except subprocess.TimeoutExpired:
        ended = -1
    print(f"{file}: {'failed' if ended else 'passed'} after {time.monotonic() - began:.1f} s", flush=True)
    return not ended


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    began = time.monotonic()
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30):
                return
        except OSError:
            if server.poll() is not None or time.monotonic() - began > START_SECONDS:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
