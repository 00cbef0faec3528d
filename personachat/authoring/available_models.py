"""The model for a persona that names none, or one that isn't available here.

A model is available if a configured provider answers for it itself, lists it (if it lists any), and its maker
hasn't shut it down. Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Protocol

from personachat.authoring.linting.models import is_among
from personachat.authoring.linting.retirements import retirement
from personachat.errors import PersonaChatError, ProviderError
from personachat.personas.persona import DEFAULT_PERSONA_ID, STARTING_MODEL
from personachat.personas.store.base import PersonaStore
from personachat.providers.catalogue import KnownModels
from personachat.providers.registry import ModelChoice, ProviderRegistry
from personachat.settings import LOCAL

LISTING_SECONDS = 2.0
"""Seconds to wait for the lists of models; a provider without a list by then is trusted."""


class Models(Protocol):
    """What an import needs to know about models."""

    def is_available(self, model: str) -> bool: ...
    def is_retired(self, model: str) -> bool: ...
    def best(self) -> str: ...


class Listing(Protocol):
    """The providers' lists, from ModelNames."""

    def names_of(self, provider: str) -> tuple[str, ...] | None: ...
    def all(self, *, wait_seconds: float = 0) -> KnownModels: ...


class AvailableModels:
    """`default`: PERSONACHAT_DEFAULT_MODEL, if it is set."""

    def __init__(
        self,
        providers: ProviderRegistry,
        model_names: Listing,
        personas: PersonaStore,
        *,
        default: str | None = None,
        today: Callable[[], date] = date.today,
    ) -> None:
        self._providers = providers
        self._model_names = model_names
        self._personas = personas
        self._default = (default or "").strip()
        self._today = today

    @property
    def offline_available(self) -> bool:
        """Whether the local model can answer."""
        return self._providers.offline_available

    def answering(self, model: str, *, offline: bool = False) -> ModelChoice:
        """The model that answers for a persona with this model. Raises ProviderError if there is none."""
        return self._providers.resolve(model, offline=offline)

    def is_available(self, model: str) -> bool:
        """Whether exactly this model answers here."""
        choice = self._choice_of(model)
        if choice is None or choice.provider.name == LOCAL:
            return choice is not None
        name = choice.provider.name
        model_names = self._model_names.names_of(name)
        if model_names is None:
            self._model_names.all(wait_seconds=LISTING_SECONDS)
            model_names = self._model_names.names_of(name)
        if model_names:
            return is_among(choice.model, model_names)
        return not self.is_retired(model)

    def is_retired(self, model: str) -> bool:
        """Whether its maker has shut it down by today."""
        retired = retirement(model)
        return retired is not None and retired.on <= self._today()

    def best(self) -> str:
        """The model to write into a persona: the operator's, the default persona's, or any that answers."""
        listing = self._model_names.all(wait_seconds=LISTING_SECONDS)
        house = self._default_personas()
        if house != STARTING_MODEL and self._is_reachable(house) and not self.is_retired(house):
            return house  # somebody chose it, and some gateways don't list all their models
        candidates = (self._default, STARTING_MODEL, *listing.names)
        return next((model for model in candidates if model and self.is_available(model)), STARTING_MODEL)

    def _is_reachable(self, model: str) -> bool:
        return bool(model) and self._choice_of(model) is not None

    def _choice_of(self, model: str) -> ModelChoice | None:
        """Whether the model itself answers, as far as is known without a list."""
        try:
            choice = self._providers.resolve(model)
        except ProviderError:
            return None
        return None if choice.substituted else choice

    def _default_personas(self) -> str:
        try:
            return self._personas.get(DEFAULT_PERSONA_ID).persona.model
        except PersonaChatError:
            return ""
