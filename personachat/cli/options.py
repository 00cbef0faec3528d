"""The options that several commands have, and the words that options take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

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


class OnConflict(StrEnum):
    REFUSE = "refuse"
    REPLACE = "replace"
    RENAME = "rename"
