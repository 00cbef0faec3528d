"""Runs are chosen by their names, so each has one of its own that stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from personachat.lab.runs.model import Run
from personachat.ui.tests.run_names import run_names
from personachat.ui.wording import distinct

RUN = Run(
    id="a",
    owner="local",
    persona_id="tester",
    persona_revision="64a1f9df45960c56",
    persona_text="{}",
    suite_etag="e",
    suite_text="",
    model="",
    judge="",
    repeat=1,
    planned=1,
    most_cost_usd=None,
    surface="page",
    state="finished",
    began_at=datetime(2026, 11, 29, 1, 31, 1, tzinfo=UTC),
)


def test_runs_that_began_in_one_second_have_different_names() -> None:
    runs = [replace(RUN, id=each) for each in "abc"]
    names = run_names(runs, zone=UTC)
    assert list(names) == ["a", "b", "c"]
    assert names["a"] == "29 Nov 2026, 01:31:01, persona 64a1f9df, finished"
    assert len(set(names.values())) == 3


def test_a_name_says_the_viewers_time_a_draft_and_the_model() -> None:
    run = replace(RUN, persona_revision="", model="fake-2")
    names = run_names([run], zone=ZoneInfo("Europe/Berlin"), with_state=False)
    assert names == {"a": "29 Nov 2026, 02:31:01, draft, fake-2"}


def test_names_that_are_the_same_get_a_number_that_no_other_has() -> None:
    names = distinct({"a": "Trams", "b": "Trams", "c": "Trams (2)", "d": "Trams"})
    assert names == {"a": "Trams", "b": "Trams (2)", "c": "Trams (2) (2)", "d": "Trams (3)"}
