"""The JSON document for exporting and importing conversations: version 1, and its rules.

Keys are camelCase, as in the API. Reading is strict (unknown keys, wrong types and sizes are refused), except
that NUL and lone surrogates in texts are replaced and times are limited to the past.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from personachat.avatars import avatar_fault, picture_in, safe_face
from personachat.conversations.model import Reply, Turn
from personachat.messages import Failed, FinishReason, TurnState, Usage, storable
from personachat.personas.chat_settings import AS_IN_THE_PERSONA, ChatSettings
from personachat.stamps import now
from personachat.variables import MOST_CHARACTERS, MOST_VARIABLES, is_name

FORMAT: Literal["personachat.conversations"] = "personachat.conversations"
VERSION: Literal[1] = 1

MOST_CONVERSATIONS = 10_000
MOST_NOTICES = 100

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def _storable(value: object) -> object:
    return storable(value) if isinstance(value, str) else value


def _moment(value: object) -> object:
    """ISO 8601 text as a time in UTC, which is also the default zone, between 1970 and now."""
    if not isinstance(value, str):
        raise ValueError("it must be a date and time in ISO 8601 format")  # noqa: TRY004  # pydantic's way
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("it must be a date and time in ISO 8601 format") from None
    try:
        read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError:
        return _EARLIEST
    return min(max(read, _EARLIEST), now())


def _real(value: object) -> object:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:
        raise ValueError("the number is too large") from None


def _avatar(value: str) -> str:
    if picture_in(value):
        return safe_face(value) or ""
    if fault := avatar_fault(value):
        raise ValueError(f"it {fault}")
    return value


def _variable_name(value: str) -> str:
    if not is_name(value):
        raise ValueError("it is no name of a variable")
    return value


Text = Annotated[str, BeforeValidator(_storable)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Amount = Annotated[float, BeforeValidator(_real), Field(ge=0, le=1e12, allow_inf_nan=False)]


Id = Annotated[Text, Field(min_length=1, max_length=200)]
Key = Annotated[Text, Field(max_length=64)]
Name = Annotated[Text, Field(max_length=80)]
Avatar = Annotated[Name, AfterValidator(_avatar)]
ModelName = Annotated[Text, Field(max_length=200)]
Title = Annotated[Text, Field(max_length=200)]
Variables = Annotated[
    dict[Annotated[str, AfterValidator(_variable_name)], Annotated[Text, Field(max_length=MOST_CHARACTERS)]],
    Field(max_length=MOST_VARIABLES),
]


class _Part(BaseModel):
    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
    )


class ErrorDocument(_Part):
    code: Annotated[Text, Field(max_length=60)]
    message: Text
    hint: Text = ""
    retry_after_seconds: Amount | None = None


class UsageDocument(_Part):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class ReplyDocument(_Part):
    """A reply without its text, which is the turn's content."""

    state: TurnState
    reasoning: Text = ""
    provider: Name = ""
    model: ModelName = ""
    reason: Text = ""
    notices: Annotated[list[Text], Field(max_length=MOST_NOTICES)] = []
    usage: UsageDocument | None = None
    cost_usd: Amount | None = None
    finish_reason: FinishReason | None = None
    error: ErrorDocument | None = None
    first_token_seconds: Amount | None = None
    reasoning_seconds: Amount | None = None
    duration_seconds: Amount | None = None
    memory_from: Count | None = None
    summary: Text = ""


class TurnDocument(_Part):
    """One turn; `parent_id` names the turn above it in the same conversation."""

    id: Id
    parent_id: Id | None = None
    role: Literal["user", "assistant"]
    content: Text
    persona_id: Key
    persona_name: Name
    avatar: Avatar | None = None
    persona_revision: Key = ""
    created_at: Moment
    edited: bool = False
    rating: Literal[1, -1] | None = None
    rating_note: Text = ""
    reply: ReplyDocument | None = None


class ConversationDocument(_Part):
    """A conversation with its whole tree, siblings oldest first; `leaf_id` ends the active branch."""

    title: Title = ""
    pinned: bool = False
    archived: bool = False
    created_at: Moment
    updated_at: Moment
    leaf_id: Id | None = None
    variables: Annotated[Variables, Field(exclude_if=lambda values: not values)] = {}
    settings: Annotated[
        ChatSettings,
        Field(exclude_if=lambda settings: not settings),
        PlainSerializer(lambda settings: settings.model_dump(by_alias=True, exclude_none=True)),
    ] = AS_IN_THE_PERSONA
    turns: list[TurnDocument]


class Document(_Part):
    format: Literal["personachat.conversations"]
    version: Literal[1]
    conversations: Annotated[list[ConversationDocument], Field(max_length=MOST_CONVERSATIONS)]


def document_of(turn: Turn) -> TurnDocument:
    """A turn in the form that is exported."""
    values = {name: getattr(turn, name) for name in _TURN_NAMES}
    return TurnDocument.model_construct(
        **values, content=turn.text, reply=_reply_document(turn.reply) if turn.reply else None
    )


def turn_of(document: TurnDocument) -> Turn:
    """The turn of a document, with its ids; a running reply counts as interrupted."""
    values = {name: getattr(document, name) for name in _TURN_NAMES}
    reply = _reply(document.reply, document.content) if document.reply else None
    return Turn(**values, content="" if reply else document.content, reply=reply)


def _reply_document(reply: Reply) -> ReplyDocument:
    error, usage = reply.error, reply.usage
    return ReplyDocument.model_construct(
        **{name: getattr(reply, name) for name in _REPLY_NAMES},
        notices=list(reply.notices),
        usage=UsageDocument.model_construct(**asdict(usage)) if usage else None,
        error=ErrorDocument.model_construct(**error.as_record()) if error else None,
    )


def _reply(document: ReplyDocument, text: str) -> Reply:
    error, usage = document.error, document.usage
    reply = Reply(
        **{name: getattr(document, name) for name in _REPLY_NAMES},
        text=text,
        notices=tuple(document.notices),
        usage=Usage(**dict(usage)) if usage else None,
        error=Failed(**dict(error)) if error else None,
    )
    return replace(reply, state="interrupted") if reply.live else reply


_TURN_NAMES = tuple(name for name in TurnDocument.model_fields if name not in {"content", "reply"})
_REPLY_NAMES = tuple(name for name in ReplyDocument.model_fields if name not in {"notices", "usage", "error"})
