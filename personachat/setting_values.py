"""Kinds of values that settings have: how a text becomes one, and what is wrong with it where it cannot.

No message quotes the value, which may be a secret.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from personachat.access import origin_of, place_of

LEAST_TOKEN_CHARACTERS = 16


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


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError('it must be JSON such as {"NAME": {"base_url": "https://..."}}') from None


def _words(value: Any) -> Any:
    return re.split(r"[\s,]+", value.strip(" \t\r\n,")) if isinstance(value, str) else value


def _folder(value: Path) -> Path:
    folder = Path(os.path.expanduser(value))  # noqa: PTH111  # Path.expanduser raises where there is no home
    if folder.exists() and not folder.is_dir():
        raise ValueError("it must be a folder")
    return folder


def _file(value: Path) -> Path:
    file = Path(os.path.expanduser(value))  # noqa: PTH111
    if not file.is_file():
        raise ValueError("there is no such file")
    return file


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://(?:\*\.)?[a-zA-Z0-9.-]+(?::\d{1,5})?", value):
        raise ValueError("it must be origins such as https://intranet.example, without a path")
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Origin = Annotated[str, AfterValidator(_origin)]
Secret = Annotated[SecretStr, AfterValidator(_header_value)]
Token = Annotated[Secret, AfterValidator(_token)]
AllowedHost = Annotated[str, AfterValidator(_allowed_host)]
AllowedOrigin = Annotated[str, AfterValidator(_allowed_origin)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
Folder = Annotated[Path, AfterValidator(_folder)]
ExistingFile = Annotated[Path, AfterValidator(_file)]

Words = BeforeValidator(_words)
"""Splits a text at commas and white space."""

ParsedJson = BeforeValidator(_parsed)
"""Reads a text as JSON."""
