"""Where the value of a setting comes from: the command line, the environment, a file, or nowhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal, TypeAlias

from personachat.errors import SettingsInvalid
from personachat.settings import values_in_files

Source: TypeAlias = Literal["option", "environment", "secrets.toml", "default"]

_options: dict[str, str] = {}


def set_by_option(variable: str, value: str) -> None:
    """An option wins over the environment, which is where the pages and the API look."""
    os.environ[variable] = _options[variable] = value


def source_of(variable: str, *, in_files: Mapping[str, Any]) -> Source:
    """`in_files` are the values of `file_values`."""
    value = os.environ.get(variable)
    if value and value == _options.get(variable):
        return "option"
    # Streamlit copies what stands in the file into the environment.
    if variable in in_files and value in (None, "", str(in_files[variable])):
        return "secrets.toml"
    return "environment" if value else "default"


def file_values() -> Mapping[str, Any]:
    """What the files set, by variable; nothing where they can't be read any more."""
    with suppress(SettingsInvalid):
        return values_in_files()
    return {}
