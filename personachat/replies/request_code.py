"""A request as it is on the wire, and as commands that send it again. Never contains a key."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pprint import pformat
from typing import Any

from personachat.providers.addresses import HIDDEN
from personachat.settings import LOCAL

_HEREDOC_END = "REQUEST"
_NOT_PLAIN = re.compile(r"[^\n -~]")

IN_PROCESS = "The offline model runs inside PersonaChat, so there is no address to send this to."
NOT_CONFIGURED = "This provider is not configured here, so its address is unknown."


@dataclass(frozen=True, slots=True)
class RequestBody:
    """A request that was or would be sent."""

    provider: str
    base_url: str | None
    """None if the model is local or its provider is no longer configured.

    "***" replaces what may be a secret.
    """
    model: str
    body: dict[str, Any]
    """As JSON on the wire."""
    wants_key: bool = True
    """Whether the server needs a key."""
    lore: tuple[tuple[str, str], ...] = ()
    """Lore entries that were sent: each one's name, and the key that activated it."""


def as_curl(request: RequestBody) -> str | None:
    """A command for a POSIX shell; None if there is no address. The key comes from the environment."""
    if request.base_url is None:
        return None
    # By its standard input: as an argument a long conversation would be refused by the system. No line of
    # the JSON can end it, because all but the braces are indented.
    key = f'-H "Authorization: Bearer ${key_variable(request.provider)}" ' if request.wants_key else ""
    path = "/chat/completions"
    is_whole = HIDDEN not in request.base_url
    url = shlex.quote(request.base_url + path) if is_whole else f'"${url_variable(request.provider)}{path}"'
    return (
        f"curl -N {url} {key}"
        f"-H 'Content-Type: application/json' --data-binary @- <<'{_HEREDOC_END}'\n"
        f"{plain_json(request.body)}\n"
        f"{_HEREDOC_END}\n"
    )


def as_python(sent_request: RequestBody) -> str:
    """A program for the openai package; without an address it only holds the request."""
    request = f"request = {pformat(sent_request.body, width=100, sort_dicts=False)}\n"
    if sent_request.base_url is None:
        return f"# {no_address(sent_request)}\n{request}"
    key = f"os.environ[{key_variable(sent_request.provider)!r}]" if sent_request.wants_key else "'none'"
    is_whole = HIDDEN not in sent_request.base_url
    url = repr(sent_request.base_url) if is_whole else f"os.environ[{url_variable(sent_request.provider)!r}]"
    imports = "import os\n\n" if sent_request.wants_key or not is_whole else ""
    return (
        f"{imports}from openai import OpenAI\n\n"
        f"client = OpenAI(base_url={url}, api_key={key})\n"
        f"{request}"
        "for chunk in client.chat.completions.create(**request):\n"
        "    if chunk.choices:\n"
        '        print(chunk.choices[0].delta.content or "", end="", flush=True)\n'
    )


def no_address(request: RequestBody) -> str:
    """Why there is no address, as a sentence; "" if there is one."""
    if request.base_url is not None:
        return ""
    return IN_PROCESS if request.provider == LOCAL else NOT_CONFIGURED


def plain_json(body: dict[str, Any]) -> str:
    """Indented JSON to read and to paste.

    Other scripts stay as they are; unprintable characters are escaped.
    """
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return _NOT_PLAIN.sub(lambda each: each[0] if each[0].isprintable() else json.dumps(each[0])[1:-1], text)


def key_variable(provider: str) -> str:
    """The environment variable with a provider's key in the commands."""
    return f"{_variable_stem(provider)}_API_KEY"


def url_variable(provider: str) -> str:
    """The environment variable with its address, if the commands don't show all of it."""
    return f"{_variable_stem(provider)}_BASE_URL"


def _variable_stem(provider: str) -> str:
    name = re.sub(r"\W", "_", provider, flags=re.ASCII).upper()
    return name if name[:1].isalpha() else f"_{name}"
