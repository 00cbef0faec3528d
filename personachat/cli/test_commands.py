"""The commands of `personachat test`; what a command needs is imported by the command.

Without one of its commands, `personachat test` runs suites, so that it needs no word more for that.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from personachat.cli.options import DataDir, DefaultGroup, PersonasDir

if TYPE_CHECKING:
    from personachat.settings import Settings


class TestingGroup(DefaultGroup):
    """A group whose personas and options without a command belong to `run`."""

    __test__ = False
    default = "run"


app = typer.Typer(cls=TestingGroup, help="Run test suites, and measure personas in other ways.")

PersonaId = Annotated[str, typer.Argument(metavar="ID", help="The persona.", show_default=False)]
Model = Annotated[
    str | None, typer.Option(metavar="NAME", help="The model to ask, instead of the persona's.")
]
MaxCost = Annotated[float | None, typer.Option(min=0, metavar="USD", help="Stop before the runs cost more.")]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write JSON.")]
Questions = Annotated[
    list[str] | None,
    typer.Option(
        "--question", metavar="TEXT", help="Ask this yes-or-no question. If left out, the persona's own."
    ),
]


@app.command("run")
def run_tests(  # noqa: PLR0913  # one option each
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Personas. If left out, all with tests.", show_default=False),
    ] = None,
    *,
    repeat: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="How often each case runs. By default, as the suites say."),
    ] = None,
    model: Model = None,
    against: Annotated[
        int | None, typer.Option(min=1, metavar="REVISION", help="Run this revision, too, and compare.")
    ] = None,
    pairwise: Annotated[
        bool, typer.Option("--pairwise", help="With --against, a judge compares the replies, too.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML.")] = None,
    json_file: JsonFile = None,
    max_cost: MaxCost = None,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Run the test suites of personas. This is what `personachat test` does without a command.

    Exit codes: 0 all pass; 1 a case failed or is flaky; 2 they can't be run; 3 errors, or the cost limit.
    """
    from personachat.cli import testing

    options = testing.RunCommand(
        ids=ids or (),
        repeat=repeat,
        model=model,
        against=against,
        junit=junit,
        json=json_file,
        most_cost_usd=max_cost,
        pairwise=pairwise,
    )
    raise typer.Exit(testing.run(options, settings=_settings(personas_dir, data_dir)))


@app.command()
def sweep(  # noqa: PLR0913  # one option each
    persona_id: PersonaId,
    *,
    tone: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="A tone to try.")] = None,
    style: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="A style to try.")] = None,
    formality: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="A formality to try.")] = None,
    temperature: Annotated[
        list[float] | None, typer.Option(min=0, max=2, metavar="NUMBER", help="A temperature to try.")
    ] = None,
    message: Annotated[str, typer.Option(metavar="TEXT", help="The message to send.")] = "",
    case: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A case of the suite to ask, by its name.")
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, max=20, help="How often each is sent.")] = 1,
    model: Model = None,
    json_file: JsonFile = None,
    max_cost: MaxCost = None,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Send the same messages with every combination of traits. Options for values can be repeated.

    Exit codes: those of `personachat test`.
    """
    from personachat.cli import experiments
    from personachat.lab.sweeping import Axes

    axes = Axes(
        tones=tuple(tone or ()),
        styles=tuple(style or ()),
        formalities=tuple(formality or ()),
        temperatures=tuple(temperature or ()),
    )
    options = experiments.ExperimentOptions(
        persona_id=persona_id, model=model, most_cost_usd=max_cost, json=json_file
    )
    settings = _settings(personas_dir, data_dir)
    raise typer.Exit(
        experiments.sweep(options, axes, message=message, cases=case or (), repeat=repeat, settings=settings)
    )


@app.command()
def adherence(  # noqa: PLR0913  # one option each
    persona_id: PersonaId,
    *,
    conversation: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A conversation to measure. Can be repeated.")
    ] = None,
    newest: Annotated[
        int, typer.Option(min=1, max=200, help="Without --conversation: how many of the newest.")
    ] = 10,
    question: Questions = None,
    share: Annotated[
        float, typer.Option(min=0.01, max=100, metavar="PERCENT", help="The share of replies to measure.")
    ] = 100,
    json_file: JsonFile = None,
    max_cost: MaxCost = None,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Have a judge say how well recorded replies fit the persona.

    Exit codes: 0 all fit; 1 one doesn't; 2 it can't be measured; 3 errors, or the cost limit.
    """
    from personachat.cli import experiments

    options = experiments.ExperimentOptions(persona_id=persona_id, most_cost_usd=max_cost, json=json_file)
    settings = _settings(personas_dir, data_dir)
    raise typer.Exit(
        experiments.adherence(
            options,
            conversations=conversation or (),
            newest=newest,
            questions=question or (),
            share=share / 100,
            settings=settings,
        )
    )


@app.command()
def stress(  # noqa: PLR0913  # one option each
    persona_id: PersonaId,
    *,
    user_model: Annotated[
        str, typer.Option(metavar="NAME", help="Plays the user. If left out, the judge's model.")
    ] = "",
    goal: Annotated[str, typer.Option(metavar="TEXT", help="Who the user is and what they want.")] = "",
    rounds: Annotated[int, typer.Option(min=1, max=60, help="How many rounds.")] = 20,
    probe: Annotated[
        list[int] | None,
        typer.Option(
            min=1, max=60, metavar="ROUND", help="A round that the judge checks. By default, 1, 8 and 20."
        ),
    ] = None,
    question: Questions = None,
    model: Model = None,
    json_file: JsonFile = None,
    max_cost: MaxCost = None,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Let a simulated user talk to a persona, and judge some replies.

    Exit codes: those of `personachat test`. Missing rounds are errors.
    """
    from personachat.cli import experiments
    from personachat.lab.stress import PROBES

    options = experiments.ExperimentOptions(
        persona_id=persona_id, model=model, most_cost_usd=max_cost, json=json_file
    )
    settings = _settings(personas_dir, data_dir)
    raise typer.Exit(
        experiments.stress(
            options,
            user_model=user_model,
            goal=goal,
            rounds=rounds,
            probes=probe or PROBES,
            questions=question or (),
            settings=settings,
        )
    )


def _settings(personas_dir: Path | None, data_dir: Path | None) -> Settings:
    from personachat.settings import load_settings

    return load_settings(personas_dir=personas_dir, data_dir=data_dir)
