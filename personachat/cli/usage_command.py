"""The command that shows what calls of models took; what a command needs is imported by the command."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from personachat.cli.options import DataDir


class UsageFormat(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


def show_usage(  # noqa: PLR0913  # one option a filter
    *,
    by: Annotated[
        str,
        typer.Option(
            help=(
                "Group by these, separated by commas: day, person, persona, revision, provider, "
                "model, asked, purpose, surface, outcome, reason, error."
            )
        ),
    ] = "",
    since: Annotated[
        str | None, typer.Option(metavar="DAY", help="The first day: 2026-01-31, today, or 30d.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The last day.")] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=("The time zone of the days. By default, this machine's.")),
    ] = None,
    persona: Annotated[str | None, typer.Option(metavar="ID", help="Only calls of this persona.")] = None,
    revision: Annotated[str | None, typer.Option(metavar="ETAG", help="Only calls of this revision.")] = None,
    provider: Annotated[str | None, typer.Option(metavar="NAME", help="Only calls to this provider.")] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Only calls to this model.")] = None,
    purpose: Annotated[
        str | None, typer.Option(help=("Only calls for this purpose: chat, try_out, summary and so on."))
    ] = None,
    surface: Annotated[
        str | None, typer.Option(help="Only calls from here: page, api, mcp and so on.")
    ] = None,
    outcome: Annotated[str | None, typer.Option(help="Only calls with this outcome, such as failed.")] = None,
    error: Annotated[str | None, typer.Option(metavar="CODE", help="Only calls with this error.")] = None,
    person: Annotated[str | None, typer.Option(help="Only calls of this person, or me.")] = None,
    rows: Annotated[bool, typer.Option("--rows", help="List every call, as CSV or lines of JSON.")] = False,
    file_format: Annotated[UsageFormat, typer.Option("--format")] = UsageFormat.table,
    data_dir: DataDir = None,
) -> None:
    """Show what model calls used: tokens, cost, time."""
    from personachat.cli import usage as command
    from personachat.settings import load_settings
    from personachat.stamps import now
    from personachat.usage.opening import opened
    from personachat.usage.questions import groups_of, parse_query

    question = parse_query(
        now=now(),
        timezone=timezone or command.local_timezone(),
        since=since,
        until=until,
        persona=persona,
        revision=revision,
        provider=provider,
        model=model,
        purpose=purpose,
        surface=surface,
        outcome=outcome,
        error=error,
        person=person,
    )
    groups = groups_of(by.split(","))
    with opened(load_settings(data_dir=data_dir)) as calls:
        if rows:
            command.show_calls(calls, question, file_format=file_format.value)
        else:
            command.show_sums(calls, question, groups, file_format=file_format.value)
