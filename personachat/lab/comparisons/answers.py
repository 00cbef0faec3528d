"""The replies of a comparison, found in its variants' conversations by the turns they answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from personachat.chat.live_conversations import CurrentConversations
from personachat.conversations.model import Turn
from personachat.errors import ConversationNotFound
from personachat.lab.comparisons.model import Comparison, Variant
from personachat.lab.comparisons.seen import Answers


def answers_of(comparison: Comparison, conversations: CurrentConversations, *, kept_under: str) -> Answers:
    """Live ones as they are now; replies that couldn't be started are missing."""
    turns: dict[str, dict[str, Turn]] = {each.id: {} for each in comparison.rounds}
    for variant in comparison.variants:
        below = _answered(variant, conversations, kept_under)
        for one in comparison.rounds:
            turn = below.get(one.asked.get(variant.id, ""))
            if turn is not None:
                turns[one.id][variant.id] = turn
    return turns


def _answered(variant: Variant, conversations: CurrentConversations, kept_under: str) -> Mapping[str, Turn]:
    if variant.conversation_id is None:
        return {}
    with suppress(ConversationNotFound):
        path = conversations.get(kept_under, variant.conversation_id, with_siblings=False).path
        return {turn.parent_id: turn for turn in path if turn.parent_id and turn.reply}
    return {}
