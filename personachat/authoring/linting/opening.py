"""A linter without the other services, for short commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from personachat.authoring.linting.linter import Linter
from personachat.providers.catalogue import ModelNames
from personachat.providers.registry import ProviderRegistry
from personachat.replies.runner import ReplyRunner
from personachat.settings import Settings

MODELS_SECONDS = 10.0
"""Seconds to wait for the providers' lists of models."""


@contextmanager
def opened_linter(settings: Settings) -> Iterator[Linter]:
    """A linter that knows which models there are."""
    providers, runner = ProviderRegistry(settings), ReplyRunner(max_concurrent=1)
    names = ModelNames(providers, runner, configured=settings.providers)
    try:
        names.all(wait_seconds=MODELS_SECONDS)
        yield Linter(providers, names)
    finally:
        names.close()
        runner.ask(providers.aclose(), timeout_seconds=10)
        runner.close()
