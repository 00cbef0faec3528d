"""The settings in force, each with its source; secrets are never shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from personachat.accounts.audit import Audit
from personachat.accounts.budget import amount_of
from personachat.owners import LOCAL_OWNER
from personachat.settings import BudgetSettings, ProviderSettings, Settings, variables
from personachat.settings.sources import Source, file_values, source_of

HIDDEN = "set"
"""Shown instead of a secret that is set."""


@dataclass(frozen=True, slots=True)
class SettingInForce:
    variable: str
    value: str
    """The value as people read it; "" if there is none."""
    source: Source


def settings_in_force(settings: Settings) -> list[SettingInForce]:
    """All of them, in the order of the fields."""
    rows, in_files = [], file_values()
    for variable, (name, field) in zip(variables(), Settings.model_fields.items(), strict=True):
        value = getattr(settings, name)
        source = source_of(variable, in_files=in_files)
        if source == "default" and value != field.get_default(call_default_factory=True):
            source = "secrets.toml"  # as it was when it was read
        rows.append(SettingInForce(variable, in_words(value), source))
    return rows


def note_changes(audit: Audit, settings: Settings) -> None:
    """Record in the audit what has changed since a server on this database was last started.

    Servers of one database with different settings each record theirs. Raises what `Database` raises.
    """
    now = {each.variable: each.value for each in settings_in_force(settings) if each.source != "default"}
    last = audit.newest("setting", "server")
    before = dict(last.after or {}) if last else {}
    if now != before:
        changed = [name for name in before | now if now.get(name) != before.get(name)]
        audit.record(
            LOCAL_OWNER,
            "changed",
            kind="setting",
            target="server",
            before={name: before.get(name) for name in changed} if last else {},
            after=now,
        )


def in_words(value: Any) -> str:
    """A value in words. Of an address only scheme and host: the rest may contain a secret."""
    if isinstance(value, tuple):
        secrets = sum(isinstance(each, SecretStr) for each in value)
        return f"{secrets} {HIDDEN}" if secrets else ", ".join(map(in_words, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} ({in_words(each)})" for name, each in value.items())
    if isinstance(value, ProviderSettings):
        return in_words(value.base_url)
    if isinstance(value, BudgetSettings):
        who = f"{value.scope} {value.name}".strip()
        return f"{who}: {amount_of(value.most, value.unit)} per {value.per}"
    return _word(value)


def _word(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        url = urlsplit(value)
        port = f":{url.port}" if url.port else ""
        return f"{url.scheme}://{url.hostname or ''}{port}"
    return str(value)
