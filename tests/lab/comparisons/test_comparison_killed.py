"""A server that is killed in mid-comparison: what was there stays, and the rest is asked again."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from personachat.database.connection import FILE_NAME
from tests.e2e.conftest import start_app
from tests.fake_provider import FakeProvider, Gate, tokens

SETTLED = {"finished", "interrupted", "failed", "stopped"}


def states(client: httpx2.Client, here: str) -> list[tuple[str, str]]:
    replies = client.get(here).json()["messages"][0]["replies"]
    return [(each["state"], each["text"]) for each in replies]


def wait_for_states(client: httpx2.Client, here: str, wanted: set[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for _ in range(600):
        found = states(client, here)
        if {state for state, _ in found} <= wanted:
            return found
        client.get("/health")
    pytest.fail(f"the replies stay {found}")


def test_killed_in_mid_stream_every_column_has_what_had_come_and_goes_on(tmp_path: Path) -> None:
    with FakeProvider() as fake:
        gates = [Gate(), Gate()]
        fake.answer_by_model(
            {
                "canary-1": tokens(["heron"]),
                "canary-2": tokens(["stork", gates[0], " lost"]),
                "canary-3": tokens(["crane", gates[1], " lost"]),
            }
        )
        variants = [{"personaId": "default-persona", "model": f"canary-{n}"} for n in (1, 2, 3)]
        with (
            start_app(tmp_path, provider=fake) as server,
            httpx2.Client(base_url=f"{server.url}/api", timeout=30) as client,
        ):
            sent = {"message": "Which bird?", "variants": variants}
            with client.stream("POST", "/comparisons", json=sent) as response:
                lines = (line for line in response.iter_lines() if line.startswith("data: "))
                comparison_id = json.loads(next(lines)[6:])["id"]
                here = f"/comparisons/{comparison_id}"
                for gate in gates:
                    gate.wait_reached()
                wait_for_checkpoints(tmp_path, "heron", "stork", "crane")
                server.kill()
        for gate in gates:
            gate.open()
        with (
            start_app(tmp_path, provider=fake) as server,
            httpx2.Client(base_url=f"{server.url}/api", timeout=30) as client,
        ):
            found = wait_for_states(client, here, SETTLED)
            assert found == [("finished", "heron"), ("interrupted", "stork"), ("interrupted", "crane")]
            fake.answer_by_model({"canary-2": tokens(["stork again"])})
            asked = client.post(
                f"{here}/retry", json={"variant": "B"}, headers={"Accept": "application/json"}
            )
            assert asked.status_code == 200, asked.text
            assert states(client, here)[:2] == [("finished", "heron"), ("finished", "stork again")]


def test_a_list_that_a_killed_server_sent_says_so_and_is_continued(tmp_path: Path) -> None:
    with FakeProvider() as fake:
        gate = Gate()
        fake.answer_by_model({"canary-1": tokens(["heron"]), "canary-2": tokens(["stork"])})
        variants = [{"personaId": "default-persona", "model": f"canary-{n}"} for n in (1, 2)]
        with (
            start_app(tmp_path, provider=fake) as server,
            httpx2.Client(base_url=f"{server.url}/api", timeout=30) as client,
        ):
            sent = {"message": "One", "variants": variants, "waiting": ["Two", "Three"]}
            begun = client.post("/comparisons", json=sent, headers={"Accept": "application/json"})
            here = f"/comparisons/{begun.json()['id']}"
            fake.answer_by_model({"canary-1": tokens(["heron", gate]), "canary-2": tokens(["stork"])})
            assert client.post(f"{here}/list").json()["listState"] == "sending"
            gate.wait_reached()
            server.kill()
        gate.open()
        fake.answer_by_model({"canary-1": tokens(["heron"]), "canary-2": tokens(["stork"])})
        with (
            start_app(tmp_path, provider=fake) as server,
            httpx2.Client(base_url=f"{server.url}/api", timeout=30) as client,
        ):
            found = client.get(here).json()
            assert (found["listState"], found["waiting"]) == ("stopped", ["Three"])
            wait_for_states(client, here, SETTLED)
            assert client.post(f"{here}/list").status_code == 202
            for _ in range(600):
                found = client.get(here).json()
                if found["listState"] is None:
                    break
            assert [each["message"] for each in found["messages"]] == ["One", "Two", "Three"]


def wait_for_checkpoints(folder: Path, *words: str) -> None:
    """Until these words of replies, and the end of one of them, are in the database."""
    query = "SELECT text || journal, state FROM turns WHERE role = 'assistant'"
    for _ in range(20_000):
        with closing(sqlite3.connect(folder / "data" / FILE_NAME)) as connection:
            rows = connection.execute(query).fetchall()
        there = all(any(word in text for text, _ in rows) for word in words)
        if there and any(state == "finished" for _, state in rows):
            return
    pytest.fail("the replies were never written")
