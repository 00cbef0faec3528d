"""What the terminal says is missing when a server starts: one line for each thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from personachat.providers import registry
from personachat.services import build_services
from personachat.services.opening import what_is_missing
from personachat.settings import load_settings
from tests.migrated import put_database_in


def missing(folder: Path, **settings: object) -> tuple[str, ...]:
    services = build_services(load_settings(personas_dir=folder, data_dir=folder / "data", **settings))
    try:
        return what_is_missing(services)
    finally:
        services.close()


def test_where_everything_is_there_nothing_is_said(tmp_path: Path) -> None:
    put_database_in(tmp_path / "data")
    assert missing(tmp_path, openai_api_key="sk-test") == ()


def test_without_a_model_the_terminal_names_every_way_to_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "embedded_model_installed", lambda _: False)
    put_database_in(tmp_path / "data")
    (line,) = missing(tmp_path)
    assert line.startswith("No model is available.")
    assert "OPENAI_API_KEY" in line
    assert "OPENAI_BASE_URL, to http://localhost:11434/v1 for Ollama" in line
    assert "personachat local install" in line
    servers = {"ollama": {"base_url": "http://localhost:11434/v1"}}
    assert missing(tmp_path, providers=servers) == ()


def test_a_database_out_of_reach_is_said_without_its_password(tmp_path: Path) -> None:
    address = "postgresql://somebody:password-to-hide@127.0.0.1:1/none"
    (line,) = missing(tmp_path, openai_api_key="sk-test", database_url=address)
    assert line.startswith("The database can't be used, so chats can't be saved.")
    assert "password-to-hide" not in line


def test_a_damaged_database_is_said(tmp_path: Path) -> None:
    put_database_in(tmp_path / "data").write_bytes(b"no database at all, but some words" * 100)
    (line,) = missing(tmp_path, openai_api_key="sk-test")
    assert line.startswith("The database can't be used")
