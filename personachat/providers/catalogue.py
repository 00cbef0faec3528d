"""The models that can be used here, as far as providers list them, by the names that a persona writes.

Providers are asked in the background and rarely: a list is valid for five minutes. Nothing here raises, and
nothing waits longer than the caller says. The report of a provider's failure contains no key.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from personachat.errors import ProviderError
from personachat.providers.base import Provider
from personachat.providers.registry import ProviderRegistry
from personachat.settings import LOCAL, OPENAI

T = TypeVar("T")

LISTED_SECONDS = 300.0
FAULT_SECONDS = 30.0
"""Seconds that a list is valid, and that a provider that failed is left alone."""

ASKING_SECONDS = 20.0
CLOSING_SECONDS = 1.0

_NOT_FOR_CHAT = re.compile(
    r"embed|whisper|(?<![a-z])tts(?![a-z])|dall-e|(?<![a-z])image(?!d)|moderation|realtime|transcribe"
    r"|(?<![a-z])sora|^babbage|^davinci|rerank|(?<![a-z])audio",
    re.IGNORECASE,
)


class CoroutineRunner(Protocol):
    """Runs a coroutine on the loop that the providers belong to: the reply runner."""

    def ask(self, coroutine: Coroutine[Any, Any, T], *, timeout_seconds: float) -> T: ...


@dataclass(frozen=True, slots=True)
class KnownModels:
    """Names to choose from, sorted: without a prefix for the default provider, otherwise `name/model`."""

    names: tuple[str, ...]
    complete: bool
    """Whether every provider has answered, so that no more names will come."""
    faults: tuple[str, ...]
    """One sentence for each provider that couldn't list its models."""


@dataclass(slots=True)
class _Listing:
    models: tuple[str, ...] | None = None
    """The last list; None if there never was one."""
    fault: str = ""
    stale_at: float = 0.0
    asking: bool = False


class ModelNames:
    """The lists of all providers. `configured`: names of providers besides OpenAI's and the embedded model's.

    Any other provider is asked from the first request for its list on.
    """

    def __init__(
        self, providers: ProviderRegistry, asking: CoroutineRunner, *, configured: Iterable[str] = ()
    ) -> None:
        self._providers = providers
        self._asking = asking
        self._changed = threading.Condition()
        self._closed = False
        self._listings = {
            name: _Listing() for name in (OPENAI, *configured, LOCAL) if providers.named(name) is not None
        }

    def all(self, *, wait_seconds: float = 0) -> KnownModels:
        """All names to choose from. Asks providers whose list has expired, and waits at most so long."""
        with self._changed:
            for name in tuple(self._listings):
                self._ask_if_due(name)
            self._changed.wait_for(self._complete, wait_seconds)
            names = {
                model if name == self._providers.default_name else f"{name}/{model}"
                for name, listing in self._listings.items()
                for model in listing.models or ()
                if not _NOT_FOR_CHAT.search(model)
            }
            faults = tuple(listing.fault for listing in self._listings.values() if listing.fault)
            return KnownModels(tuple(sorted(names, key=str.casefold)), self._complete(), faults)

    def names_of(self, provider: str) -> tuple[str, ...] | None:
        """All models of this provider, by its own names; None until it has answered. Doesn't wait."""
        with self._changed:
            self._ask_if_due(provider)
            listing = self._listings.get(provider)
            return listing.models if listing else None

    def silent(self) -> tuple[str, ...]:
        """Providers that were asked and haven't answered yet."""
        with self._changed:
            return tuple(name for name, listing in self._listings.items() if not listing.stale_at)

    def close(self) -> None:
        """Ask no more providers, and give pending requests a moment to close their connections."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(
                lambda: not any(listing.asking for listing in self._listings.values()), CLOSING_SECONDS
            )

    def _complete(self) -> bool:
        return all(listing.stale_at > 0 for listing in self._listings.values())

    def _ask_if_due(self, name: str) -> None:
        provider = self._providers.named(name)
        if provider is None or self._closed:
            return
        listing = self._listings.setdefault(name, _Listing())
        if not listing.asking and listing.stale_at <= time.monotonic():
            listing.asking = True
            threading.Thread(
                target=self._list, args=(provider, listing), name="personachat-model-names", daemon=True
            ).start()

    def _list(self, provider: Provider, listing: _Listing) -> None:
        models, fault = None, ""
        try:
            models = self._asking.ask(provider.models(), timeout_seconds=ASKING_SECONDS)
        except ProviderError as error:
            fault = str(error)
        except Exception:  # noqa: BLE001  # a list of names is worth no failure; that it is missing is said
            fault = f"{provider.name} did not answer the request for its models."
        with self._changed:
            if models is not None:
                listing.models = models
            listing.fault = fault
            listing.stale_at = time.monotonic() + (FAULT_SECONDS if fault else LISTED_SECONDS)
            listing.asking = False
            self._changed.notify_all()
