"""Which provider answers for a model's name, and why. Built once from the settings.

`name/model` names a provider. A name without a prefix means the default one: "openai" if its key or address
is set, otherwise the embedded model. Resolving sends no request: it is quick, always gives the same result
and can be done anywhere. Whenever something else answers than the persona names, the result says so and why.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from personachat.errors import ApiKeyMissing, ModelNotAllowed, ModelNotFound, NoModelAvailable, ProviderError
from personachat.providers.embedded.provider import (
    EmbeddedProvider,
    embedded_model_installed,
    embedded_model_name,
)
from personachat.providers.openai.provider import OpenAICompatibleProvider
from personachat.providers.ways_on import install_offline, offline_missing, set_key
from personachat.settings import LOCAL, OPENAI

if TYPE_CHECKING:
    from personachat.providers.base import Provider
    from personachat.settings import Settings


MISSING_SECONDS = 300.0
"""Seconds that a missing model is considered missing."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model answers. `substituted`: not the requested one; then `reason` says why, for the page."""

    provider: Provider
    model: str
    reason: str = ""
    substituted: bool = False


class ProviderRegistry:
    """Every provider of these settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._local_model = embedded_model_name(settings.local_model)
        self._providers: dict[str, Provider] = {}
        self._missing: dict[tuple[str, str], float] = {}
        most = settings.longest_reply_tokens
        if settings.openai_api_key or settings.openai_base_url:
            self._providers[OPENAI] = OpenAICompatibleProvider(
                OPENAI,
                base_url=settings.openai_base_url,
                api_key=settings.openai_api_key,
                most_tokens=most,
            )
        for name, server in settings.providers.items():
            self._providers[name] = OpenAICompatibleProvider(
                name,
                base_url=server.base_url,
                api_key=server.api_key,
                models=server.models,
                most_tokens=most,
            )
        if embedded_model_installed(settings.local_model):
            self._providers[LOCAL] = EmbeddedProvider(settings.local_model, most_tokens=most)

    @property
    def default_name(self) -> str | None:
        """The provider for a model name without a prefix; None if there is none."""
        return next((name for name in (OPENAI, LOCAL) if name in self._providers), None)

    @property
    def offline_available(self) -> bool:
        return LOCAL in self._providers

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all configured providers."""
        return tuple(self._providers)

    def named(self, name: str) -> Provider | None:
        """The provider of this name; None if it isn't configured (any more)."""
        return self._providers.get(name)

    def resolve(self, model: str, *, offline: bool = False) -> ModelChoice:
        """Decide which model answers for `model`; `offline` requests the embedded one whatever it is.

        Raises ApiKeyMissing, ModelNotAllowed, ModelNotFound or NoModelAvailable, unless
        PERSONACHAT_DEFAULT_MODEL can answer.
        """
        model = model.strip()
        if offline:
            return self._offline(model)
        try:
            choice = self._allowed(self._find(model))
        except ProviderError as error:
            stand_in = self._stand_in(why=str(error).removesuffix("."))
            if stand_in is None:
                raise
            return stand_in
        if self._has(choice) and not choice.substituted:
            return choice
        missing = "No API key is set" if choice.substituted else _not_among_models(model)
        return self._stand_in(why=missing) or choice

    def stand_in(self, missing: ModelChoice) -> ModelChoice | None:
        """The stand-in after the provider said it has no such model; None if there is none.

        From now on `resolve` knows that, for MISSING_SECONDS: someone may be about to install the model.
        """
        self._missing[missing.provider.name, missing.model] = time.monotonic() + MISSING_SECONDS
        choice = self._stand_in(why=_not_among_models(missing.model))
        if choice is None or (choice.provider, choice.model) == (missing.provider, missing.model):
            return None
        return choice

    async def warm_up(self) -> None:
        """Warm up the default provider. If something is wrong with it, the first reply reports it."""
        if self.default_name is not None:
            with suppress(ProviderError):
                await self._providers[self.default_name].warm_up()

    async def aclose(self) -> None:
        """Close all providers, even if one fails to; then raise its error."""
        closing = (provider.aclose() for provider in self._providers.values())
        results = await asyncio.gather(*closing, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _find(self, model: str) -> ModelChoice:
        prefix, _, rest = model.partition("/")
        if rest and prefix == LOCAL:
            return self._local(rest)
        if rest and prefix in self._providers:
            return ModelChoice(self._providers[prefix], rest)
        if OPENAI in self._providers and not model.endswith("/"):
            return ModelChoice(self._providers[OPENAI], model)  # OpenRouter's names contain slashes
        if rest and prefix == OPENAI:
            can = "The offline model can answer instead." if self.offline_available else install_offline()
            message = f"{model} needs an API key, but none is set."
            raise ApiKeyMissing(message, hint=f"{set_key()} {can}".rstrip())
        if not self._providers:
            message = "No model is available."
            raise NoModelAvailable(message, hint=f"{set_key()} {install_offline()}".rstrip())
        if "/" in model or not self.offline_available:
            raise self._not_found(model)
        if model == self._local_model:
            return self._local(model)
        reason = f"No API key is set, so the offline model answers instead of {model}."
        return ModelChoice(self._providers[LOCAL], self._local_model, reason, substituted=True)

    def _allowed(self, choice: ModelChoice) -> ModelChoice:
        """Raises ModelNotAllowed unless the operator allows the model; the embedded one always is."""
        patterns = self._settings.allowed_models
        if (
            choice.provider.name == LOCAL
            or not patterns
            or any(self._matches(choice, each) for each in patterns)
        ):
            return choice
        raise ModelNotAllowed(
            f"You can't use {choice.model} here.",
            hint="Choose another model, or ask the person who runs this server to allow it.",
        )

    def _matches(self, choice: ModelChoice, pattern: str) -> bool:
        """Whether a pattern means this model of this provider.

        It is read like a persona's model: `provider/model`, or the default provider's if the first part isn't
        a provider's name. A lone `*` means every model.
        """
        name, slash, model = pattern.partition("/")
        if slash and fnmatchcase(choice.provider.name, name) and fnmatchcase(choice.model, model):
            return True
        first, slash, _ = choice.model.partition("/")
        is_bare = choice.provider.name == OPENAI and not (slash and first in {*self._providers, LOCAL})
        return pattern == "*" or (is_bare and fnmatchcase(choice.model, pattern))

    def _local(self, model: str) -> ModelChoice:
        if not self.offline_available:
            raise NoModelAvailable("The offline model is not installed.", hint=offline_missing())
        if model != self._local_model:
            raise self._not_found(f"{LOCAL}/{model}")
        return ModelChoice(self._providers[LOCAL], model)

    def _offline(self, model: str) -> ModelChoice:
        is_named = model in {self._local_model, f"{LOCAL}/{self._local_model}"}
        choice = self._local(self._local_model)
        return ModelChoice(
            choice.provider, choice.model, "You chose the offline model.", substituted=not is_named
        )

    def _stand_in(self, *, why: str) -> ModelChoice | None:
        """PERSONACHAT_DEFAULT_MODEL if it is set and available; otherwise None."""
        default = (self._settings.default_model or "").strip()
        if not default:
            return None
        try:
            choice = self._find(default)
        except ProviderError:
            return None
        if choice.substituted:
            return None
        reason = f"{why}, so the default model {default} answers."
        return ModelChoice(choice.provider, choice.model, reason, substituted=True)

    def _has(self, choice: ModelChoice) -> bool:
        """Whether the provider has the model, as far as the settings and its answers tell."""
        if self._missing.get((choice.provider.name, choice.model), 0) > time.monotonic():
            return False
        server = self._settings.providers.get(choice.provider.name)
        return server is None or not server.models or choice.model in server.models

    def _not_found(self, model: str) -> ModelNotFound:
        servers = self._settings.providers.items()
        declared = [f"{name}/{each}" for name, server in servers for each in server.models]
        local = [f"{LOCAL}/{self._local_model}"] if self.offline_available else []
        models = [*declared, *local]
        nearest = get_close_matches(model, models, n=5, cutoff=0)
        such_as = f", such as {' or '.join(nearest)}," if nearest else ""
        return ModelNotFound(
            f"No provider here offers {model}.",
            models=models,
            hint=f"Choose another model in the persona{such_as} or configure its provider.",
        )


def _not_among_models(model: str) -> str:
    return f"{model} is not among the provider's models"
