"""The persona library without the other services, for short commands.

No provider is asked for its models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

from personachat.accounts import renaming as accounts_renaming
from personachat.accounts.audit import Audit
from personachat.accounts.audited_personas import AuditedPersonas
from personachat.accounts.person import local_person
from personachat.accounts.persona_access import PersonaAccesses, move_persona
from personachat.accounts.persona_rights import PersonaRights
from personachat.authoring.available_models import AvailableModels, Models
from personachat.authoring.library import PersonaLibrary
from personachat.authoring.library_parts import TestsOfPersonas
from personachat.conversations import renaming as conversation_renaming
from personachat.database.connection import Database
from personachat.owners import LOCAL_OWNER, author_of
from personachat.personas.store.assets import PersonaAssets
from personachat.personas.store.base import PersonaStore, Revisions
from personachat.personas.store.favourites import Favourites
from personachat.personas.store.labels import Labels
from personachat.personas.store.own_templates import OwnTemplates
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.renaming import Move
from personachat.personas.store.revisions import place_of
from personachat.personas.store.seeding import open_store
from personachat.personas.store.shares import PersonaShares
from personachat.personas.store.sql import Begun
from personachat.personas.templates.gallery import Gallery
from personachat.providers.catalogue import KnownModels
from personachat.providers.embedded.provider import embedded_model_name
from personachat.providers.registry import ProviderRegistry
from personachat.settings import LOCAL, Settings
from personachat.usage import renaming as usage_renaming


@dataclass(frozen=True, slots=True)
class Personas:
    """What the commands work on, as the user of this machine."""

    settings: Settings
    collection: PersonaLibrary
    gallery: Gallery
    models: Models


class FollowingTests(Protocol):
    """Makes the test suites of personas follow them."""

    @property
    def texts(self) -> TestsOfPersonas: ...

    @property
    def move(self) -> Move: ...

    @property
    def begin(self) -> Begun: ...

    def around(self, personas: PersonaStore, revisions: Revisions) -> PersonaStore: ...


FOLLOWING: Final = (
    conversation_renaming.move_persona,
    usage_renaming.move_persona,
    accounts_renaming.move_persona,
    move_persona,
)
"""What belongs to a persona outside the store, and follows it to another id."""


@contextmanager
def opened(
    settings: Settings,
    *,
    following: Callable[[Settings, Database], FollowingTests] | None = None,
    over: Callable[[PersonaStore], PersonaStore] = lambda store: store,
) -> Iterator[Personas]:
    """The personas and what is stored besides them. Raises StoreUnavailable.

    `following` makes their tests follow them, about which this package knows nothing else; `over` builds on
    the store.
    """
    database = Database.of(settings)
    try:
        tests = following(settings, database) if following else None
        moves = (*FOLLOWING, tests.move) if tests else FOLLOWING
        file_store, revisions = open_store(
            settings, database, moves=moves, begun=tests.begin if tests else None
        )
        personas = tests.around(file_store, revisions) if tests else file_store
        models = _Models(settings, personas)
        trail = Audit(database).trail(LOCAL_OWNER)
        collection = PersonaLibrary(
            over(AuditedPersonas(personas, trail)),
            revisions,
            Labels(database, place=place_of(settings)),
            Favourites(database),
            PersonaShares(database),
            owner=LOCAL_OWNER,
            author=author_of(LOCAL_OWNER),
            models=models,
            pictures=PersonaPictures(database),
            assets=PersonaAssets(database),
            trail=trail,
            tests=tests.texts if tests else None,
            rights=PersonaRights(
                PersonaAccesses(database), local_person(), accounts=False, shared_are_edited=True
            ),
        )
        yield Personas(settings, collection, Gallery(OwnTemplates(database)), models)
    finally:
        database.close()


class _Declared:
    """The models that the settings name: a command asks no provider for its list."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def names_of(self, provider: str) -> tuple[str, ...] | None:
        server = self._settings.providers.get(provider)
        return tuple(server.models) or None if server else None

    def all(self, *, wait_seconds: float = 0) -> KnownModels:  # noqa: ARG002  # nothing is waited for
        servers = self._settings.providers.items()
        declared = [f"{name}/{model}" for name, server in servers for model in server.models]
        local = embedded_model_name(self._settings.local_model)
        return KnownModels((*declared, f"{LOCAL}/{local}"), complete=True, faults=())


class _Models:
    """Like AvailableModels; the providers are only used when needed."""

    def __init__(self, settings: Settings, personas: PersonaStore) -> None:
        self._settings = settings
        self._personas = personas

    def is_available(self, model: str) -> bool:
        return self._models.is_available(model)

    def is_retired(self, model: str) -> bool:
        return self._models.is_retired(model)

    def best(self) -> str:
        return self._models.best()

    @cached_property
    def _models(self) -> AvailableModels:
        settings = self._settings
        providers = ProviderRegistry(settings)
        return AvailableModels(providers, _Declared(settings), self._personas, default=settings.default_model)
