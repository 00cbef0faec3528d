"""Work on several personas, where the run that a click begins meets the one before."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import cast

import pytest

from personachat.authoring.library import PersonaLibrary
from personachat.authoring.several import BulkChange
from personachat.ui.personas import bulk_steps
from personachat.ui.personas.bulk_steps import BulkWork

WAIT = 10
NOBODYS = cast("PersonaLibrary", None)


def test_runs_that_meet_do_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_steps, "STEP", 2)
    ids = [f"p{number}" for number in range(100)]
    seen: list[str] = []

    def step(_: PersonaLibrary, some: Sequence[str]) -> BulkChange:
        threading.Event().wait(0.001)  # somebody else's turn
        seen.extend(some)
        return BulkChange((), ())

    work = BulkWork("Doing", "Did", list(ids), step)

    def run() -> None:
        while work.left:
            work.go_on(NOBODYS)

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(run) for _ in range(4)]:
            each.result(WAIT)
    assert seen == ids
    assert (work.done, work.total) == (100, 100)


def test_a_stop_waits_for_those_that_are_being_done() -> None:
    began, go_on = threading.Event(), threading.Event()
    happened: list[str] = []

    def step(_: PersonaLibrary, some: Sequence[str]) -> BulkChange:
        began.set()
        assert go_on.wait(WAIT)
        happened.append(f"did {len(some)}")
        return BulkChange((), ())

    work = BulkWork("Doing", "Did", [f"p{number}" for number in range(25)], step)

    def stop() -> None:
        work.stop()
        happened.append("stopped")

    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(work.go_on, NOBODYS)
        assert began.wait(WAIT)
        stopping = pool.submit(stop)
        assert not wait([stopping], timeout=0.1).done
        go_on.set()
        running.result(WAIT)
        stopping.result(WAIT)
    assert happened == ["did 10", "stopped"]
    assert not work.left
