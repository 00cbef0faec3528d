"""The commands of `personachat personas`; what a command needs is imported by the command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from personachat.cli.options import DataDir, OnConflict, PersonaFormat, PersonasDir

if TYPE_CHECKING:
    from personachat.authoring.opening import Personas

app = typer.Typer(help="Write, check, compare, restore, import and export personas.", no_args_is_help=True)

PersonaId = Annotated[str, typer.Argument(metavar="ID", show_default=False)]

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILES]...", help="Files or folders. If left out, all personas.", show_default=False
    ),
]


@app.command("list")
def list_personas(*, personas_dir: PersonasDir = None, data_dir: DataDir = None) -> None:
    """List all personas: id, model and name. Broken ones are listed with their error."""
    from personachat.cli import personas

    with _opened(personas_dir, data_dir) as opened:
        personas.list_all(opened.collection)


@app.command()
def show(persona_id: PersonaId, *, personas_dir: PersonasDir = None, data_dir: DataDir = None) -> None:
    """Print a persona's JSON as it was saved."""
    from personachat.cli import personas

    with _opened(personas_dir, data_dir) as opened:
        personas.show(opened.collection, persona_id)


@app.command()
def validate(
    files: Files = None,
    *,
    personas_dir: PersonasDir = None,
) -> None:
    """Print each error as file:line:column: message. Exits with 1 if there are errors."""
    from personachat.cli import persona_checks
    from personachat.settings import load_settings

    settings = load_settings(personas_dir=personas_dir)
    raise typer.Exit(persona_checks.validate(files or [settings.personas_dir]))


@app.command()
def lint(
    files: Files = None,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if there are warnings.")] = False,
    personas_dir: PersonasDir = None,
) -> None:
    """Warn about likely trouble in valid personas.

    As file:line:column: warning: message.
    """
    from personachat.cli import persona_checks as persona_lint
    from personachat.settings import load_settings

    settings = load_settings(personas_dir=personas_dir)
    raise typer.Exit(persona_lint.lint(files or [settings.personas_dir], settings, strict=strict))


@app.command()
def new(
    persona_id: PersonaId,
    *,
    template: Annotated[
        str | None,
        typer.Option("--template", metavar="ID", help="Start from this template.", show_default=False),
    ] = None,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Create a new persona and print where it is."""
    from personachat.cli import personas

    with _opened(personas_dir, data_dir) as opened:
        personas.create(opened, persona_id, template=template)


@app.command()
def templates(
    *,
    search: Annotated[
        str, typer.Option("--search", metavar="WORDS", help=("Only templates with these words."))
    ] = "",
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """List the templates: id, group and purpose."""
    from personachat.cli import personas

    with _opened(personas_dir, data_dir) as opened:
        personas.list_templates(opened, search=search)


@app.command()
def delete(persona_id: PersonaId, *, personas_dir: PersonasDir = None, data_dir: DataDir = None) -> None:
    """Delete a persona. `restore` brings it back."""
    from personachat.cli import personas

    with _opened(personas_dir, data_dir) as opened:
        personas.delete(opened.collection, persona_id)


@app.command()
def deleted(*, personas_dir: PersonasDir = None, data_dir: DataDir = None) -> None:
    """List deleted personas: id, last revision, when and by whom."""
    from personachat.cli import persona_versions

    with _opened(personas_dir, data_dir) as opened:
        persona_versions.list_deleted(opened.collection)


@app.command()
def revisions(
    persona_id: PersonaId,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The maximum number to list.")] = 30,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """List a persona's revisions, newest first.

    With number, when, what, by whom and note.
    """
    from personachat.cli import persona_versions

    with _opened(personas_dir, data_dir) as opened:
        persona_versions.list_revisions(opened.collection, persona_id, limit=limit)


@app.command()
def diff(
    persona_id: PersonaId,
    *,
    since: Annotated[
        int | None,
        typer.Option("--from", min=1, help="A revision. By default, the previous one.", show_default=False),
    ] = None,
    until: Annotated[
        int | None,
        typer.Option("--to", min=1, help="A revision. By default, the current version.", show_default=False),
    ] = None,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Print what changed, key by key. Exits with 1 if anything changed."""
    from personachat.cli import persona_versions

    with _opened(personas_dir, data_dir) as opened:
        code = persona_versions.show_diff(opened.collection, persona_id, since=since, until=until)
    raise typer.Exit(code)


@app.command()
def restore(
    persona_id: PersonaId,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[REVISION]",
            help="By default, the last revision of a deleted persona.",
            show_default=False,
        ),
    ] = None,
    *,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Restore a revision as a new revision."""
    from personachat.cli import persona_versions

    with _opened(personas_dir, data_dir) as opened:
        persona_versions.restore(opened.collection, persona_id, number)


@app.command()
def rename(
    persona_id: PersonaId,
    new_id: Annotated[str, typer.Argument(metavar="NEW_ID", show_default=False)],
    *,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Change a persona's id. Its revisions, links, drafts and chats move with it."""
    from personachat.cli import persona_names

    with _opened(personas_dir, data_dir) as opened:
        persona_names.rename(opened.collection, persona_id, new_id)


