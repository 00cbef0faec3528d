"""How much can be uploaded: each field has a limit of its own, and the server one for all."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from personachat.history.importing import MOST_BYTES
from personachat.personas.formats.catalogue import MOST_ARCHIVE_BYTES

ROOT = Path(__file__).resolve().parents[2]
UPLOADERS = {"file_uploader", "camera_input", "audio_input"}


def test_every_field_for_files_names_its_limit() -> None:
    found = 0
    for file in (*ROOT.glob("personachat/ui/**/*.py"), *ROOT.glob("pages/*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                keywords = {keyword.arg for keyword in node.keywords}
                if node.func.attr in UPLOADERS:
                    found += 1
                    assert "max_upload_size" in keywords, file
                assert "accept_file" not in keywords, file
    assert found == 6


def test_the_server_takes_no_more_than_the_largest_field_does() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["server"]["maxUploadSize"] * 1024 * 1024 == max(MOST_BYTES, MOST_ARCHIVE_BYTES)
