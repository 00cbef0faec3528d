"""The composition root: every part built once from the settings, and shared by page, API and commands."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from personachat.chat import ChatService
from personachat.conversations.memory import MemoryConversations
from personachat.engine import ReplyLimits
from personachat.generations import Generations
from personachat.providers.registry import ProviderRegistry
from personachat.replies import Replies
from personachat.settings import Settings, load_settings
from personachat.store.base import PersonaStore
from personachat.store.seeding import open_store


@dataclass(frozen=True, slots=True)
class Services:
    """The parts, ready to use."""

    settings: Settings
    personas: PersonaStore
    conversations: MemoryConversations
    providers: ProviderRegistry
    generations: Generations
    chat: ChatService

    def warm_up(self) -> None:
        """Do what the first reply would wait for; takes seconds. Errors as for Generations.ask."""
        self.generations.ask(self.providers.warm_up(), timeout_seconds=60)

    def close(self) -> None:
        """End every running reply, then the providers, then the loop they ran on."""
        self.generations.stop_all()
        try:
            self.generations.ask(self.providers.aclose(), timeout_seconds=10)
        finally:
            self.generations.close()


def build_services(settings: Settings) -> Services:
    """Build the parts."""
    personas = open_store(settings)
    conversations = MemoryConversations()
    providers = ProviderRegistry(settings)
    generations = Generations(max_concurrent=settings.max_concurrent_replies)
    limits = ReplyLimits(
        first_token_seconds=settings.first_token_timeout_seconds,
        idle_seconds=settings.idle_timeout_seconds,
        reply_seconds=settings.reply_timeout_seconds,
    )
    chat = ChatService(
        personas=personas,
        conversations=conversations,
        replies=Replies(providers, limits=limits),
        generations=generations,
    )
    return Services(settings, personas, conversations, providers, generations, chat)


_lock = threading.Lock()
_services: Services | None = None


def get_services() -> Services:
    """This process's services, built at the first call. Raises SettingsInvalid."""
    global _services  # noqa: PLW0603  # one process, one set of running replies
    with _lock:
        if _services is None:
            _services = build_services(load_settings())
        return _services


def reset_services() -> None:
    """Close this process's services; the next `get_services` builds them anew."""
    global _services
    with _lock:
        closing, _services = _services, None
        if closing is not None:
            closing.close()
