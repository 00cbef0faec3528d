"""`personachat test sweep`, `adherence` and `stress`: runs without a suite, for people and for CI.

Exit codes are those of `personachat test`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from personachat.cli import testing
from personachat.cli.console import answer, complain, complain_of, note
from personachat.errors import PersonaChatError, SuiteRunRefused
from personachat.history.filters import Filters
from personachat.lab.adherence import by_question, made_adherence
from personachat.lab.on_save import TestSettings
from personachat.lab.replaying import recorded
from personachat.lab.runs.documents import exit_code
from personachat.lab.runs.experiment import Experiment
from personachat.lab.runs.reports import RunReport
from personachat.lab.runs.wish import RunWish
from personachat.lab.stress import made_stress
from personachat.lab.sweeping import Axes, made_sweep
from personachat.lab.testing import Tests
from personachat.owners import LOCAL_OWNER
from personachat.services import build_services
from personachat.services.workspace import Workspace
from personachat.settings import Settings

Making = Callable[[Workspace], Experiment]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentOptions:
    """The options of all these commands."""

    persona_id: str
    model: str | None = None
    most_cost_usd: float | None = None
    json: Path | None = None

    @property
    def wish(self) -> RunWish:
        return RunWish(persona_id=self.persona_id, model=self.model, most_cost_usd=self.most_cost_usd)


def sweep(
    experiment: ExperimentOptions,
    axes: Axes,
    *,
    message: str,
    cases: Sequence[str],
    repeat: int,
    settings: Settings,
) -> int:
    """Send the same messages in every combination; returns the exit code."""

    def make(workspace: Workspace) -> Experiment:
        documents = []
        if cases:
            suite = workspace.tests.suites.get(experiment.persona_id).whole()
            names = {case.name for case in suite.cases}
            for name in cases:
                if name not in names:
                    raise SuiteRunRefused(f'The suite has no case "{name}".', hint="See its file.")
            documents = [case for case in suite.cases if case.name in cases]
        return made_sweep(experiment.persona_id, axes, cases=documents, message=message, repeat=repeat)

    return _run(experiment, make, settings=settings)


def adherence(
    experiment: ExperimentOptions,
    *,
    conversations: Sequence[str],
    newest: int,
    questions: Sequence[str],
    share: float,
    settings: Settings,
) -> int:
    """Measure recorded replies of these conversations or the newest; returns the exit code."""

    def make(workspace: Workspace) -> Experiment:
        own = TestSettings.of(workspace.personas.get(experiment.persona_id).persona).questions
        page = workspace.library.list(Filters(persona_id=experiment.persona_id), limit=newest).conversations
        ids = conversations or [each.id for each in page]
        talks = [recorded(workspace.chat, workspace.inspection, each, with_lore=False) for each in ids]
        return made_adherence(experiment.persona_id, talks, questions or own, share=share)

    return _run(experiment, make, settings=settings)


def stress(
    experiment: ExperimentOptions,
    *,
    user_model: str,
    goal: str,
    rounds: int,
    probes: Sequence[int],
    questions: Sequence[str],
    settings: Settings,
) -> int:
    """Have a simulated user talk to the persona; returns the exit code."""

    def make(workspace: Workspace) -> Experiment:
        persona = workspace.personas.get(experiment.persona_id).persona
        return made_stress(
            experiment.persona_id,
            questions or TestSettings.of(persona).questions,
            user_model=user_model or workspace.tests.judge_model or persona.model,
            goal=goal,
            rounds=rounds,
            probes=probes,
        )

    return _run(experiment, make, settings=settings)


def _run(experiment: ExperimentOptions, make: Making, *, settings: Settings) -> int:
    logging.getLogger().addHandler(logging.NullHandler())  # an error is printed once, as a sentence
    services = build_services(settings)
    try:
        workspace = services.of(LOCAL_OWNER, surface="cli")
        run = make(workspace)
        if any(run.suite.judged) and not workspace.tests.judge_model:
            complain("No judge is set.", "Set PERSONACHAT_JUDGE_MODEL.")
            return testing.CANNOT_RUN
        report = _finished(workspace.tests, experiment, run)
    except PersonaChatError as error:
        complain_of(error)
        return testing.CANNOT_RUN
    finally:
        services.close()
    testing.show(report)
    _show_questions(report)
    return exit_code([report]) if testing.write([report], json_file=experiment.json) else testing.CANNOT_RUN


def _finished(tests: Tests, experiment: ExperimentOptions, run: Experiment) -> RunReport:
    forecast = tests.forecast_experiment(experiment.wish, run)
    cost = "unknown" if forecast.cost_usd is None else f"about ${forecast.cost_usd:.4f}"
    note(f"{experiment.persona_id}: {forecast.calls:,} calls, cost {cost}.")
    return testing.followed(tests, tests.begin_experiment(experiment.wish, run))


def _show_questions(report: RunReport) -> None:
    """Each question's share, if the run has any."""
    if report.run.kind != "adherence":
        return
    for (question, judge), share in by_question(report).items():
        by = f" ({judge})" if judge else ""
        answer(f"  {share.in_words}: {question}{by}", end="\n")
