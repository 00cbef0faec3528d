"""The formats personas come and go in, and what is known of a persona on its way. Values only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from personachat.errors import ImportRefused
from personachat.personas.assets.sets import AssetsOnTheirWay
from personachat.personas.formats.packed import PackedFile
from personachat.personas.persona import Persona
from personachat.personas.pictures.shelf import PictureOnItsWay

Format: TypeAlias = Literal[
    "json",
    "card-v1",
    "card-v2",
    "card-v3",
    "card-png",
    "charx",
    "open-webui",
    "promptfoo",
    "markdown",
    "modelfile",
    "text",
    "librechat",
    "bundle",
]
"""What a persona can leave as; all of them are read again."""

Source: TypeAlias = str
"""What it came as: a Format, or the kind of a reader in `personachat.personas.formats.programs`."""

MOST_FILE_BYTES = 32 * 1024 * 1024
"""Of a file that is read; bigger ones are refused before they are looked into."""

MOST_ARCHIVE_BYTES = 256 * 1024 * 1024
"""Of an archive with a card and its pictures, which are not held in memory."""

MOST_PERSONAS = 1_000
"""In one file."""


@dataclass(frozen=True, slots=True)
class FormatFacts:
    """What people are told of a format. `ending` follows the persona's id, with its leading sign."""

    label: str
    ending: str
    media_type: str
    about: str


@dataclass(frozen=True, slots=True)
class ImportedPersona:
    """One persona that came from outside. Nothing of it is saved yet."""

    persona: Persona
    text: str
    """The very text to store; `persona` is what it says."""
    source: Source
    losses: tuple[str, ...] = ()
    """What the file says and a persona cannot hold, in sentences."""
    origin: str = ""
    """Where it came from, as people are told it: a file's name, or ""."""
    ancestors: frozenset[str] = frozenset()
    """Etags of the versions this one was made of, as far as the file tells."""
    file: str = ""
    """Its name inside of an archive."""
    looks_like: str = ""
    """What the file is, with its article, as in "a LobeChat agent"; "" for our own."""
    states_id: bool = True
    """Whether PersonaChat wrote it, with its id; else the id was made of the name."""
    states_model: bool = True
    """Whether the file names the model; else the persona has the schema's default."""
    picture: PictureOnItsWay | None = None
    """The picture that the persona names, where the file brings it."""
    tests: str = ""
    """The text of its test suite, where the file brings one."""
    assets: AssetsOnTheirWay | None = None
    """The other files of its card that it names, where the file brings them."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file inside of an archive that brings nothing. `is_broken`: it was meant to be a persona."""

    name: str
    reason: str
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class FileContents:
    """What a file brings, in its order, and what of it brings nothing."""

    arrivals: tuple[ImportedPersona, ...]
    skipped: tuple[Skipped, ...] = ()
    columns: Columns | None = None
    """Of a table: which there are and which were read."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table, and by role (name, prompt and so on) the one that was read."""

    names: tuple[str, ...]
    chosen: Mapping[str, str]


class NoPersona(ImportRefused):
    """The file is sound, as far as one can see, and holds no persona."""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file to hand out, and in sentences what its format could not hold."""

    filename: str
    media_type: str
    body: bytes | PackedFile
    losses: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.body)

    def parts(self) -> Iterator[bytes]:
        """The whole file; a long one is never in memory at once."""
        if isinstance(self.body, bytes):
            yield self.body
        else:
            yield from self.body.parts()

    @property
    def content(self) -> bytes:
        """All of it in memory."""
        return self.body if isinstance(self.body, bytes) else self.body.content


FORMATS: Mapping[Format, FormatFacts] = MappingProxyType(
    {
        "json": FormatFacts(
            "Persona (JSON)", ".json", "application/json", "The persona's own text, unchanged."
        ),
        "card-v1": FormatFacts(
            "Character Card V1 (JSON)",
            "-card-v1.json",
            "application/json",
            (
                "Six fields that every role-play app can read. PersonaChat's settings and examples are "
                "left out."
            ),
        ),
        "card-v2": FormatFacts(
            "Character Card V2 (JSON)",
            "-card-v2.json",
            "application/json",
            "Most role-play apps can read it. Everything else is kept in its extensions.",
        ),
        "card-v3": FormatFacts(
            "Character Card V3 (JSON)",
            "-card-v3.json",
            "application/json",
            "The newest card format. Everything else is kept in its extensions.",
        ),
        "card-png": FormatFacts(
            "Character Card (PNG)",
            ".png",
            "image/png",
            "A picture with the card inside, as both V2 and V3.",
        ),
        "charx": FormatFacts(
            "Character Card (CHARX)",
            ".charx",
            "application/octet-stream",
            "An archive with the V3 card, its picture and its other files.",
        ),
        "open-webui": FormatFacts(
            "Open WebUI model",
            "-open-webui.json",
            "application/json",
            "For Workspace, Models, Import in Open WebUI.",
        ),
        "promptfoo": FormatFacts(
            "promptfoo configuration",
            "-promptfoo.yaml",
            "application/yaml",
            "The prompt and its settings, ready for promptfoo eval.",
        ),
        "markdown": FormatFacts(
            "Markdown agent",
            ".md",
            "text/markdown",
            "A prompt with front matter for Claude Code, Copilot and others.",
        ),
        "modelfile": FormatFacts(
            "Ollama Modelfile",
            ".Modelfile",
            "text/plain",
            "For ollama create.",
        ),
        "text": FormatFacts(
            "Plain text",
            ".txt",
            "text/plain",
            "Only the system prompt.",
        ),
        "librechat": FormatFacts(
            "LibreChat model spec",
            "-librechat.yaml",
            "application/yaml",
            "For modelSpecs in librechat.yaml.",
        ),
        "bundle": FormatFacts(
            "Bundle (zip)",
            ".zip",
            "application/zip",
            "Several personas, with information about their earlier versions.",
        ),
    }
)
