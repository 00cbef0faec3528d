"""`personachat test`: runs suites of personas, for people and for CI.

Results go to stdout, progress and costs to stderr. Exit codes: 0 all pass, 1 something failed, 2 they can't
be run, 3 there were errors, or the run was stopped at its cost limit.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from personachat.cli.console import answer, complain, complain_of, note
from personachat.errors import PersonaChatError, SuiteInvalid
from personachat.lab.pairwise import QUESTION
from personachat.lab.runs.documents import exit_code, junit, on_one_line, run_document, why
from personachat.lab.runs.pairs import score_pairs
from personachat.lab.runs.reports import RunReport
from personachat.lab.runs.runner import LiveRun
from personachat.lab.runs.scoring import CHANGES, Comparison
from personachat.lab.runs.wish import RunWish
from personachat.lab.testing import Tests, refuse_unpriced
from personachat.owners import LOCAL_OWNER
from personachat.personas.store.base import StoredPersona
from personachat.services import Services, build_services
from personachat.settings import Settings

CANNOT_RUN, STOPPED = 2, 3
WAIT_SECONDS = 0.2

_SIGNS = {"pass": "pass ", "fail": "FAIL ", "flaky": "FLAKY", "error": "ERROR", "missing": "none "}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """The command's options."""

    ids: Sequence[str]
    repeat: int | None = None
    model: str | None = None
    against: int | None = None
    junit: Path | None = None
    json: Path | None = None
    most_cost_usd: float | None = None
    pairwise: bool = False
    """Whether a judge compares the replies with those of the revision `against`."""


def run(options: RunCommand, *, settings: Settings) -> int:
    """Run the suites and print the results; returns the exit code."""
    logging.getLogger().addHandler(logging.NullHandler())  # an error is printed once, as a sentence
    services = build_services(settings)
    try:
        return _run(services, options)
    finally:
        services.close()


def run_saved(saved: Sequence[StoredPersona], *, settings: Settings) -> None:
    """Run the suites of personas that were just saved, and say so; the save stays whatever happens."""
    logging.getLogger().addHandler(logging.NullHandler())
    services = build_services(settings)
    try:
        tests = services.of(LOCAL_OWNER, surface="cli").tests
        for persona in saved:
            try:
                live = tests.begin_saved(persona)
            except PersonaChatError as error:
                complain_of(error)
                continue
            if live is None:
                continue
            note(
                f"{persona.id}: running its tests, as set for saves. Ctrl+C stops them; the persona stays "
                f"saved."
            )
            _follow(live)
            note(f"  {tests.runs.report(live.plan.run.id).score.whole.in_words} cases pass in every repeat.")
    except KeyboardInterrupt:
        note("The tests were stopped. Resume them on the Tests page.")
    finally:
        services.close()


def _run(services: Services, options: RunCommand) -> int:
    tests = services.of(LOCAL_OWNER, surface="cli").tests
    if options.pairwise and (options.against is None or not tests.judge_model):
        lacking = "--against REVISION" if options.against is None else "PERSONACHAT_JUDGE_MODEL"
        complain("--pairwise can't compare replies.", f"Set {lacking}.")
        return CANNOT_RUN
    if not _can_write(options.junit, options.json):
        return CANNOT_RUN
    try:
        wishes = _wishes(tests, options)
    except PersonaChatError as error:
        if not isinstance(error, SuiteInvalid):  # whose problems were already printed
            complain_of(error)
        return CANNOT_RUN
    if not wishes:
        complain("There are no tests.", "Write personas/<id>.tests.yaml.")
        return CANNOT_RUN
    reports: list[RunReport] = []
    left = options.most_cost_usd
    try:
        for wish in wishes:
            report, left = _one(tests, wish, options, left_usd=left)
            reports.append(report)
    except PersonaChatError as error:
        complain_of(error)
        if reports:  # the results have been paid for, so they can be read
            write(reports, json_file=options.json, junit_file=options.junit)
        return CANNOT_RUN
    written = write(reports, json_file=options.json, junit_file=options.junit)
    return exit_code(reports) if written else CANNOT_RUN


def _wishes(tests: Tests, options: RunCommand) -> list[RunWish]:
    """The runs to make; everything that would refuse one does so now, before the first call."""
    wishes = []
    for persona_id in options.ids or tests.suites.ids():
        wish = RunWish(persona_id=persona_id, repeat=options.repeat, model=options.model)
        try:
            # the newest version first: that turns an edited file into a revision
            forecast = tests.forecast(replace(wish, pairwise=QUESTION if options.pairwise else ""))
            if options.against is not None:
                tests.forecast(replace(wish, revision=options.against))
        except SuiteInvalid as error:
            for problem in error.problems:
                complain(f"{persona_id}.tests.yaml:{problem.line}:{problem.column}: {problem.message}")
            raise
        refuse_unpriced(options.most_cost_usd, forecast)
        calls = "1 call" if forecast.calls == 1 else f"{forecast.calls:,} calls"
        twice = " for each of the two versions" if options.against is not None else ""
        note(
            f"{persona_id}: {calls} of {forecast.provider}/{forecast.model}, cost "
            f"{_cost(forecast.cost_usd)}{twice}."
        )
        if forecast.reason:
            note(f"  {forecast.reason}")
        wishes.append(wish)
    return wishes


