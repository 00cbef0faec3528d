"""All readers, in the order in which they are asked, and what else a file can be that brings no persona."""

from __future__ import annotations

from typing import Any

from personachat.interchange.programs import (
    agents,
    assistants,
    characters,
    librechat,
    lobechat,
    ollama,
    promptfoo_in,
)
from personachat.interchange.programs.reader import Reader
from personachat.interchange.sketches import mapping, objects

READERS: tuple[Reader, ...] = (
    lobechat.READER,
    promptfoo_in.READER,
    characters.PYGMALION,
    characters.AGNAI,
    agents.ELIZAOS,
    agents.TINYTROUPE,
    assistants.NEXTCHAT,
    assistants.LM_STUDIO,
    ollama.MODELFILES,
    librechat.READER,
    assistants.JAN,
    assistants.OPENAI,
    agents.CREWAI,
    characters.TEXTGEN,
    assistants.CHAT_REQUEST,
)
"""The surest come first: a LobeChat agent has more signs of its own than a list of messages."""

_IN_HISTORY = "Import it on the History page."


def reader_of(value: Any) -> Reader | None:
    """Who reads a value of JSON or YAML."""
    return next((reader for reader in READERS if reader.matches(value)), None)


def other_kind(value: Any) -> tuple[str, str] | None:
    """What a file is that brings no persona, with its article, and what to do with it."""
    first = objects(value)[0] if objects(value) else mapping(value)
    keys = first.keys()
    if first.get("format") == "personachat.conversations":
        return "an export of conversations of PersonaChat", _IN_HISTORY
    if "mapping" in keys and {"current_node", "create_time", "title"} & keys:
        return "an export of conversations of ChatGPT", _IN_HISTORY
    if isinstance(first.get("chat"), dict) and "history" in mapping(first["chat"]):
        return "an export of chats of Open WebUI", _IN_HISTORY
    if first.get("spec") == "lorebook_v3" or (
        isinstance(first.get("entries"), dict | list) and "entries" in keys
    ):
        return "a lore book (World Info)", "Open the persona that it is for, and import it into its lore."
    if {"prompt_order", "prompts"} <= keys or "chat_completion_source" in keys:
        return "a preset of SillyTavern for chat completions", "A persona comes as a character card."
    for signs, label in (
        ({"openapi", "paths"}, "an OpenAPI description"),
        ({"dependencies", "version"}, "a package.json"),
        ({"cells", "nbformat"}, "a Jupyter notebook"),
        ({"$schema", "properties"}, "a JSON Schema"),
        ({"compilerOptions"}, "a tsconfig.json"),
    ):
        if signs <= keys:
            return label, "It holds no persona."
    return None
