"""Personas as MCP prompts: what a client offers to its user and puts into its own chat.

MCP prompts have no system role, so the system message comes first as the user's. The examples follow as a
model would get them, and the greeting comes last. No model is called here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from mcp import types
from mcp.shared.exceptions import MCPError

from personachat.messages import ChatMessage, storable
from personachat.personas.persona import Persona
from personachat.personas.prompt import Scene, greeting, persona_part, with_inserted
from personachat.personas.store.base import StoredPersona

PAGE = 500
"""How many prompts are on one page; clients ask for more with the cursor."""


def prompt_page(personas: Sequence[StoredPersona], cursor: str | None) -> types.ListPromptsResult:
    """One page of the personas as prompts. Raises MCPError for an unknown cursor."""
    start = _start(cursor)
    end = start + PAGE
    return types.ListPromptsResult(
        prompts=[_prompt(entry.persona) for entry in personas[start:end]],
        next_cursor=str(end) if end < len(personas) else None,
    )


def got(persona: Persona, *, today: date) -> types.GetPromptResult:
    """The persona's messages: its system message, its examples, and its greeting if it has one.

    They contain only the lore that is part of every conversation.
    """
    part = persona_part(persona, (), today=today, scene=Scene(is_template=True))
    opening = greeting(persona, today=today)
    greeted = [ChatMessage("assistant", opening)] if opening else []
    turns = [message for message, _ in with_inserted(greeted, part.inserted)]
    spoken = [(message.role, message.content) for message in (*part.messages, *turns)]
    messages = [
        types.PromptMessage(
            role="assistant" if role == "assistant" else "user",
            content=types.TextContent(text=storable(text)),
        )
        for role, text in spoken
    ]
    return types.GetPromptResult(description=persona.description or None, messages=messages)


def _prompt(persona: Persona) -> types.Prompt:
    return types.Prompt(name=persona.id, title=persona.name, description=persona.description or None)


def _start(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 10):
        raise MCPError(types.INVALID_PARAMS, "This cursor is not valid. List from the beginning.")
    return int(cursor)
