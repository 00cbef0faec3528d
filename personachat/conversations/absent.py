"""What is said of something that is not there, or somebody else's: the same in every store."""

from __future__ import annotations

from personachat.errors import ConversationNotFound, TurnNotFound


def no_such_conversation() -> ConversationNotFound:
    return ConversationNotFound("This conversation does not exist, or no longer.", hint="Start a new chat.")


def no_such_turn() -> TurnNotFound:
    return TurnNotFound("This message does not exist, or no longer.")
