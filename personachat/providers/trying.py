"""Tests whether a provider answers, by requesting its list of models, which costs nothing."""

from __future__ import annotations

from personachat.errors import ModelNotFound, ProviderUnavailable
from personachat.providers.catalogue import CoroutineRunner
from personachat.providers.registry import ProviderRegistry

TRYING_SECONDS = 20.0


def models_of(providers: ProviderRegistry, runner: CoroutineRunner, name: str) -> int:
    """The number of models it lists. Raises ProviderError."""
    provider = providers.named(name)
    if provider is None:
        raise ModelNotFound(f'There is no provider "{name}".')
    try:
        return len(runner.ask(provider.models(), timeout_seconds=TRYING_SECONDS))
    except TimeoutError:
        raise ProviderUnavailable(f'"{name}" did not answer within {TRYING_SECONDS:.0f} seconds.') from None