@app.command()
def label(
    persona_id: PersonaId,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[LABEL]", help="If left out, the labels are listed.", show_default=False),
    ] = None,
    number: Annotated[
        int | None, typer.Argument(metavar="[REVISION]", help="By default, the newest.", show_default=False)
    ] = None,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the label.")] = False,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Put a label such as production on a revision.

    Then ID@LABEL means that revision.
    """
    from personachat.cli import persona_names

    with _opened(personas_dir, data_dir) as opened:
        persona_names.label(opened.collection, persona_id, name, number, remove=remove)


@app.command("export")
def export_personas(
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IDS]...", help="If left out, all are exported as a bundle.", show_default=False
        ),
    ] = None,
    *,
    file_format: Annotated[
        PersonaFormat | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help=f"One of {', '.join(PersonaFormat)}. By default, json for one persona, bundle for several.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help=("A file or folder to write to instead of stdout.")
        ),
    ] = None,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Export personas for PersonaChat or other programs.

    As JSON, a bundle, character cards or files for other programs.
    """
    from personachat.cli import persona_files

    with _opened(personas_dir, data_dir) as opened:
        kind = file_format.value if file_format else None
        code = persona_files.export(opened.collection, ids or [], kind=kind, output=output)
    raise typer.Exit(code)


@app.command("import")
def import_personas(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Use - for stdin.", show_default=False)],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what would happen.")] = False,
    on_conflict: Annotated[
        OnConflict, typer.Option("--on-conflict", help="What to do if a persona exists and differs.")
    ] = OnConflict.REFUSE,
    all_or_nothing: Annotated[
        bool, typer.Option("--all-or-nothing", help="Import nothing if a file in an archive is broken.")
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns", metavar="PROMPT[,NAME]", help="For a table: the columns to use.", show_default=False
        ),
    ] = None,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Import personas, cards, prompts and files from other programs. Exits with 1 if anything was refused."""
    from personachat.cli import persona_files

    with _opened(personas_dir, data_dir) as opened:
        code = persona_files.import_file(
            opened.collection,
            file,
            dry_run=dry_run,
            on_conflict=on_conflict.value,
            whole=all_or_nothing,
            columns=_columns(columns),
        )
    raise typer.Exit(code)


def _columns(text: str | None) -> dict[str, str] | None:
    """Which columns of a table are the prompt and the name."""
    names = [part.strip() for part in (text or "").split(",") if part.strip()]
    return dict(zip(("prompt", "name"), names, strict=False)) or None


@app.command("lore")
def import_lore(
    persona_id: Annotated[str, typer.Argument(metavar="ID", show_default=False)],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Use - for stdin.", show_default=False)],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what would happen.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the existing lore.")] = False,
    personas_dir: PersonasDir = None,
    data_dir: DataDir = None,
) -> None:
    """Import World Info or another lore book into a persona. Exits with 1 if it was refused."""
    from personachat.cli import persona_files

    with _opened(personas_dir, data_dir) as opened:
        code = persona_files.import_lore(
            opened.collection, persona_id, file, dry_run=dry_run, replace=replace
        )
    raise typer.Exit(code)


@contextmanager
def _opened(personas_dir: Path | None, data_dir: Path | None) -> Iterator[Personas]:
    """The personas. What was saved is tested at the end, where a persona says so."""
    from personachat.authoring.opening import opened
    from personachat.lab.on_save import TestedPersonas
    from personachat.lab.suites.following import Following
    from personachat.personas.store.base import StoredPersona
    from personachat.settings import load_settings

    settings = load_settings(personas_dir=personas_dir, data_dir=data_dir)
    saved: list[StoredPersona] = []
    with opened(
        settings,
        following=Following.of,
        over=lambda store: TestedPersonas(store, saved.append),
    ) as personas:
        yield personas
    if saved:
        from personachat.cli import testing

        testing.run_saved(saved, settings=settings)
