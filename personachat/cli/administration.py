"""The commands for administrators; what a command needs is imported by the command."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from personachat.cli.console import answer
from personachat.cli.options import AuditFormat, DataDir

if TYPE_CHECKING:
    from personachat.accounts.administrator import Administrator

_DAY = ["%Y-%m-%d"]


def audit(  # noqa: PLR0913  # one option a filter
    *,
    actor: Annotated[str, typer.Option(help="Only what this person did: an owner or a name.")] = "",
    action: Annotated[str, typer.Option(help="Only one action, such as deleted.")] = "",
    kind: Annotated[str, typer.Option(help="Only one kind, such as persona or token.")] = "",
    target: Annotated[str, typer.Option(help="Only what was done to this id.")] = "",
    since: Annotated[
        datetime | None, typer.Option(formats=_DAY, metavar="YYYY-MM-DD", help="The first day, in UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAY, metavar="YYYY-MM-DD", help="The last day, in UTC.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The maximum number to list.")] = 1000,
    file_format: Annotated[
        AuditFormat, typer.Option("--format", help="How to print them.")
    ] = AuditFormat.table,
    data_dir: DataDir = None,
) -> None:
    """Show who changed, shared, exported and deleted what; newest first."""
    from personachat.accounts.audit import AuditFilter
    from personachat.history.audit_table import audit_csv

    asked = AuditFilter(
        actor=actor,
        action=action,
        kind=kind,
        target=target,
        since=None if since is None else since.replace(tzinfo=UTC),
        until=None if until is None else until.replace(tzinfo=UTC) + timedelta(days=1),
    )
    with _opened(data_dir) as administrator:
        events = islice(administrator.audit.all(asked), limit)
        if file_format is AuditFormat.csv:
            for line in audit_csv(events):
                answer(line)
            return
        for event in events:
            known = json.dumps(event.after or event.before or {}, ensure_ascii=False, sort_keys=True)
            at = f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
            answer(f"{at}  {event.actor_name}  {event.action} {event.kind} {event.target}  {known}", end="\n")


def _opened(data_dir: Path | None) -> AbstractContextManager[Administrator]:
    from personachat.accounts.opening import opened
    from personachat.settings import load_settings

    return opened(load_settings(data_dir=data_dir))
