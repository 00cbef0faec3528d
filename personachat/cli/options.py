"""The options that several commands share, and the values they accept."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperGroup


class DefaultGroup(TyperGroup):
    """A group whose `default` command gets all arguments that name no other command."""

    default: ClassVar[str]
    own_options: ClassVar[frozenset[str]] = frozenset({"--help"})
    """Options of the group itself."""
    takes_names: ClassVar[bool] = True
    """Whether a word that is neither an option nor a command also goes to the default command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else "-"
        is_its_own = first not in self.commands if self.takes_names else first.startswith("-")
        if is_its_own and first not in self.own_options:
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        super().format_options(ctx, formatter)
        records = (parameter.get_help_record(ctx) for parameter in self.commands[self.default].params)
        with formatter.section(f"Options without a command, and of {self.default}"):
            formatter.write_dl([record for record in records if record])


PersonasDir = Annotated[
    Path | None,
    typer.Option(
        "--personas-dir", metavar="FOLDER", help=("The folder with persona files. Overrides the setting.")
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="FOLDER",
        help=("The folder for conversations and revisions. Overrides the setting."),
    ),
]


def parsed_values(options: list[str]) -> dict[str, str]:
    """The values of --value NAME=TEXT, by name; a malformed one ends the command with exit code 2."""
    from personachat.variables import MOST_CHARACTERS, is_name  # noqa: PLC0415  # other commands start sooner without it

    values = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not equals or not is_name(name):
            raise typer.BadParameter(f"Write NAME=TEXT, not {option!r}.", param_hint="--value")
        if len(text) > MOST_CHARACTERS:
            raise typer.BadParameter(
                f"The value of {name} is {len(text):,} characters long; the limit is {MOST_CHARACTERS:,}.",
                param_hint="--value",
            )
        values[name] = text
    return values


class PersonaFormat(StrEnum):
    json = "json"
    card_v1 = "card-v1"
    card_v2 = "card-v2"
    card_v3 = "card-v3"
    card_png = "card-png"
    charx = "charx"
    open_webui = "open-webui"
    promptfoo = "promptfoo"
    markdown = "markdown"
    modelfile = "modelfile"
    text = "text"
    librechat = "librechat"
    bundle = "bundle"


class AuditFormat(StrEnum):
    table = "table"
    csv = "csv"


class TokenRole(StrEnum):
    reader = "reader"
    editor = "editor"
    admin = "admin"


class OnConflict(StrEnum):
    REFUSE = "refuse"
    REPLACE = "replace"
    RENAME = "rename"
