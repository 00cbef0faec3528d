"""Conversations and messages as they are on the wire, and how a request gets its workspace.

Keys are camelCase. Input is checked strictly, and unknown keys are refused. None is sent as null, so that
every answer has every key.

The export of conversations as files is here, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from personachat.accounts.administrator import Administrator
from personachat.api.auth import owner_of, person_of
from personachat.conversations.model import Conversation, Rating, Turn
from personachat.history.exporting import Exported
from personachat.history.listing import ConversationSummary
from personachat.messages import FinishReason, TurnState, Usage, storable
from personachat.personas.chat_settings import ChatSettings, stored_settings
from personachat.services import Services
from personachat.services.workspace import Workspace

Format = Annotated[
    Literal["markdown", "json", "csv"],
    Query(
        description=(
            "Markdown is for reading (several conversations come as a ZIP archive). JSON has "
            "everything and can be imported. CSV is for tables."
        )
    ),
]

DOWNLOAD: dict[str, Any] = {
    "description": "The file.",
    "headers": {"Content-Disposition": {"description": "Its name (RFC 6266).", "schema": {"type": "string"}}},
    "content": {
        "text/markdown": {"schema": {"type": "string"}},
        "application/json": {"schema": {"type": "object"}},
        "text/csv": {"schema": {"type": "string"}},
        "application/zip": {"schema": {"type": "string", "contentMediaType": "application/zip"}},
    },
}


def download(exported: Exported) -> Response:
    """A file that a browser saves."""
    headers = {"Content-Disposition": disposition(exported.filename)}
    return Response(exported.content, headers=headers, media_type=exported.media_type)


def disposition(filename: str) -> str:
    """The header for a download with this file name (RFC 6266), which can't leave its folder."""
    name = re.sub(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|]+', "_", filename).strip(". ") or "conversations"
    plain = re.sub(r"[^\x20-\x7e]+", "_", name).replace("%", "_")
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


Thumb = Literal["up", "down"]
Text = Annotated[str, AfterValidator(storable)]
Id = Annotated[Text, Field(min_length=1, max_length=200)]
PersonaId = Annotated[Text, Path(alias="id", description="A persona's id.")]
ConversationId = Annotated[Text, Path(alias="id", description="A conversation's id.")]
MessageId = Annotated[Text, Path(alias="id", description="A message's id.")]
TestRunId = Annotated[Text, Path(alias="id", description="A test run's id.")]
ReplyId = Annotated[Text, Path(alias="messageId", description="The id of the assistant's message.")]

RATINGS: Mapping[Thumb, Rating] = {"up": 1, "down": -1}
_THUMBS: Mapping[Rating, Thumb] = {rating: thumb for thumb, rating in RATINGS.items()}


def services_of(request: Request) -> Services:
    """This server's parts. Call it in a thread, since they may have to be built first."""
    services: Services = request.app.state.services()
    return services


def workspace_of(request: Request) -> Workspace:
    """What the caller can do. Call it in a thread."""
    return services_of(request).of(owner_of(request), person=person_of(request), surface="api")


def administrator_of(request: Request) -> Administrator:
    """What an administrator can do. Raises AdministrationNotAllowed. Call it in a thread."""
    return services_of(request).administrator(owner_of(request), person=person_of(request))


class RequestModel(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, validate_by_name=False)


class ResponseModel(BaseModel):
    """What the server answers."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class TokenCount(ResponseModel):
    """As counted by the provider. Null if it did not report it."""

    prompt_tokens: int | None
    completion_tokens: int | None


def token_count(usage: Usage) -> TokenCount:
    """The counts that every provider tells."""
    return TokenCount(prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens)


class ReplyError(ResponseModel):
    """Why a reply failed."""

    code: str
    message: str


class Message(ResponseModel):
    """One message. Fields for replies are null if it was not generated.

    `siblings` are the ids of all messages in the same place, including its own, oldest first. Empty if there
    are no others.
    """

    id: str
    parent_id: str | None
    role: Literal["user", "assistant"]
    content: str
    state: TurnState | None = None
    reasoning: str = ""
    persona_id: str
    persona_name: str
    model: str | None = None
    provider: str | None = None
    usage: TokenCount | None = None
    cost_usd: float | None = None
    finish_reason: FinishReason | None = None
    error: ReplyError | None = None
    created_at: datetime
    edited: bool
    rating: Thumb | None
    note: str
    siblings: list[str]


class ConversationHead(ResponseModel):
    """A conversation's title and how it is kept. `personaId` is the persona of the last message."""

    id: str
    title: str
    persona_id: str | None
    pinned: bool
    archived: bool
    created_at: datetime
    updated_at: datetime


class ListedConversation(ConversationHead):
    """A conversation in a list. `messageCount` counts the messages of the active branch."""

    persona_name: str | None
    shared: bool
    message_count: int


class WholeConversation(ConversationHead):
    """With its messages: the active branch, which ends at `leafId`, or all branches."""

    temporary: bool
    variables: Annotated[
        dict[str, str],
        Field(description="The values of personas' variables in it that are not the default."),
    ]
    settings: Annotated[
        ChatSettings,
        Field(description="Its settings that replace the persona's. Null means as in the persona."),
    ]
    leaf_id: str | None
    messages: list[Message]


def message_of(turn: Turn, siblings: Sequence[str] = ()) -> Message:
    """A turn in the form it has on the wire."""
    message = Message(
        id=turn.id,
        parent_id=turn.parent_id,
        role=turn.role,
        content=turn.text,
        persona_id=turn.persona_id,
        persona_name=turn.persona_name,
        created_at=turn.created_at,
        edited=turn.edited,
        rating=None if turn.rating is None else _THUMBS[turn.rating],
        note=turn.rating_note,
        siblings=list(siblings),
    )
    reply = turn.reply
    if reply is None:
        return message
    return message.model_copy(
        update={
            "state": reply.state,
            "reasoning": reply.reasoning,
            "model": reply.model or None,
            "provider": reply.provider or None,
            "usage": reply.usage and token_count(reply.usage),
            "cost_usd": reply.cost_usd,
            "finish_reason": reply.finish_reason,
            "error": reply.error and ReplyError(code=reply.error.code, message=reply.error.message),
        }
    )


def listed_of(summary: ConversationSummary) -> ListedConversation:
    """A conversation in the form it has in a list."""
    return ListedConversation(
        id=summary.id,
        title=summary.title,
        persona_id=summary.persona_id or None,
        persona_name=summary.persona_name or None,
        pinned=summary.pinned,
        archived=summary.archived,
        shared=summary.shared,
        message_count=summary.turns,
        created_at=summary.created_at,
        updated_at=summary.updated_at,
    )


def conversation_of(
    conversation: Conversation, turns: Sequence[Turn], siblings: Mapping[str, Sequence[str]]
) -> WholeConversation:
    """A conversation with these of its turns."""
    last = conversation.leaf or (turns[-1] if turns else None)
    return WholeConversation(
        id=conversation.id,
        title=conversation.title,
        persona_id=last and last.persona_id,
        pinned=conversation.pinned,
        archived=conversation.archived,
        created_at=conversation.created_at,
        updated_at=conversation.updated_at,
        temporary=conversation.temporary,
        variables=dict(conversation.variables),
        settings=stored_settings(conversation.settings),
        leaf_id=conversation.leaf_id,
        messages=[message_of(turn, siblings.get(turn.id, ())) for turn in turns],
    )
