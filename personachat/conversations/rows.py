"""Rows of the tables as values, and back.

Characters that a database can't store (NUL, lone surrogates) are replaced, and overlong provider names are
cut, so that no text makes a write fail. An invalid avatar is ignored when read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Row

from personachat.avatars import safe_face
from personachat.conversations.model import Conversation, QueuedMessage, Reply, SentRequest, Turn
from personachat.conversations.tables import turns
from personachat.messages import ChatMessage, Failed, Usage, storable

TURN_COLUMNS = tuple(
    turns.c[name]
    for name in turns.c.keys()  # noqa: SIM118  # not the columns themselves
    if name not in {"journal", "request", "process_id", "wanted", "error_code"}
)
"""The columns of a Turn, without those that may be large."""

_MOST_PROVIDER, _MOST_MODEL = 80, 200  # as wide as their columns

_AS_THEY_ARE = (
    "cost_usd",
    "finish_reason",
    "first_token_seconds",
    "reasoning_seconds",
    "duration_seconds",
    "memory_from",
)
_WORDS = ("reasoning", "reason", "summary")
_COUNTS = tuple(field.name for field in fields(Usage))


def turn_of(row: Row[Any]) -> Turn:
    """A turn from a row with TURN_COLUMNS."""
    reply = reply_of(row)
    return Turn(
        id=row.id,
        parent_id=row.parent_id,
        role="assistant" if reply else row.role,
        content="" if reply else row.text,
        persona_id=row.persona_id,
        persona_name=row.persona_name,
        avatar=safe_face(row.avatar),
        persona_revision=row.persona_revision,
        persona_label=row.persona_label,
        reply=reply,
        depth=row.depth,
        created_at=row.created_at,
        edited=row.edited,
        rating=row.rating if row.rating in {1, -1} else None,
        rating_note=row.rating_note,
    )


def reply_of(row: Row[Any]) -> Reply | None:
    """The reply in a row with TURN_COLUMNS; None if the turn wasn't generated."""
    if row.state is None:
        return None
    usage = Usage(**{name: getattr(row, name) for name in _COUNTS})
    return Reply(
        state=row.state,
        text=row.text,
        provider=row.provider,
        model=row.model,
        notices=tuple(row.notices or ()),
        usage=None if usage == Usage() else usage,
        error=Failed.from_record(row.error) if row.error else None,
        reasoning=row.reasoning,
        reason=row.reason,
        summary=row.summary,
        cost_usd=row.cost_usd,
        finish_reason=row.finish_reason,
        first_token_seconds=row.first_token_seconds,
        reasoning_seconds=row.reasoning_seconds,
        duration_seconds=row.duration_seconds,
        memory_from=row.memory_from,
    )


def turn_values(turn: Turn, *, conversation_id: str, depth: int) -> dict[str, Any]:
    """The columns of a new turn, always with those of a reply, as bulk inserts need."""
    return {
        "id": turn.id,
        "conversation_id": conversation_id,
        "parent_id": turn.parent_id,
        "depth": depth,
        "role": turn.role,
        "persona_id": turn.persona_id,
        "persona_name": turn.persona_name,
        "persona_revision": turn.persona_revision,
        "persona_label": turn.persona_label,
        "avatar": turn.avatar,
        "created_at": turn.created_at,
        "edited": turn.edited,
        "rating": turn.rating,
        "rating_note": storable(turn.rating_note),
        **reply_values(turn.reply or Reply()),
        "text": storable(turn.text),
        "state": turn.reply.state if turn.reply else None,
    }


def reply_values(reply: Reply) -> dict[str, Any]:
    """The columns of a reply, without its journal."""
    usage = reply.usage or Usage()
    return {
        "state": reply.state,
        "text": storable(reply.text),
        "provider": storable(reply.provider)[:_MOST_PROVIDER],
        "model": storable(reply.model)[:_MOST_MODEL],
        "notices": [storable(notice) for notice in reply.notices] or None,
        **asdict(usage),
        "error_code": reply.error.code if reply.error else None,
        "error": _storable_all(reply.error.as_record()) if reply.error else None,
        **{name: storable(getattr(reply, name)) for name in _WORDS},
        **{name: getattr(reply, name) for name in _AS_THEY_ARE},
    }


def prompt_values(request: SentRequest) -> dict[str, Any]:
    """The row of `prompts`: messages under their SHA-256."""
    messages = [[message.role, storable(message.content)] for message in request.messages]
    digest = hashlib.sha256(json.dumps(messages).encode()).hexdigest()
    return {"id": digest, "messages": messages}


def request_values(request: SentRequest, *, prompt_id: str) -> dict[str, Any]:
    return {"parameters": _storable_all(request.parameters), "prompt_id": prompt_id}


def request_of(request: Mapping[str, Any], messages: Iterable[Any]) -> SentRequest | None:
    """The request as it was sent; None if the stored value isn't one."""
    match request:
        case {"parameters": dict(parameters)}:
            pass
        case _:
            return None
    sent_messages = []
    for message in messages:
        match message:
            case ["system" | "user" | "assistant" as role, str(content)]:
                sent_messages.append(ChatMessage(role, content))
            case _:
                return None
    return SentRequest(tuple(sent_messages), parameters)


def conversation_of(row: Row[Any], *, queue: tuple[QueuedMessage, ...] = ()) -> Conversation:
    """A conversation's head, without its path."""
    return Conversation(
        id=row.id,
        owner=row.owner,
        durable=row.kept,
        title=row.title,
        leaf_id=row.leaf_id,
        queue=queue,
        pinned=row.pinned,
        archived=row.archived,
        created_at=row.created_at,
        updated_at=row.updated_at,
        variables=row.variables or {},
        settings=row.settings or {},
        changed_at=row.changed_at,
    )


def queued_of(row: Row[Any]) -> QueuedMessage:
    return QueuedMessage(row.id, row.content, row.persona_id, row.offline)


def _storable_all(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {key: _storable_all(item) for key, item in value.items()}
    return [_storable_all(item) for item in value] if isinstance(value, (list, tuple)) else value
