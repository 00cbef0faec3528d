"""The results of a persona's runs over time, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from personachat.lab.runs.model import Run
from personachat.lab.runs.scoring import Share
from personachat.lab.testing import Tests
from personachat.stamps import now
from personachat.ui.dates import ago, viewer_zone
from personachat.ui.insights import chart, options
from personachat.ui.insights.chart import Chart

MOST_RUNS = 20


def draw(tests: Tests, runs: tuple[Run, ...]) -> None:
    """From the second finished run on; `runs` are the newest first."""
    finished = [run for run in runs if run.state == "finished"][:MOST_RUNS]
    if len(finished) < 2:
        return
    st.space("small")
    passes = tests.runs.passes([run.id for run in finished])
    scored = [(run, Share(passes.get(run.id, 0), run.planned)) for run in finished]
    numbers = tests.revision_numbers(finished)
    chart.draw(over_runs(scored, {etag: f"revision {number}" for etag, number in numbers.items()}))


def over_runs(scored: list[tuple[Run, Share]], revisions: Mapping[str, str]) -> Chart:
    """`revisions` are the names of the persona's versions, by their etags."""
    moment, zone = now(), viewer_zone()
    names = [
        f"{revisions.get(run.persona_revision, 'draft')} · {ago(run.began_at, now=moment, zone=zone)}"
        for run, _ in scored
    ]
    intervals = [share.interval for _, share in scored]
    shares = [share.hits / share.count if share.count else None for _, share in scored]
    rows = [
        (
            run.began_at.isoformat(timespec="seconds"),
            revisions.get(run.persona_revision, "draft"),
            share.hits,
            share.count,
            *share.interval,
        )
        for run, share in scored
    ]
    newest, oldest = scored[0][1], scored[-1][1]
    return Chart(
        key="test_runs",
        question="How many replies passed in each run?",
        option=options.intervals(names, shares, intervals, of="Passed"),
        columns=("Began", "Persona", "Passed", "Replies", "At least", "At most"),
        rows=rows,
        alt=f"Replies that passed: {newest.in_words} in the newest run, {oldest.in_words} in the oldest.",
        empty="Run the tests.",
        caption="The newest run first, each with the persona's revision and its 95 % interval.",
        height=80 + 34 * len(scored),
    )
