"""Kinds of values that settings have: how a text becomes one, and what is wrong with it if it can't."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    SecretStr,
)

from personachat.access import origin_of, place_of

LEAST_TOKEN_CHARACTERS = 16

TAKEN_PATHS = frozenset(
    {
        "api",
        "v1",
        "mcp",
        "metrics",
        "_stcore",
        "app",
        "auth",
        "component",
        "media",
        "oauth2callback",
        "static",
    }
    | {
        "account",
        "admin",
        "chat",
        "compare",
        "history",
        "insights",
        "login",
        "personas",
        "received",
        "shared",
        "tests",
    }
)
"""What the addresses of the API, of Streamlit and of the pages begin with: no base path may."""


def _http_url(value: str) -> str:
    url = urlsplit(value.strip())
    if url.scheme not in {"http", "https"} or not url.hostname or re.search(r"\s", url.geturl()):
        raise ValueError("it must be a URL that starts with http:// or https://")
    if url.query or url.fragment:
        raise ValueError("it must be a plain URL, without ? or #")
    return url.geturl().rstrip("/")


def _header_value(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value().strip()  # a pasted key often ends in a line break
    if not re.fullmatch(r"[\x21-\x7e]+", secret):
        raise ValueError("it must be one word of plain ASCII characters")
    return SecretStr(secret)


def _token(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < LEAST_TOKEN_CHARACTERS:
        raise ValueError(
            f"each token must have at least {LEAST_TOKEN_CHARACTERS} characters; "
            "`openssl rand -hex 32` makes a good one"
        )
    return value


def _allowed_host(value: str) -> str:
    place = place_of(value)
    if place is None or "*" in place.name.removeprefix("*."):
        raise ValueError(
            "each must be a name such as chat.example.com, *.example.com or chat.example.com:8443"
        )
    return value


def _allowed_origin(value: str) -> str:
    if value != "*" and origin_of(value) is None:
        raise ValueError("each must be * or an origin such as https://app.example.com, without a path")
    return value


def _database_url(value: SecretStr) -> SecretStr:
    """The URL with the driver that is installed; hosts give it as postgres:// or postgresql://."""
    text = value.get_secret_value().strip()
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg", "sqlite"}:
        raise ValueError("it must begin with postgresql:// or sqlite:///")
    return SecretStr(text if scheme == "sqlite" else f"postgresql+psycopg://{rest}")


def _parsed(example: str, value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"it must be JSON such as {example}") from None


def _words(value: Any) -> Any:
    return re.split(r"[\s,]+", value.strip(" \t\r\n,")) if isinstance(value, str) else value


ROLE_RULE = re.compile(
    r"group:[^,\x00-\x1f]{1,200}|claim:[^\s=,]{1,100}=[^,\x00-\x1f]{1,200}"
    r"|(?:[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})?@[A-Za-z0-9.-]{1,253}",
)
"""Who has a role. An address is ASCII, so that no other letters look like it."""


def _role_rule(value: str) -> str:
    rule = value.strip()
    if not ROLE_RULE.fullmatch(rule):
        raise ValueError(
            "each must be an address such as ada@example.com, a domain such as @example.com, a group such "
            "as group:editors, or a claim such as claim:department=Sales"
        )
    return rule


def _split_list(value: Any) -> Any:
    """What commas or lines separate: the name of a group may have spaces."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in re.split(r"[,\n]", value) if part.strip()]


def _header_name(value: str) -> str:
    name = value.strip().lower()
    if not re.fullmatch(r"[a-z0-9-]{1,100}", name) or name in {"host", "origin", "cookie", "authorization"}:
        raise ValueError("it must be the name of a header such as X-Forwarded-User")
    return name


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("each must be an IP address or a network such as 10.0.0.0/8") from None
    return value


def _folder(value: Path) -> Path:
    folder = Path(os.path.expanduser(value))  # noqa: PTH111  # Path.expanduser raises if there is no home
    if folder.exists() and not folder.is_dir():
        raise ValueError("it must be a folder")
    return folder


def _file(value: Path) -> Path:
    file = Path(os.path.expanduser(value))  # noqa: PTH111  # Path.expanduser raises if there is no home
    if not file.is_file():
        raise ValueError("there is no such file")
    return file


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://(?:\*\.)?[a-zA-Z0-9.-]+(?::\d{1,5})?", value):
        raise ValueError("it must be origins such as https://intranet.example, without a path")
    return value


def _base_path(value: str) -> str:
    segments = value.strip().strip("/").split("/")
    if segments == [""]:
        return ""
    if any(not re.fullmatch(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*", segment) for segment in segments):
        raise ValueError("it must be a path such as /personas-tool")
    if segments[0].lower() in TAKEN_PATHS:
        raise ValueError(f"/{segments[0]} is an address of PersonaChat's own; choose another first part")
    return "/" + "/".join(segments)


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Origin = Annotated[str, AfterValidator(_origin)]
Secret = Annotated[SecretStr, AfterValidator(_header_value)]
Token = Annotated[Secret, AfterValidator(_token)]
AllowedHost = Annotated[str, AfterValidator(_allowed_host)]
AllowedOrigin = Annotated[str, AfterValidator(_allowed_origin)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Folder = Annotated[Path, AfterValidator(_folder)]
ExistingFile = Annotated[Path, AfterValidator(_file)]
UrlPath = Annotated[str, AfterValidator(_base_path)]

RoleRule = Annotated[str, AfterValidator(_role_rule)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
Network = Annotated[str, AfterValidator(_network)]

CommaList = BeforeValidator(_split_list)
"""Splits a text at commas and line breaks."""

Words = BeforeValidator(_words)
"""Splits a text at commas and white space."""

ProvidersJson = BeforeValidator(partial(_parsed, '{"NAME": {"base_url": "https://..."}}'))
BudgetsJson = BeforeValidator(partial(_parsed, '[{"scope": "person", "per": "day", "usd": 2}]'))
