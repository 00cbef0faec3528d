"""What a log line is about is in fields of its own, so that a program need not read the sentence."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest

from personachat.api.wrong_tokens import WrongTokens
from personachat.database.connection import Database
from personachat.errors import DatabaseUnavailable
from personachat.telemetry.logs import JsonLines


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    return [json.loads(JsonLines().format(record)) for record in caplog.records]


def test_a_wrong_token_says_from_where_and_how_many_there_were(caplog: pytest.LogCaptureFixture) -> None:
    wrong_tokens = WrongTokens()
    for _ in range(2):
        assert asyncio.run(wrong_tokens.came_from("192.0.2.7"))
    assert [(line["network"], line["wrong_tokens"]) for line in lines(caplog)] == [
        ("192.0.2.7", 1),
        ("192.0.2.7", 2),
    ]


def test_a_lost_database_has_its_code(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "file").write_text("")
    database = Database(f"sqlite:///{tmp_path / 'file' / 'chats.sqlite'}")
    with pytest.raises(DatabaseUnavailable), database.read():
        pass
    assert [line["code"] for line in lines(caplog) if "code" in line] == ["database_unavailable"]
