"""Several processes and threads on one folder, and writers that are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from personachat.personas.store.base import StoredPersona
from personachat.personas.store.files import FilePersonaStore

ROOT = Path(__file__).parents[3]

COUNTER = """
import json, sys
from pathlib import Path
from personachat.errors import PersonaChanged
from personachat.personas.store.files import FilePersonaStore

store = FilePersonaStore(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    while True:
        stored = store.get("counter")
        value = json.loads(stored.text)
        value["extensions"]["count"] += 1
        value["extensions"]["writers"].append(sys.argv[3])
        try:
            store.save(json.dumps(value), etag=stored.etag)
            break
        except PersonaChanged:
            continue
"""

WRITER = """
import json, sys
from itertools import count
from pathlib import Path
from personachat.personas.store.files import FilePersonaStore

store = FilePersonaStore(Path(sys.argv[1]))
print("ready", flush=True)
for number in count(int(sys.argv[2])):
    prompt = f"<{number}>" + "x" * 20_000 + f"<{number}>"
    store.save(json.dumps({"id": "victim", "name": "Victim", "systemPrompt": prompt}))
"""


@contextmanager
def started(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a script until it ends or the test is done with it."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def counter_text() -> str:
    extensions = {"count": 0, "writers": []}
    return json.dumps(
        {"id": "counter", "name": "Counter", "systemPrompt": "Count.", "extensions": extensions}
    )


def test_no_update_of_several_processes_is_lost(tmp_path: Path) -> None:
    store = FilePersonaStore(tmp_path)
    store.save(counter_text())
    with ExitStack() as running:
        writers = [running.enter_context(started(COUNTER, tmp_path, 15, name)) for name in "abcd"]
        assert [writer.wait(timeout=100) for writer in writers] == [0, 0, 0, 0]
    counted = store.get("counter").persona.extensions
    assert counted["count"] == 60
    assert sorted(counted["writers"]) == sorted("abcd" * 15)


def test_only_one_of_many_threads_saves_over_a_version(tmp_path: Path) -> None:
    store = FilePersonaStore(tmp_path)
    first = store.save(counter_text())
    outcomes: list[str] = []
    together = threading.Barrier(8)

    def save(number: int) -> None:
        together.wait()
        text = first.text.replace("Count.", f"Count to {number}.")
        try:
            store.save(text, etag=first.etag)
            outcomes.append("saved")
        except Exception as error:  # noqa: BLE001  # looked at below
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["PersonaChanged"] * 7 + ["saved"]


def test_a_killed_writer_leaves_the_old_text_or_the_new_one(tmp_path: Path) -> None:
    chance = random.Random(7)
    store = FilePersonaStore(tmp_path)
    last = 0
    for _ in range(12):
        seen: set[type] = set()
        with started(WRITER, tmp_path, last) as writer:
            assert writer.stdout
            assert writer.stdout.readline() == "ready\n"
            kill_at = time.monotonic() + chance.uniform(0.0, 0.06)
            while time.monotonic() < kill_at or not (tmp_path / "victim.json").exists():
                seen.update(type(stored) for stored in store.all())
            os.kill(writer.pid, signal.SIGKILL)
        assert seen <= {StoredPersona}
        prompt = store.get("victim").persona.system_prompt
        number = int(prompt[1 : prompt.index(">")])
        assert prompt == f"<{number}>" + "x" * 20_000 + f"<{number}>"
        assert number >= last
        last = number
    store.save(json.dumps({"id": "victim", "name": "Victim", "systemPrompt": "Alive."}))
    assert store.get("victim").persona.system_prompt == "Alive."
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "victim.json"]
