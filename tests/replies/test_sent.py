"""Requests as commands: what comes out of the shell and out of Python is the request, whatever is in it."""

from __future__ import annotations

import ast
import json
import subprocess
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from personachat.replies.request_code import (
    IN_PROCESS,
    NOT_CONFIGURED,
    RequestBody,
    as_curl,
    as_python,
    key_variable,
    no_address,
    plain_json,
)

URL = "https://api.example.org/v1"
AWKWARD = (
    "it's \"$HOME\" `id` $(id) \\ ! %s\n\nREQUEST\nEOF\n'\u2028\x7f\x1b[31m\ud83d\U0001f600 日本 \x00 \r\n"
)

messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user"]), "content": st.text()}), max_size=3
)
bodies: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"model": st.text(max_size=9), "messages": messages, "stream": st.just(True)},
    optional={"stop": st.lists(st.text(), max_size=2), "temperature": st.floats(0, 2)},
)


def sent(body: dict[str, Any], *, base_url: str | None = URL, wants_key: bool = True) -> RequestBody:
    return RequestBody("openai", base_url, "m", body, wants_key=wants_key)


def with_text(text: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], "stream": True}


def ran(command: str, curl: str) -> str:
    """What a shell prints that has this for its curl."""
    script = f"curl() {{ {curl}; }}\nOPENAI_API_KEY='k 1'\n{command}"
    ended = subprocess.run(["sh"], input=script.encode(), capture_output=True, timeout=20, check=True)
    assert ended.stderr == b""
    return ended.stdout.decode()


@given(bodies)
@example(with_text(AWKWARD))
@settings(max_examples=40, deadline=None)
def test_the_shell_gives_the_request_back(body: dict[str, Any]) -> None:
    command = as_curl(sent(body))

    assert command is not None
    assert json.loads(ran(command, "cat")) == body


def test_a_request_too_long_for_an_argument_comes_through_the_shell() -> None:
    body = with_text("word " * 100_000)
    command = as_curl(sent(body))

    assert command is not None
    assert json.loads(ran(command, "cat")) == body


def test_the_command_asks_the_address_with_the_key_from_the_environment() -> None:
    command = as_curl(sent(with_text("hi"), base_url="https://h/a b'c"))

    assert command is not None
    assert ran(command, "printf '%s|' \"$@\"").split("|")[:-1] == [
        "-N",
        "https://h/a b'c/chat/completions",
        "-H",
        "Authorization: Bearer k 1",
        "-H",
        "Content-Type: application/json",
        "--data-binary",
        "@-",
    ]


@given(bodies, st.booleans())
@example(with_text(AWKWARD), True)
def test_python_gives_the_request_back(body: dict[str, Any], keyed: bool) -> None:  # noqa: FBT001  # pytest gives it by name
    program = as_python(sent(body, wants_key=keyed))
    compile(program, "request.py", "exec")
    assigned = [node for node in ast.parse(program).body if isinstance(node, ast.Assign)]

    assert ast.literal_eval(assigned[-1].value) == body
    assert ("OPENAI_API_KEY" in program) == keyed


def test_the_program_streams_the_reply(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import openai

    asked: dict[str, Any] = {}

    class Chat:
        def __init__(self, **options: Any) -> None:
            asked.update(options)
            self.chat = self.completions = self

        def create(self, **request: Any) -> list[Any]:
            asked["request"] = request
            delta = type("Delta", (), {"content": "Hello"})
            choice = type("Choice", (), {"delta": delta})
            return [type("Chunk", (), {"choices": choices}) for choices in ([choice], [])]

    monkeypatch.setattr(openai, "OpenAI", Chat)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    exec(as_python(sent(with_text("hi"))), {})

    assert asked == {"base_url": URL, "api_key": "sk-1", "request": with_text("hi")}
    assert capsys.readouterr().out == "Hello"


def test_a_server_without_a_key_is_asked_without_one() -> None:
    command = as_curl(sent(with_text("hi"), wants_key=False))

    assert command is not None
    assert "Authorization" not in command


def test_the_model_in_this_process_has_no_address_but_a_request() -> None:
    local = RequestBody("local", None, "m", with_text("hi"))
    program = as_python(local)

    assert as_curl(local) is None
    assert program.startswith(f"# {IN_PROCESS}\n")
    assert ast.literal_eval(program.split(" = ", 1)[1]) == with_text("hi")


def test_what_does_not_print_is_escaped_and_other_scripts_stay() -> None:
    text = plain_json(with_text(AWKWARD))

    assert all(each.isprintable() or each == "\n" for each in text)
    assert "日本" in text
    assert json.loads(text) == with_text(AWKWARD)


@pytest.mark.parametrize(
    ("provider", "variable"),
    [("openai", "OPENAI_API_KEY"), ("my-groq", "MY_GROQ_API_KEY"), ("9x", "_9X_API_KEY")],
)
def test_each_provider_has_a_variable_for_its_key(provider: str, variable: str) -> None:
    assert key_variable(provider) == variable


def test_the_name_of_a_provider_that_is_gone_cannot_become_code() -> None:
    gone = RequestBody("x\nimport os", None, "m", with_text("hi"))

    assert as_curl(gone) is None
    assert as_python(gone).startswith(f"# {NOT_CONFIGURED}\nrequest = ")
    assert no_address(sent(with_text("hi"))) == ""
    assert as_python(RequestBody("x\ny", URL, "m", {})).count("X_Y_API_KEY") == 1


def test_an_address_with_a_secret_comes_from_the_environment() -> None:
    hidden = sent(with_text("hi"), base_url="https://host/***/v1", wants_key=False)
    command = as_curl(hidden)
    assert command is not None
    assert command.startswith('curl -N "$OPENAI_BASE_URL/chat/completions" ')
    program = as_python(hidden)
    ast.parse(program)
    assert "OpenAI(base_url=os.environ['OPENAI_BASE_URL'], api_key='none')" in program
    assert program.startswith("import os\n")
