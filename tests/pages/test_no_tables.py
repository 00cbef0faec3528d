"""What no page needs is not loaded: pandas takes a second and 70 MB, and nothing here is a table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import persona_text
from tests.fake_provider import FakeProvider

HOME = Path(__file__).resolve().parents[2] / "Home.py"

VISIT = """
import json, sys
from streamlit.testing.v1 import AppTest

page = AppTest.from_file(sys.argv[1], default_timeout=60).run()
page.chat_input[0].set_value("Hello").run()
said = [each.value for each in page.markdown]
faults = [str(fault.value) for fault in page.exception]
for name in ("personas", "history", "compare", "insights"):
    page.switch_page(f"pages/{name}.py").run()
    faults += [str(fault.value) for fault in page.exception]
heavy = [name for name in ("pandas", "altair") if name in sys.modules]
print(json.dumps({"said": said, "faults": faults, "heavy": heavy}))
"""


def test_pages_and_replies_import_no_tables(fake: FakeProvider, tmp_path: Path) -> None:
    personas = tmp_path / "personas"
    personas.mkdir()
    (personas / "tester.json").write_text(persona_text("tester"), encoding="utf-8")
    environment = {
        **os.environ,
        "OPENAI_BASE_URL": fake.base_url,
        "OPENAI_API_KEY": "not-a-key",
        "PERSONACHAT_PERSONAS_DIR": str(personas),
        "PERSONACHAT_DATA_DIR": str(tmp_path / "data"),
    }
    visit = subprocess.run(
        [sys.executable, "-c", VISIT, str(HOME)],
        env=environment,
        cwd=HOME.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    seen = json.loads(visit.stdout.splitlines()[-1])
    assert seen["faults"] == []
    assert any("You said: Hello" in words for words in seen["said"])
    assert seen["heavy"] == []
