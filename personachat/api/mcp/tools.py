"""The tools as MCP clients see them: names, schemas, argument checks and results.

Schemas have no references, because not every client resolves those. A wrong argument becomes a tool error
with a sentence, so that a model that calls the tool can correct it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from mcp import types
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from personachat.api.bounds import sentence
from personachat.errors import PersonaChatError
from personachat.messages import storable
from personachat.personas.search import SearchText, matching
from personachat.personas.store.base import StoredPersona

CHAT, LIST_PERSONAS = "chat", "list_personas"

MOST_CHARACTERS = 200_000
MOST_MESSAGES = 10_000
MOST_RESULTS = 200
"""How many personas are listed at once: the list goes into a model's context."""

_STORABLE = AfterValidator(storable)


class ArgumentsInvalid(PersonaChatError):
    """A tool was called with invalid arguments."""

    code = "message_invalid"


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Spoken(_Arguments):
    role: Literal["user", "assistant"]
    content: Annotated[str, Field(max_length=MOST_CHARACTERS), _STORABLE]


class ChatArguments(_Arguments):
    persona: Annotated[
        str, Field(min_length=1, max_length=200, description="The persona's id, or id@label."), _STORABLE
    ]
    message: Annotated[
        str,
        Field(min_length=1, max_length=MOST_CHARACTERS, pattern=r"\S", description="What to say to it."),
        _STORABLE,
    ]
    history: Annotated[
        list[Spoken], Field(max_length=MOST_MESSAGES, description="Earlier messages, oldest first.")
    ] = []

    def messages(self) -> list[Mapping[str, str]]:
        """All messages, in the form of a completion."""
        return [*(spoken.model_dump() for spoken in self.history), {"role": "user", "content": self.message}]


class ListArguments(_Arguments):
    search: Annotated[
        str,
        Field(
            max_length=1000,
            description="Words that all have to be in the name, description, tags, id or prompt.",
        ),
        _STORABLE,
    ] = ""


class ListedPersona(BaseModel):
    id: str
    name: str
    description: str
    tags: list[str]
    labels: Annotated[list[str], Field(description="Revisions to ask for as id@label.")]


class PersonaList(BaseModel):
    personas: list[ListedPersona]
    more: Annotated[int, Field(description="How many more there are.")]


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON schema without references and without the titles that pydantic adds."""
    schema = model.model_json_schema()
    models = schema.pop("$defs", {})

    def plain(part: Any) -> Any:
        if isinstance(part, list):
            return [plain(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return plain(models[part["$ref"].rpartition("/")[2]])
        return {key: plain(each) for key, each in part.items() if key != "title" or isinstance(each, dict)}

    plain_schema: dict[str, Any] = plain(schema)
    return plain_schema


TOOLS = (
    types.Tool(
        name=CHAT,
        title="Chat with a persona",
        description=(
            "Send a message to a persona and get its reply. Nothing is stored: to continue a "
            f"conversation, send the earlier messages as history. Use {LIST_PERSONAS} to see the "
            "available personas."
        ),
        input_schema=schema_of(ChatArguments),
        annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=True),
    ),
    types.Tool(
        name=LIST_PERSONAS,
        title="List personas",
        description=f"List the available personas, at most {MOST_RESULTS} at a time.",
        input_schema=schema_of(ListArguments),
        output_schema=schema_of(PersonaList),
        annotations=types.ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False),
    ),
)

ArgumentsT = TypeVar("ArgumentsT", bound=_Arguments)


def checked(kind: type[ArgumentsT], arguments: Mapping[str, Any] | None) -> ArgumentsT:
    """The arguments of a call. Raises ArgumentsInvalid, which names the first wrong one."""
    try:
        return kind.model_validate(arguments or {})
    except ValidationError as invalid:
        fault = invalid.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in fault["loc"])[:100]
    match fault["type"]:
        case "missing":
            raise ArgumentsInvalid(f'"{name}" is missing.')
        case "extra_forbidden":
            names = ", ".join(kind.model_fields)
            raise ArgumentsInvalid(f'There is no argument "{name}".', hint=f"Available: {names}.")
        case "string_pattern_mismatch" | "string_too_short":
            raise ArgumentsInvalid(f'"{name}" is empty.')
        case _:
            raise ArgumentsInvalid(f'"{name}" is not valid: {fault["msg"].lower()}.')


def search_results(
    personas: Sequence[StoredPersona], search: str, *, labels: Mapping[str, Sequence[str]]
) -> types.CallToolResult:
    """The personas that match these search words."""
    matches = matching(personas, search, text=lambda entry: SearchText.of(entry.persona))
    entries = [
        ListedPersona(
            id=entry.id,
            name=entry.persona.name,
            description=entry.persona.description,
            tags=list(entry.persona.tags),
            labels=list(labels.get(entry.id, ())),
        )
        for entry in matches[:MOST_RESULTS]
    ]
    answer = PersonaList(personas=entries, more=len(matches) - len(entries)).model_dump()
    text = json.dumps(answer, ensure_ascii=False)
    return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=answer)


def named(request_id: str) -> str:
    """Names the request, so that the operator finds it in the log."""
    return f"Request id: {request_id}."


def refused(message: str, hint: str = "", *, arrived: str = "") -> types.CallToolResult:
    """A tool error: what went wrong and what to do, then any text that had arrived."""
    blocks: list[types.ContentBlock] = [types.TextContent(text=sentence(f"{message} {hint}".strip()))]
    if arrived:
        blocks.append(types.TextContent(text=f"This part of the reply had arrived:\n\n{arrived}"))
    return types.CallToolResult(content=blocks, is_error=True)