def _cost(usd: float | None) -> str:
    if usd is None:
        return "unknown"
    return "less than $0.0001" if 0 < usd < 0.0001 else f"about ${usd:.4f}"


def _one(
    tests: Tests, wish: RunWish, options: RunCommand, *, left_usd: float | None
) -> tuple[RunReport, float | None]:
    """Run one suite, and before it the revision to compare with, if any; print the result.

    The revision is always run again: an earlier run may have had other cases, models or repeats.
    """
    before: RunReport | None = None
    if options.against is not None:
        before = _finished(tests, replace(wish, revision=options.against, most_cost_usd=left_usd))
        left_usd = _less(left_usd, before)
    if before and options.pairwise:
        wish = replace(wish, pairwise=QUESTION, against=before.run.id)
    report = _finished(tests, replace(wish, most_cost_usd=left_usd))
    left_usd = _less(left_usd, report)
    if before:
        report = tests.runs.report(report.run.id, before=before.run.id)
    show(report, told_before=f"revision {options.against}" if before else "the run before")
    _show_pairs(report)
    return report, left_usd


def _less(left_usd: float | None, report: RunReport) -> float | None:
    return None if left_usd is None else max(0.0, left_usd - (report.score.cost_usd or 0.0))


def _finished(tests: Tests, wish: RunWish) -> RunReport:
    return followed(tests, tests.start(wish))


def followed(tests: Tests, live: LiveRun) -> RunReport:
    """The report of a run, once it is over; Ctrl+C ends it."""
    try:
        _follow(live)
    except KeyboardInterrupt:
        tests.runs.cancel(live.plan.run.id)
        note("Stopped. Finished replies are kept.")
        raise
    return tests.runs.report(live.plan.run.id)


def _follow(live: LiveRun) -> None:
    """Print its progress until it is over."""
    planned, seen = live.plan.run.planned, 0
    while not live.over:
        for cell in live.wait(seen, timeout_seconds=WAIT_SECONDS):
            seen += 1
            name = on_one_line(live.plan.suite.cases[cell.case_number].name)
            note(f"  {seen}/{planned} {cell.outcome}: {name}")


def show(report: RunReport, *, told_before: str = "") -> None:
    """Print the results of a run, case by case."""
    run, scored = report.run, report.score
    revision = f" ({run.persona_revision[:8]})" if run.persona_revision else ""
    answer(f"{run.persona_id}{revision}", end="\n")
    for case in scored.cases:
        answer(f"  {_SIGNS[case.state]}  {case.passes}/{case.planned}  {on_one_line(case.name)}", end="\n")
        if case.state != "pass":
            answer("".join(f"           {line}\n" for line in why(case).splitlines()))
    answer(
        f"  {scored.whole.in_words} cases pass in every repeat; {scored.replies.in_words} replies pass.",
        end="\n",
    )
    for trust in report.judges:
        answer(f"  Judge of {on_one_line(trust.question)}\n    {trust.agreement.sentence}", end="\n")
    if run.state == "limit":
        answer("  Stopped: another reply could have cost more than allowed.", end="\n")
    if run.state == "cancelled":
        answer("  The run was cancelled.", end="\n")
    if report.comparison:
        answer(_compared(report.comparison, told_before), end="\n")


def _show_pairs(report: RunReport) -> None:
    if pairs := score_pairs(report.score):
        answer(f"  Replies compared by a judge: {pairs.sentence}", end="\n")
        for trust in report.pair_judges:
            answer(f"    {trust.agreement.sentence}", end="\n")


def _compared(comparison: Comparison, told_before: str) -> str:
    counts = ", ".join(f"{len(matches)} {change}" for change in CHANGES if (matches := comparison.of(change)))
    lines = [f"  Compared with {told_before}: {counts}."]
    lines += [
        f"    {each.change}: {on_one_line(each.name)} "
        f"({each.before or 'not there'} -> {each.after or 'not there'})"
        for change in CHANGES
        for each in comparison.of(change)
    ]
    if comparison.differing:
        lines.append(f"    Note: {', '.join(comparison.differing)} changed, too.")
    return "\n".join(lines)


def _can_write(*paths: Path | None) -> bool:
    """Whether these files can probably be written; says which one can't."""
    for path in filter(None, paths):
        place = path if path.exists() else path.absolute().parent
        if path.is_dir() or not place.exists() or not os.access(place, os.W_OK):
            complain(f"{path} can't be written.", "Nothing was run.")
            return False
    return True


def write(
    reports: Sequence[RunReport], *, json_file: Path | None = None, junit_file: Path | None = None
) -> bool:
    """Write the requested files; False if one can't be written."""
    document: dict[str, Any] = {"runs": [run_document(report) for report in reports]}
    files: tuple[tuple[Path | None, Callable[[], bytes]], ...] = (
        (junit_file, lambda: junit(reports)),
        (json_file, lambda: json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "replace")),
    )
    for path, content in files:
        try:
            if path:
                path.write_bytes(content())
        except OSError as error:
            complain(f"{path} can't be written: {(error.strerror or 'no such place').lower()}.")
            return False
    return True
