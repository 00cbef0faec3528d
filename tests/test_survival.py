"""Whatever kills the process, what had arrived is there in its next life."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import persona_text
from tests.fake_provider import FakeProvider, Pause, Step, tokens
from tests.postgres import fresh_database

ROOT = Path(__file__).resolve().parents[1]

LOST_SECONDS = 0.5
"""How much of what had arrived a crash may cost."""

SLACK_SECONDS = 0.5
"""For a writing that was under way when it was killed, on a busy machine."""

WORDS = [f"word{number} " for number in range(1_000)]
WHOLE = "".join(WORDS)


def lived(folder: Path, *, lives: int, **settings: str) -> list[dict[str, Any]]:
    """What so many lives told before they were killed, and what was found after each."""
    (folder / "personas").mkdir()
    (folder / "personas" / "tester.json").write_text(persona_text(maxTokens=100_000), "utf-8")
    steps: list[str | Step] = [step for word in WORDS for step in (word, Pause(0.004))]
    with FakeProvider() as fake:
        fake.enqueue(*[tokens(steps) for _ in range(lives)])
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "tests.killed_lives", str(lives), "7"],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")},
                "OPENAI_BASE_URL": fake.base_url,
                "PERSONACHAT_PERSONAS_DIR": str(folder / "personas"),
                "PERSONACHAT_DATA_DIR": str(folder / "data"),
                **settings,
            },
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            timeout=280,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == lives
    return found


def assert_nothing_was_lost(life: dict[str, Any]) -> None:
    (role, question, _), (answered, text, state) = life["turns"]
    assert (role, question) == ("user", life["begun"]["question"])
    assert answered == "assistant"
    assert WHOLE.startswith(text), "the text is not what had arrived"
    assert state == "interrupted"
    old = life["killed_at"] - LOST_SECONDS - SLACK_SECONDS
    arrived = max((line["characters"] for line in life["told"] if line["at"] <= old), default=0)
    assert len(text) >= arrived


@pytest.mark.timeout(300)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="lives are forked, which this system cannot do")
def test_a_killed_process_loses_at_most_the_last_half_second(tmp_path: Path) -> None:
    lives = lived(tmp_path, lives=25)
    for life in lives:
        assert_nothing_was_lost(life)
    assert sum(bool(life["turns"][1][1]) for life in lives) > len(lives) / 5, "hardly any life got to speak"


@pytest.mark.timeout(300)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="lives are forked, which this system cannot do")
def test_a_killed_process_loses_no_more_where_it_writes_to_postgresql(tmp_path: Path) -> None:
    with fresh_database() as url:
        lives = lived(tmp_path, lives=2, DATABASE_URL=url)
    for life in lives:
        assert_nothing_was_lost(life)
    assert any(line["characters"] for line in lives[1]["told"]), "it did not get to speak"
