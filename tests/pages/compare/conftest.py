"""The Compare page over two personas that ask different models."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import persona_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "personas"
    folder.mkdir()
    for number, each in enumerate(("ada", "bob"), 1):
        (folder / f"{each}.json").write_text(persona_text(each, model=f"fake-{number}"))
    return folder
