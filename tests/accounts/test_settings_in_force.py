"""Settings are told with where they come from; nothing that may be a secret is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from personachat.accounts.audit import AuditFilter
from personachat.accounts.settings_in_force import note_changes, settings_in_force
from personachat.services import Services
from personachat.settings import load_settings, sources
from personachat.settings.sources import set_by_option

SECRET = "a-secret-of-many-letters"


def test_no_secret_of_any_kind_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    providers = {"gateway": {"base_url": f"https://user:{SECRET}@gw.example/{SECRET}/v1", "api_key": SECRET}}
    given = {
        "OPENAI_API_KEY": SECRET,
        "OPENAI_BASE_URL": f"https://host.example:8443/{SECRET}",
        "PERSONACHAT_PROVIDERS": json.dumps(providers),
        "DATABASE_URL": f"postgresql://user:{SECRET}@db.example/chat",
        "PERSONACHAT_API_TOKENS": f"{SECRET},{SECRET}2",
        "PERSONACHAT_METRICS_TOKEN": SECRET,
        "PERSONACHAT_BUDGETS": '[{"scope": "person", "per": "day", "usd": 2}]',
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    told = {each.variable: each for each in settings_in_force(load_settings())}
    assert SECRET not in str(told.values())
    assert {told[name].source for name in given} == {"environment"}
    assert told["OPENAI_BASE_URL"].value == "https://host.example:8443"
    assert told["PERSONACHAT_PROVIDERS"].value == "gateway (https://gw.example)"
    assert told["PERSONACHAT_API_TOKENS"].value == "2 set"
    assert told["PERSONACHAT_BUDGETS"].value == "person: $2.00 per day"
    assert (told["PERSONACHAT_PUBLIC"].value, told["PERSONACHAT_PUBLIC"].source) == ("no", "default")


def test_a_start_with_other_settings_is_in_the_audit_once(make_services: Callable[..., Services]) -> None:
    first = make_services(max_tokens=9)
    for _ in range(2):
        note_changes(first.audit, first.settings)
    note_changes(first.audit, make_services(max_tokens=10).settings)
    newest, oldest = first.audit.page(AuditFilter(kind="setting"))
    assert oldest.after
    assert newest.after
    assert (oldest.before, oldest.after["PERSONACHAT_MAX_TOKENS"]) == ({}, "9")
    assert (newest.before, newest.after["PERSONACHAT_MAX_TOKENS"]) == ({"PERSONACHAT_MAX_TOKENS": "9"}, "10")
    assert "nobody-may-see" not in str(oldest)


def test_each_value_is_told_with_where_it_was_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(
        'PERSONACHAT_MAX_TOKENS = 900\nPERSONACHAT_PUBLIC = "no"\nPERSONACHAT_IDLE_TIMEOUT_SECONDS = 50\n',
        "utf-8",
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sources, "_options", {})
    monkeypatch.setenv("PERSONACHAT_IDLE_TIMEOUT_SECONDS", "40")
    for variable in ("PERSONACHAT_MAX_TOKENS", "PERSONACHAT_DATA_DIR"):
        monkeypatch.setenv(variable, "")  # so that it goes again
    set_by_option("PERSONACHAT_DATA_DIR", str(tmp_path / "data"))
    for copied in (False, True):
        if copied:  # as Streamlit does once it has read the file
            monkeypatch.setenv("PERSONACHAT_MAX_TOKENS", "900")
            monkeypatch.setenv("PERSONACHAT_PUBLIC", "no")
        told = {each.variable: (each.value, each.source) for each in settings_in_force(load_settings())}
        assert told["PERSONACHAT_MAX_TOKENS"] == ("900", "secrets.toml")
        assert told["PERSONACHAT_PUBLIC"] == ("no", "secrets.toml")
        assert told["PERSONACHAT_IDLE_TIMEOUT_SECONDS"] == ("40", "environment")
        assert told["PERSONACHAT_DATA_DIR"] == (str(tmp_path / "data"), "option")
        assert told["PERSONACHAT_LOG_LEVEL"][1] == "default"


def test_what_stood_in_a_file_that_is_broken_by_now_is_still_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = load_settings(max_tokens=9)
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text("=", "utf-8")
    monkeypatch.chdir(tmp_path)
    told = {each.variable: (each.value, each.source) for each in settings_in_force(settings)}
    assert told["PERSONACHAT_MAX_TOKENS"] == ("9", "secrets.toml")
