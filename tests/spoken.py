"""Turns for tests of what keeps them."""

from __future__ import annotations

from typing import Any

from personachat.conversations.base import ConversationStore
from personachat.conversations.model import Reply, Turn
from personachat.stamps import new_id

OWNER = "user:ada"


def said(text: str, *, after: str | None = None, **fields: Any) -> Turn:
    """A user's turn."""
    return Turn(new_id(), after, "user", text, "tester", "Tester", **fields)


def replied(text: str = "", *, after: str | None, **reply: Any) -> Turn:
    """An assistant's turn: running, unless a state is given."""
    return Turn(new_id(), after, "assistant", "", "tester", "Tester", reply=Reply(text=text, **reply))


def spoken(
    store: ConversationStore, conversation_id: str, *texts: str, after: str | None = None
) -> list[Turn]:
    """Append users' turns, each below the one before."""
    turns: list[Turn] = []
    for text in texts:
        turns.append(said(text, after=turns[-1].id if turns else after))
    leaf_id = store.get(OWNER, conversation_id, last=1).leaf_id
    assert store.append(OWNER, conversation_id, turns, only_after=leaf_id)
    return turns
