"""Whether a comparison has changed, in one small query, for an open page that shows it."""

from __future__ import annotations

from typing import TypeAlias

from sqlalchemy import Connection, func, select

from personachat.conversations.tables import conversations
from personachat.lab.comparisons.tables import (
    comparison_rounds,
    comparison_variants,
    comparison_votes,
    comparisons,
)

ComparisonMark: TypeAlias = tuple[object, ...]
"""A value that changes with each message, vote, retry, title and deletion."""

_c, _r, _v = comparisons.c, comparison_rounds.c, comparison_votes.c
_votes = comparison_votes.join(comparison_rounds, _v.round_id == _r.id)
_conversations = select(comparison_variants.c.conversation_id).where(
    comparison_variants.c.comparison_id == _c.id
)
_mark = select(
    _c.title,
    _c.updated_at,
    _c.deleted_at,
    _c.list_state,
    select(func.count()).where(_r.comparison_id == _c.id, _r.revealed).scalar_subquery(),
    select(func.max(_v.voted_at)).select_from(_votes).where(_r.comparison_id == _c.id).scalar_subquery(),
    select(func.max(conversations.c.changed_at))
    .where(conversations.c.id.in_(_conversations))
    .scalar_subquery(),
)


def comparison_mark(connection: Connection, owner: str, comparison_id: str) -> ComparisonMark:
    """The version of one comparison; () if it doesn't exist."""
    row = connection.execute(_mark.where(_c.id == comparison_id, _c.owner == owner)).first()
    return tuple(row) if row else ()
