"""`personachat personas`: list, show, begin and delete personas, wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

import typer

from personachat.authoring.available_models import AvailableModels, Models
from personachat.authoring.library import Collection
from personachat.cli.console import answer, note, plain
from personachat.cli.persona_checks import place_of
from personachat.conversations import renaming as conversation_renaming
from personachat.database.connection import Database
from personachat.errors import LabelNotFound, PersonaBroken, PersonaMoved, PersonaNotFound
from personachat.owners import LOCAL_OWNER, author_of
from personachat.personas.persona import Persona, check_persona, dump_persona
from personachat.personas.store.base import BrokenPersona, PersonaSource, PersonaStore, StoredPersona
from personachat.personas.store.favourites import Favourites
from personachat.personas.store.labels import Labels
from personachat.personas.store.own_templates import OwnTemplates
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.revisions import place_of as store_place
from personachat.personas.store.seeding import open_store
from personachat.personas.store.shares import PersonaShares
from personachat.personas.templates.gallery import Gallery, found
from personachat.providers.catalogue import KnownModels
from personachat.providers.embedded.provider import embedded_model_name
from personachat.providers.registry import ProviderRegistry
from personachat.settings import LOCAL, Settings
from personachat.usage import renaming as usage_renaming

_WIDEST_CELL = 80


@dataclass(frozen=True, slots=True)
class Personas:
    """What the commands work on, as the person at this machine."""

    settings: Settings
    collection: Collection
    gallery: Gallery
    models: Models


class _Declared:
    """The models that the settings name: a command asks no provider for its list."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def listed(self, provider: str) -> tuple[str, ...] | None:
        server = self._settings.providers.get(provider)
        return tuple(server.models) or None if server else None

    def known(self, *, wait_seconds: float = 0) -> KnownModels:  # noqa: ARG002  # nothing is waited for
        servers = self._settings.providers.items()
        declared = [f"{name}/{model}" for name, server in servers for model in server.models]
        local = embedded_model_name(self._settings.local_model)
        return KnownModels((*declared, f"{LOCAL}/{local}"), complete=True, faults=())


class _Models:
    """As AvailableModels; the providers are only looked at when somebody asks."""

    def __init__(self, settings: Settings, personas: PersonaStore) -> None:
        self._settings = settings
        self._personas = personas

    def is_available(self, model: str) -> bool:
        return self._made.is_available(model)

    def is_retired(self, model: str) -> bool:
        return self._made.is_retired(model)

    def best(self) -> str:
        return self._made.best()

    @cached_property
    def _made(self) -> AvailableModels:
        settings = self._settings
        providers = ProviderRegistry(settings)
        return AvailableModels(providers, _Declared(settings), self._personas, default=settings.default_model)


@contextmanager
def opened(settings: Settings) -> Iterator[Personas]:
    """The personas and what is kept beside them. Raises StoreUnavailable."""
    database = Database.of(settings)
    try:
        personas, revisions = open_store(
            settings, database, moves=(conversation_renaming.move_persona, usage_renaming.move_persona)
        )
        models = _Models(settings, personas)
        collection = Collection(
            personas,
            revisions,
            Labels(database, place=store_place(settings)),
            Favourites(database),
            PersonaShares(database),
            owner=LOCAL_OWNER,
            author=author_of(LOCAL_OWNER),
            models=models,
            pictures=PersonaPictures(database),
        )
        yield Personas(settings, collection, Gallery(OwnTemplates(database)), models)
    finally:
        database.close()


def find(
    store: PersonaStore | Collection, persona_id: str, *, by: PersonaSource | None = None
) -> StoredPersona:
    """The persona of that id; `by` knows labels, too.

    Raises PersonaNotFound with the nearest ids as its hint, or PersonaBroken.
    """
    try:
        try:
            return (by or store).get(persona_id)
        except PersonaMoved as moved:
            note(str(moved))
            return store.get(moved.new_id)
    except LabelNotFound:
        raise
    except PersonaNotFound as error:
        ids = [stored.id for stored in store.all()]
        nearest = get_close_matches(persona_id.lower(), ids, cutoff=0.4) or ids[:3]
        hint = f"Did you mean {' or '.join(nearest)}?" if nearest else "There are no personas yet."
        raise PersonaNotFound(str(error), hint=hint) from None


def list_all(collection: Collection) -> None:
    """Print a line for each persona: id, model and name; for a broken one its first fault."""
    print_rows([_row(stored) for stored in collection.all()])


def show(collection: Collection, persona_id: str) -> None:
    try:
        text = find(collection, persona_id).text
    except PersonaBroken as error:
        for problem in error.problems:
            note(f"{persona_id}.json:{place_of(problem)}")
        raise
    answer(text, end="" if text.endswith("\n") else "\n")


def create(opened: Personas, persona_id: str, *, template: str | None) -> None:
    """Save a persona to begin with. Raises PersonaExists; an id that cannot be one is a usage error."""
    if problems := check_persona(
        dump_persona(Persona.model_construct(id=persona_id, name="A", system_prompt="A"))
    ):
        raise typer.BadParameter(problems[0].message, param_hint="ID")
    if template is None:
        start = Persona.model_construct(
            id=persona_id,
            name=persona_id.replace("-", " ").replace("_", " ").strip().capitalize(),
            description="What it is good for, in a line.",
            model=opened.models.best(),
            system_prompt="You are {{char}}. Say who you are, what you do, and what you leave to others.",
            starters=("What can you help me with?",),
        )
    else:
        chosen = opened.gallery.get(template)
        model = chosen.persona.model if chosen.own else opened.models.best()
        start = chosen.persona.model_copy(update={"model": model})
    opened.collection.create(dump_persona(start.model_copy(update={"id": persona_id})))
    in_files = opened.settings.persona_store == "files"
    answer(str(opened.settings.personas_dir / f"{persona_id}.json") if in_files else persona_id, end="\n")


def list_templates(opened: Personas, *, search: str) -> None:
    rows = [
        (template.id, template.group, template.purpose) for template in found(opened.gallery.all(), search)
    ]
    print_rows(rows)
    if not rows:
        note("No template has these words.")


def delete(collection: Collection, persona_id: str) -> None:
    stored = find(collection, persona_id)
    collection.delete(stored.id, etag=stored.etag)
    note(f"Deleted: {stored.persona.name}. To bring it back: personachat personas restore {stored.id}")


def print_rows(rows: Sequence[tuple[str, ...]]) -> None:
    """Print lines with their cells one under the other; a long cell does not widen its column."""
    rows = [tuple(" ".join(plain(cell).split()) for cell in row) for row in rows]
    widths = [min(max(map(len, column)), _WIDEST_CELL) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        answer("  ".join(cells).rstrip(), end="\n")


def _row(stored: StoredPersona | BrokenPersona) -> tuple[str, str, str]:
    if isinstance(stored, BrokenPersona):
        return stored.id, "(broken)", f"line {stored.problems[0].line}: {stored.problems[0].message}"
    return stored.id, stored.persona.model, stored.persona.name
