"""The commands for administrators; what a command needs is imported by the command."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from personachat.cli.console import answer, hand_out, note
from personachat.cli.options import AuditFormat, DataDir, TokenRole

if TYPE_CHECKING:
    from personachat.accounts.administrator import Administrator

_DAY = ["%Y-%m-%d"]


Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="PATH", help="A file or folder to write to. If left out, stdout."),
]


def audit(  # noqa: PLR0913  # one option a filter
    *,
    actor: Annotated[str, typer.Option(help="Only events by this person: an owner or a name.")] = "",
    action: Annotated[str, typer.Option(help="Only one action, such as deleted.")] = "",
    kind: Annotated[str, typer.Option(help="Only one kind, such as persona or token.")] = "",
    target: Annotated[str, typer.Option(help="Only events about this id.")] = "",
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
    """Show who changed, shared, exported or deleted what."""
    from personachat.accounts.audit import AuditFilter
    from personachat.accounts.audit_words import deed, details
    from personachat.history.audit_table import audit_csv
    from personachat.stamps import end_of, start_of

    audit_filter = AuditFilter(
        actor=actor,
        action=action,
        kind=kind,
        target=target,
        since=None if since is None else start_of(since.date()),
        until=None if until is None else end_of(until.date()),
    )
    with _opened(data_dir) as administrator:
        events = islice(administrator.audit.all(audit_filter), limit)
        if file_format is AuditFormat.csv:
            for line in audit_csv(events):
                answer(line)
            return
        for event in events:
            at = f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
            more = "".join(f" · {each}" for each in details(event))
            answer(f"{at}  {event.actor_name} {deed(event)}{more}", end="\n")


def _opened(data_dir: Path | None) -> AbstractContextManager[Administrator]:
    from personachat.history.administration import opened
    from personachat.settings import load_settings

    return opened(load_settings(data_dir=data_dir))


tokens_app = typer.Typer(help="Create, list and revoke API tokens.", no_args_is_help=True)


@tokens_app.command("create")
def create_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.", show_default=False)],
    *,
    role: Annotated[TokenRole, typer.Option(help="What a program may do with it.")] = TokenRole.editor,
    owner: Annotated[str, typer.Option(help="The person it acts for. By default, you.")] = "",
    persona: Annotated[
        list[str] | None,
        typer.Option("--persona", metavar="ID", help="Limit it to this persona. Repeat it for more."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="The number of days until it expires.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Create a token and print it. It is never shown again."""
    from personachat.stamps import now

    with _opened(data_dir) as administrator:
        new_token = administrator.create_token(
            name=name,
            owner=owner,
            role=role.value,
            personas=frozenset(persona) if persona else None,
            expires_at=None if days is None else now() + timedelta(days=days),
        )
    note(f"Token {new_token.token.id} ({new_token.token.role}). Copy it now: it is never shown again.")
    answer(new_token.secret, end="\n")


@tokens_app.command("list")
def list_tokens(*, data_dir: DataDir = None) -> None:
    """List all tokens: id, state, role, person, last use, limits and name."""
    from personachat.stamps import now

    with _opened(data_dir) as administrator:
        for each in administrator.tokens():
            state = "revoked" if each.revoked_at else "valid" if each.holds(now()) else "expired"
            used = f"{each.used_at.astimezone(UTC):%Y-%m-%d %H:%M}" if each.used_at else "never used"
            limits = [] if each.expires_at is None else [f"until {each.expires_at:%Y-%m-%d}"]
            if each.personas is not None:
                limits.append(f"only {', '.join(sorted(each.personas)) or 'no persona'}")
            answer("  ".join([each.id, state, each.role, each.owner, used, *limits, each.name]), end="\n")


@tokens_app.command("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)], *, data_dir: DataDir = None
) -> None:
    """Revoke a token. It stops working at once, on every server."""
    with _opened(data_dir) as administrator:
        administrator.revoke_token(token_id)


people_app = typer.Typer(help="List people, and export or delete a person's data.", no_args_is_help=True)

Owner = Annotated[
    str, typer.Argument(metavar="OWNER", help="The person's id in the list.", show_default=False)
]


@people_app.command("list")
def list_people(*, data_dir: DataDir = None) -> None:
    """List everyone who has conversations.

    One line per person: id, role, conversations, last activity and name.
    """
    with _opened(data_dir) as administrator:
        for each in administrator.people():
            active = f"{each.active_at.astimezone(UTC):%Y-%m-%d %H:%M}"
            answer(f"{each.owner}  {each.role}  {each.conversations}  {active}  {each.name}", end="\n")


@people_app.command("export")
def export_person(owner: Owner, *, output: Output = None, data_dir: DataDir = None) -> None:
    """Export all data of a person as a ZIP archive."""
    with _opened(data_dir) as administrator:
        exported = administrator.export_person(owner)
    if not hand_out(exported.content, exported.filename, output):
        raise typer.Exit(1)


@people_app.command("delete")
def delete_person(
    owner: Owner,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Delete all data of a person. This can't be undone."""
    if not yes:
        typer.confirm(f"Delete all data of {owner}?", abort=True)
    with _opened(data_dir) as administrator:
        count = administrator.erase_person(owner)
    note(f"Deleted, with {count} conversation{'' if count == 1 else 's'}.")
