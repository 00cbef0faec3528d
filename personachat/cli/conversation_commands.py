"""The commands for conversations; what a command needs is imported by the command."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from personachat.cli.options import DataDir

if TYPE_CHECKING:
    from personachat.settings import Settings


class ConversationFormat(StrEnum):
    markdown = "markdown"
    json = "json"
    csv = "csv"


app = typer.Typer(help="List, export, import and delete conversations.", no_args_is_help=True)


@app.command("list")
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

    with opened(_settings(data_dir)) as library:
        conversations.list_all(library, search=search, limit=limit)


@app.command("export")
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

    with opened(_settings(data_dir)) as library:
        code = conversations.export(library, ids or [], file_format=file_format.value, output=output)
    raise typer.Exit(code)


@app.command("import")
def import_conversations(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Use - for stdin.", show_default=False)],
    *,
    data_dir: DataDir = None,
) -> None:
    """Import a JSON export and print the new ids."""
    from personachat.cli import conversations
    from personachat.history.opening import opened

    with opened(_settings(data_dir)) as library:
        code = conversations.import_file(library, file)
    raise typer.Exit(code)


@app.command("delete")
def delete_conversation(
    conversation_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    *,
    data_dir: DataDir = None,
) -> None:
    """Delete a conversation. For a while, the API can restore it."""
    from personachat.cli import conversations
    from personachat.history.opening import opened

    with opened(_settings(data_dir)) as library:
        conversations.delete(library, conversation_id)


def _settings(data_dir: Path | None) -> Settings:
    from personachat.settings import load_settings

    return load_settings(data_dir=data_dir)
