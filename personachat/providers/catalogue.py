"""Which models can be asked for here, as far as the providers say, under the names that a persona writes.

Providers are asked in the background and seldom: what they said is good for five minutes. Nothing here
raises, and nothing waits longer than it was told to. No key is in what a provider's fault is called.
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
"""How long what a provider said is good, and how long one that failed is left alone."""

ASKING_SECONDS = 20.0
CLOSING_SECONDS = 1.0

_NOT_FOR_CHAT = re.compile(
    r"embed|whisper|(?<![a-z])tts(?![a-z])|dall-e|(?<![a-z])image(?!d)|moderation|realtime|transcribe"
    r"|(?<![a-z])sora|^babbage|^davinci|rerank|(?<![a-z])audio",
    re.IGNORECASE,
)


class CoroutineRunner(Protocol):
    """What runs a coroutine on the loop that the providers are bound to: the reply runner."""

    def ask(self, coroutine: Coroutine[Any, Any, T], *, timeout_seconds: float) -> T: ...


@dataclass(frozen=True, slots=True)
class KnownModels:
    """Names to choose from, sorted: bare for the default provider, else `name/model`."""

    names: tuple[str, ...]
    complete: bool
    """Whether every provider has answered, so that nothing more is to come."""
    faults: tuple[str, ...]
    """One sentence for each provider that could not say."""


@dataclass(slots=True)
class _Listing:
    models: tuple[str, ...] | None = None
    """As the provider last said; None if it never has."""
    fault: str = ""
    stale_at: float = 0.0
    asking: bool = False


class ModelNames:
    """The lists of all providers. `configured`: names of providers besides OpenAI's and the embedded model's.

    A provider that is not among them is asked from the first time that its list is wanted.
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
        """All names there are to choose from; asks whoever has not been asked of late, and waits so long."""
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
        """All that this provider lists, by its own names; None as long as it has not said. Does not wait."""
        with self._changed:
            self._ask_if_due(provider)
            listing = self._listings.get(provider)
            return listing.models if listing else None

    def silent(self) -> tuple[str, ...]:
        """The providers that were asked and have not answered yet."""
        with self._changed:
            return tuple(name for name, listing in self._listings.items() if not listing.stale_at)

    def close(self) -> None:
        """Ask nobody any more, and give those who are being asked a moment: their connections end well."""
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
