"""Names for the ledger's ids: personas, people and purposes. Plain text, not escaped for Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from personachat.personas.store.base import StoredPersona
from personachat.services.workspace import Workspace
from personachat.ui import last_seen

PURPOSES: Final = {
    "chat": "Chat",
    "temporary": "Temporary chat",
    "try_out": "Try-out",
    "drafting": "Drafting",
    "summary": "Summary",
    "comparison": "Comparison",
    "test": "Test",
    "judge": "Judge",
    "simulated_user": "Simulated user",
}
NONE = "Unknown"
MOST_DELETED = 1_000
"""For how many of the personas deleted last the names are looked up."""

SERVER = "The server"
"""The label of calls without a person."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names of personas and people by their ids. No two are the same."""

    personas: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)

    def of(self, filter_name: str, value: str | None) -> str:
        """The label of a filter's value."""
        if not value:
            return SERVER if filter_name == "person" else NONE
        if filter_name == "persona":
            return self.personas.get(value, value)
        if filter_name == "person":
            return self.people.get(value, f"Somebody {value[:4]}")
        return PURPOSES.get(value, value) if filter_name == "purpose" else value


def names(workspace: Workspace, persona_ids: Collection[str]) -> Names:
    """The names of all existing personas, and the last names of deleted ones among `persona_ids`."""
    personas, _ = last_seen.personas(workspace.personas, owner=workspace.owner)
    persona_names = {each.id: each.persona.name for each in personas if isinstance(each, StoredPersona)}
    unknown_ids = {each for each in persona_ids if each not in persona_names}
    persona_names |= _last_names(workspace, unknown_ids)
    return Names(_distinct(persona_names), _distinct(dict(workspace.usage.names())))


def _last_names(workspace: Workspace, persona_ids: Collection[str]) -> Mapping[str, str]:
    """As far as this person may know them: from the history, or from their own conversations."""
    if not persona_ids:
        return {}
    deleted = {each.persona_id: each.name for each in workspace.revisions.deleted(limit=MOST_DELETED)}
    if any(each not in deleted for each in persona_ids):
        deleted = dict(workspace.library.personas()) | deleted
    return {persona_id: name for persona_id, name in deleted.items() if persona_id in persona_ids}


def _distinct(names: Mapping[str, str]) -> Mapping[str, str]:
    count = Counter(name.casefold() for name in names.values())
    return {
        key: f"{name} ({key[:24]})" if count[name.casefold()] > 1 else name for key, name in names.items()
    }
