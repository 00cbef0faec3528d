"""The options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PersonasDir = Annotated[
    Path | None,
    typer.Option("--personas-dir", metavar="FOLDER", help="Where persona files are, instead of the setting."),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", metavar="FOLDER", help="Where conversations and revisions are, instead of the setting."
    ),
]
