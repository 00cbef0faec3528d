"""A server that is killed in the middle of a run: whole replies stay, and the run goes on to its end."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from personachat.database.connection import FILE_NAME
from tests.e2e.conftest import start_app
from tests.fake_provider import Gate, Reply, tokens
from tests.lab.scripted import ScriptedProvider, last_words

CASES = [f"Question {number:02}" for number in range(30)]
WHOLE, AT_ONCE = 10, 4
CALLS = "SELECT count(*) FROM usage_calls WHERE outcome = '{}'"
SUITE = "persona: default-persona\nrepeat: 1\ncases:\n" + "".join(
    f"  - {{ name: {case}, say: {case}, check: [ {{ contains: heron }} ] }}\n" for case in CASES
)


def test_a_killed_run_keeps_its_whole_replies_and_asks_only_for_the_others(tmp_path: Path) -> None:
    with ScriptedProvider() as fake:
        gate = Gate()

        def hold_after_some(body: Mapping[str, Any]) -> Reply:
            held = last_words(body) in CASES[WHOLE:]
            return tokens(["heron ", gate, "lost"] if held else ["heron"], usage=(10, 5))

        fake.script = hold_after_some
        settings = {"PERSONACHAT_MAX_CONCURRENT_TEST_CALLS": str(AT_ONCE)}
        with (
            start_app(tmp_path, provider=fake, environment=settings) as server,
            httpx2.Client(base_url=f"{server.url}/api", timeout=30) as here,
        ):
            here.put("/tests/suites/default-persona", json={"text": SUITE}).raise_for_status()
            began = here.post("/tests/runs", json={"personaId": "default-persona"})
            assert began.status_code == 202, began.text
            run_id = began.json()["id"]
            fake.wait_for_chats(WHOLE + AT_ONCE)
            wait_for_rows(tmp_path, "SELECT count(*) FROM test_cells", WHOLE)
            wait_for_rows(tmp_path, CALLS.format("finished"), WHOLE)  # the ledger is a moment behind
            wait_for_rows(tmp_path, CALLS.format("running"), AT_ONCE)
            server.kill()
        gate.open()
        cut = Counter(last_words(chat.body) for chat in fake.chats[WHOLE:])
        assert len(cut) == AT_ONCE
        fake.script = lambda body: "heron"
        with (
            start_app(tmp_path, provider=fake, environment=settings) as server,
            httpx2.Client(base_url=f"{server.url}/api", timeout=30) as here,
        ):
            left = here.get(f"/tests/runs/{run_id}").json()
            assert left["state"] == "interrupted"
            kept = [case["name"] for case in left["cases"] if case["replies"]]
            assert kept == CASES[:WHOLE]
            here.post(f"/tests/runs/{run_id}/resume").raise_for_status()
            assert last_event(here, run_id)["state"] == "finished"
            whole = here.get(f"/tests/runs/{run_id}").json()
            assert {case["name"]: case["state"] for case in whole["cases"]} == dict.fromkeys(CASES, "pass")
            asked = Counter(last_words(chat.body) for chat in fake.chats)
            assert asked == Counter(CASES) + cut
            wait_for_rows(tmp_path, CALLS.format("interrupted"), AT_ONCE)
            wait_for_rows(tmp_path, CALLS.format("finished"), len(CASES))
            calls = here.get("/usage", params={"purpose": "test", "limit": 100}).json()["calls"]
            outcomes = Counter(call["outcome"] for call in calls)
            assert outcomes == {"finished": len(CASES), "interrupted": AT_ONCE}


def last_event(client: httpx2.Client, run_id: str) -> dict[str, Any]:
    """What is said at the end of a run."""
    with client.stream("GET", f"/tests/runs/{run_id}/events") as response:
        said = [line[6:] for line in response.iter_lines() if line.startswith("data: {")]
    found: dict[str, Any] = json.loads(said[-1])
    return found


def wait_for_rows(folder: Path, query: str, count: int) -> None:
    """Until so many are in the database's file, where a killed process leaves them."""
    with closing(sqlite3.connect(folder / "data" / FILE_NAME)) as connection:
        for _ in range(20_000):
            found = connection.execute(query).fetchone()[0]
            if found == count:
                return
    pytest.fail(f"{found} of {count} were written")
